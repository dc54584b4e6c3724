package domain

import (
	"crypto/sha256"
	"encoding/hex"
)

// Picture is the image of a user or an organization: a JPEG, and a tag that is another one for every other image.
// The zero Picture is none.
type Picture struct {
	Tag  string
	JPEG []byte // read only where that is said
}

// NewPicture returns the picture that the JPEG is.
func NewPicture(jpeg []byte) Picture {
	sum := sha256.Sum256(jpeg)
	return Picture{Tag: hex.EncodeToString(sum[:12]), JPEG: jpeg}
}

// Errors about pictures.
var (
	ErrPictureNotFound = &Error{Kind: NotFound, Code: "picture_not_found", Field: "picture",
		Public: "There is no image."}
	ErrPictureTooLarge = &Error{Kind: Invalid, Code: "picture_too_large", Field: "picture",
		Public: "This image is too large."}
	ErrPictureBroken = &Error{Kind: Invalid, Code: "picture_broken", Field: "picture",
		Public: "Give a JPEG or PNG image."}
)
