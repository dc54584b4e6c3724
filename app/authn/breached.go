package authn

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Breached is a file of passwords that are known from breaches, as Have I Been Pwned offers it: the SHA-1 of each in
// 40 hexadecimal digits, a colon and how often it was seen, one a line, in ascending order. It is looked up where it is
// and not read into memory. It is safe for concurrent use.
type Breached struct {
	file *os.File
	size int64
}

const (
	digits = sha1.Size * 2
	// longestLine bounds a line with what ends it: the digits, a colon and the digits of an int64.
	longestLine = digits + 1 + 19 + 2
	// samples is how many places of the file are looked at when it is opened.
	samples = 4096
)

// OpenBreached opens the file. It returns an error that names it if it is not of that form or not in order, as far as
// its first and last line and 4096 others in equal distances tell. It must not be changed while it is open.
func OpenBreached(path string) (*Breached, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := &Breached{file: file}
	info, err := file.Stat()
	if err == nil {
		b.size = info.Size()
		err = b.check()
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// Close closes the file. Of nil it does nothing.
func (b *Breached) Close() error {
	if b == nil {
		return nil
	}
	return b.file.Close()
}

// check returns an error unless the lines that it looks at are of the form and in order.
func (b *Breached) check() error {
	var last [sha1.Size]byte
	lastAt := int64(-1)
	step := max(b.size/samples, 1)
	for at := int64(0); at < b.size; {
		start, next, hash, err := b.line(at)
		if err != nil {
			return err
		}
		if lastAt >= 0 && bytes.Compare(hash[:], last[:]) <= 0 {
			return fmt.Errorf("the hash at byte %d does not come after the one at byte %d: the file must be in their order",
				start, lastAt)
		}
		last, lastAt = hash, start
		if at = max(next, start+step); at >= b.size && next < b.size {
			at = b.size - 1 // the last line
		}
	}
	if lastAt < 0 {
		return errors.New("the file is empty")
	}
	return nil
}

// Contains reports whether the file has the password. It reads about 30 lines of a file of any size.
func (b *Breached) Contains(password string) (bool, error) {
	wanted := sha1.Sum([]byte(password))
	for low, high := int64(0), b.size; low < high; {
		start, next, hash, err := b.line(low + (high-low)/2)
		if err != nil {
			return false, fmt.Errorf("%s: %w", b.file.Name(), err)
		}
		switch bytes.Compare(wanted[:], hash[:]) {
		case 0:
			return true, nil
		case -1:
			high = start
		default:
			low = next
		}
	}
	return false, nil
}

// line reads the line that the byte at is part of, and returns where it and the next one begin.
func (b *Breached) line(at int64) (start, next int64, hash [sha1.Size]byte, err error) {
	from := max(at-longestLine, 0)
	window := make([]byte, 2*longestLine)
	n, err := b.file.ReadAt(window, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, hash, err
	}
	window = window[:n]
	within := min(int(at-from), n)
	begins := bytes.LastIndexByte(window[:within], '\n') + 1
	text, _, ended := bytes.Cut(window[begins:], []byte("\n"))
	start, next = from+int64(begins), from+int64(begins+len(text))
	if ended {
		next++
	}
	count, found := bytes.CutPrefix(text[min(digits, len(text)):], []byte(":"))
	count = bytes.TrimSuffix(count, []byte("\r"))
	if found && (begins > 0 || from == 0) && (ended || next == b.size) {
		if _, err := hex.Decode(hash[:], text[:digits]); err == nil {
			if _, err := strconv.ParseUint(string(count), 10, 63); err == nil {
				return start, next, hash, nil
			}
		}
	}
	return 0, 0, hash, fmt.Errorf("at byte %d: a line of 40 hexadecimal digits, a colon and a number is expected", start)
}
