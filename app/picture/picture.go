package picture

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"canopy/domain"
)

// The bounds of an image that is taken. Decoding one takes about four bytes a pixel.
const (
	MaxBytes  = 512 << 10
	MaxPixels = 4 << 20
	// maxScans is how often a JPEG may go over its pixels: a scan of a few bytes can go over all
	// of them. Encoders write about ten.
	maxScans = 32
	// turns is how many images are decoded at once, and waiting how many more may wait.
	turns   = 2
	waiting = 16
)

// Quality is the quality of the JPEGs that are kept.
const quality = 85

// Maker makes pictures. It is safe for concurrent use.
type Maker struct {
	queue chan struct{} // who waits or decodes
	turn  chan struct{} // who decodes
}

// NewMaker returns a maker of pictures.
func NewMaker() *Maker {
	return &Maker{queue: make(chan struct{}, turns+waiting), turn: make(chan struct{}, turns)}
}

// Picture returns the picture in an image of JPEG or PNG. It returns domain.ErrPictureBroken for what
// is none, domain.ErrPictureTooLarge for too many bytes or pixels, domain.ErrTooMany if too many
// wait, and domain.ErrUnavailable if ctx ends while it waits.
func (m *Maker) Picture(ctx context.Context, source []byte) (domain.Picture, error) {
	decode, err := check(source)
	if err != nil {
		return domain.Picture{}, err
	}
	select {
	case m.queue <- struct{}{}:
		defer func() { <-m.queue }()
	default:
		return domain.Picture{}, domain.ErrTooMany
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return domain.Picture{}, domain.ErrUnavailable.Because(ctx.Err())
	}
	return convert(source, decode)
}

// check looks at the size and the header of an image, and returns what decodes it.
func check(source []byte) (func([]byte) (image.Image, error), error) {
	if len(source) > MaxBytes {
		return nil, domain.ErrPictureTooLarge.Saying("At most %d bytes are allowed.", MaxBytes)
	}
	var header image.Config
	var err error
	var decode func([]byte) (image.Image, error)
	switch {
	case bytes.HasPrefix(source, []byte("\xff\xd8\xff")):
		if bytes.Count(source, []byte("\xff\xda")) > maxScans {
			return nil, domain.ErrPictureTooLarge.Saying("At most %d scans are allowed.", maxScans)
		}
		header, err = jpeg.DecodeConfig(bytes.NewReader(source))
		decode = func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }
	case bytes.HasPrefix(source, []byte("\x89PNG\r\n\x1a\n")):
		header, err = png.DecodeConfig(bytes.NewReader(source))
		decode = func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) }
	default:
		return nil, domain.ErrPictureBroken
	}
	if err != nil || header.Width <= 0 || header.Height <= 0 {
		return nil, domain.ErrPictureBroken.Because(err)
	}
	if int64(header.Width)*int64(header.Height) > MaxPixels {
		return nil, domain.ErrPictureTooLarge.Saying("At most %d pixels are allowed.", MaxPixels)
	}
	return decode, nil
}

// convert decodes an image and encodes it as ours, on white where one could see through it.
func convert(source []byte, decode func([]byte) (image.Image, error)) (domain.Picture, error) {
	decoded, err := decode(source)
	if err != nil {
		return domain.Picture{}, domain.ErrPictureBroken.Because(err)
	}
	if opaque, ok := decoded.(interface{ Opaque() bool }); !ok || !opaque.Opaque() {
		canvas := image.NewRGBA(decoded.Bounds())
		draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(canvas, canvas.Bounds(), decoded, decoded.Bounds().Min, draw.Over)
		decoded = canvas
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, decoded, &jpeg.Options{Quality: quality}); err != nil {
		return domain.Picture{}, domain.ErrPictureBroken.Because(err)
	}
	return domain.NewPicture(out.Bytes()), nil
}
