package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func pngOf(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func jpegOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil))
	return b.Bytes()
}

// claiming returns a PNG whose header says that it has another size.
func claiming(t testing.TB, width, height uint32) []byte {
	t.Helper()
	b := pngOf(t, 1, 1, color.White)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// scanned returns a progressive JPEG, gray, whose scans refine coefficients that are all zero.
func scanned(width, height uint16, scans int) []byte {
	segment := func(marker byte, content ...byte) []byte {
		head := []byte{0xff, marker, 0, 0}
		binary.BigEndian.PutUint16(head[2:], uint16(len(content)+2))
		return append(head, content...)
	}
	size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, height), width)
	b := []byte{0xff, 0xd8}
	b = append(b, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	b = append(b, segment(0xc2, append(size, 1, 1, 0x11, 0)...)...)
	// The one code there is ends 2^14 blocks.
	b = append(b, segment(0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), 0xe0)...)...)
	for range scans {
		b = append(b, segment(0xda, 1, 1, 0, 1, 63, 0x21)...)
		b = append(b, make([]byte, 8)...)
	}
	return append(b, 0xff, 0xd9)
}

func TestScansAreBounded(t *testing.T) {
	_, err := NewMaker().Picture(t.Context(), scanned(64, 64, maxScans))
	require.NoError(t, err)
	started := time.Now()
	_, err = NewMaker().Picture(t.Context(), scanned(2048, 2048, 1000))
	require.ErrorIs(t, err, domain.ErrPictureTooLarge)
	require.Less(t, time.Since(started), time.Second)
}

func TestPictureIsMadeAnew(t *testing.T) {
	m := NewMaker()
	comment := append([]byte{0xff, 0xfe, 0, 9}, "secret!"...)
	source := jpegOf(t, 3, 2)
	source = append(append(append([]byte{}, source[:2]...), comment...), source[2:]...)
	source = append(source, "<script>alert(1)</script>"...)
	p, err := m.Picture(t.Context(), source)
	require.NoError(t, err)
	require.NotContains(t, string(p.JPEG), "secret!")
	require.NotContains(t, string(p.JPEG), "script")
	header, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG))
	require.NoError(t, err)
	require.Equal(t, []int{3, 2}, []int{header.Width, header.Height})
	again, err := m.Picture(t.Context(), source)
	require.NoError(t, err)
	require.Equal(t, p, again)

	p, err = m.Picture(t.Context(), pngOf(t, 8, 8, color.Transparent))
	require.NoError(t, err)
	require.NotEqual(t, p.Tag, again.Tag)
	seen, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	require.NoError(t, err)
	r, g, b, _ := seen.At(4, 4).RGBA()
	require.Greater(t, min(r, g, b), uint32(0xf000), "what one can see through is white")
}

func TestHostileImages(t *testing.T) {
	var moving bytes.Buffer
	require.NoError(t, gif.Encode(&moving, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.White}), nil))
	whole := jpegOf(t, 64, 64)
	for name, c := range map[string]struct {
		source []byte
		want   *domain.Error
	}{
		"nothing": {nil, domain.ErrPictureBroken},
		"a GIF":   {moving.Bytes(), domain.ErrPictureBroken},
		"an SVG": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
			domain.ErrPictureBroken},
		"a JPEG's beginning only":   {[]byte("\xff\xd8\xff\xe0"), domain.ErrPictureBroken},
		"a JPEG that is cut off":    {whole[:len(whole)/2], domain.ErrPictureBroken},
		"a PNG that is cut off":     {pngOf(t, 64, 64, color.Black)[:60], domain.ErrPictureBroken},
		"a PNG without pixels":      {claiming(t, 0, 0), domain.ErrPictureBroken},
		"too many bytes":            {append(whole, make([]byte, MaxBytes)...), domain.ErrPictureTooLarge},
		"a PNG of 65,000 by 65,000": {claiming(t, 65_000, 65_000), domain.ErrPictureTooLarge},
		"a PNG of 2^31 - 1":         {claiming(t, 1<<31-1, 1), domain.ErrPictureTooLarge},
		"one pixel too many":        {claiming(t, MaxPixels+1, 1), domain.ErrPictureTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := NewMaker().Picture(t.Context(), c.source)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, c.want)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "it costs no memory")
		})
	}
}

func TestTurnsAreBounded(t *testing.T) {
	m := NewMaker()
	for range turns {
		m.queue <- struct{}{}
		m.turn <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waits sync.WaitGroup
	for range waiting {
		waits.Go(func() {
			_, err := m.Picture(ctx, jpegOf(t, 1, 1))
			require.ErrorIs(t, err, domain.ErrUnavailable)
		})
	}
	for len(m.queue) < cap(m.queue) {
		runtime.Gosched()
	}
	_, err := m.Picture(t.Context(), jpegOf(t, 1, 1))
	require.ErrorIs(t, err, domain.ErrTooMany)
	cancel()
	waits.Wait()
	require.Len(t, m.queue, turns, "who gave up waits no more")
}

// FuzzCheck holds that whatever is let through to be decoded is of bounded size.
func FuzzCheck(f *testing.F) {
	f.Add(jpegOf(f, 2, 2))
	f.Add(pngOf(f, 2, 2, color.White))
	f.Add(claiming(f, 1<<30, 1<<30))
	f.Fuzz(func(t *testing.T, source []byte) {
		p, err := NewMaker().Picture(t.Context(), source)
		if err != nil {
			e := domain.AsError(err)
			require.Equal(t, domain.Invalid, e.Kind)
			return
		}
		header, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG))
		require.NoError(t, err)
		require.LessOrEqual(t, header.Width*header.Height, MaxPixels)
		require.NotEmpty(t, p.Tag)
	})
}
