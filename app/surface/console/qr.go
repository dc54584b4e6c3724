package console

import (
	"image/color"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is how much of nothing a QR code has around it (ISO/IEC 18004, 6.3.8).
const quiet = 4

// A qrCode is a picture that a phone reads a text from: the path of its dark parts, in a square.
type qrCode struct {
	path string
	side string // with what is around it
}

// qrOf returns the picture of a text.
func qrOf(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, err
	}
	side := code.Bounds().Dx()
	var path strings.Builder
	for y := range side {
		for x := 0; x < side; x++ {
			n := 0
			for ; x+n < side && code.At(x+n, y) == color.Black; n++ {
			}
			if n > 0 {
				path.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + strconv.Itoa(n) + "v1h-" +
					strconv.Itoa(n) + "z")
				x += n
			}
		}
	}
	return qrCode{path: path.String(), side: strconv.Itoa(side + 2*quiet)}, nil
}
