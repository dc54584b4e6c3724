package document

import (
	"bytes"
	"encoding/json"

	"canopy/domain"
)

// parser reads a record that is written as expected: an object whose members are all known, by just these
// names and with values of their kinds. Of any other it says that it is none, and nothing else: what that one
// is, or what is wrong with it, is for encoding/json to say. It takes valid UTF-8 for granted.
type parser struct {
	text []byte
	at   int
	no   bool     // this is none
	slab []string // what the addresses in records point into
}

// known are the members that an object may have, by name, each with what reads it into a T.
type known[T any] map[string]func(v *T, p *parser)

// parse reads the object at the beginning of text into v, and returns how long it is, 0 if it is none.
func parse[T any](p *parser, text []byte, members known[T], v *T) int {
	p.text, p.at, p.no = text, 0, false
	p.list('{', '}', func() {
		read := members[string(p.quoted())]
		if p.pass(':'); read == nil {
			p.no = true
		} else if !p.no {
			read(v, p)
		}
	})
	if p.no {
		return 0
	}
	return p.at
}

// list reads members between brackets, with commas between them.
func (p *parser) list(open, end byte, member func()) {
	if p.pass(open); p.next() == end {
		p.at++
		return
	}
	for !p.no {
		if member(); p.next() != ',' {
			p.pass(end)
			return
		}
		p.at++
	}
}

// next returns the next byte behind white space, 0 at the end.
func (p *parser) next() byte {
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (p *parser) pass(want byte) {
	p.no = p.no || p.next() != want
	p.at++
}

// quoted reads a text, which stays until the next.
func (p *parser) quoted() []byte {
	if p.pass('"'); p.no {
		return nil
	}
	for begin, escaped := p.at, false; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if !escaped {
				return p.text[begin : p.at-1]
			}
			var text string
			p.no = json.Unmarshal(p.text[begin-1:p.at], &text) != nil || bytes.IndexByte([]byte(text), 0) >= 0
			return []byte(text)
		case c < ' ':
			p.no = true
			return nil
		case c == '\\':
			escaped = true
			p.at++
		}
	}
	p.no = true
	return nil
}

// string reads a text. Many of them are one allocation.
func (p *parser) string() *string {
	if len(p.slab) == cap(p.slab) {
		p.slab = make([]string, 0, 256)
	}
	p.slab = append(p.slab, string(p.quoted()))
	return &p.slab[len(p.slab)-1]
}

// maxDigits is how long a number may be that is read here.
const maxDigits = 18

func (p *parser) number() *int64 {
	sign, n := int64(1), int64(0)
	if p.next() == '-' {
		sign = -1
		p.at++
	}
	begin := p.at
	for ; p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9'; p.at++ {
		n = 10*n + int64(p.text[p.at]-'0') // what is too long is none
	}
	digits := p.at - begin
	p.no = p.no || digits == 0 || digits > maxDigits || digits > 1 && p.text[begin] == '0'
	n *= sign
	return &n
}

func (p *parser) int() *int {
	n := int(*p.number())
	return &n
}

func (p *parser) bool() *bool {
	yes := p.next() == 't'
	word := "false"
	if yes {
		word = "true"
	}
	if p.no = p.no || !bytes.HasPrefix(p.text[p.at:], []byte(word)); !p.no {
		p.at += len(word)
	}
	return &yes
}

func stringsOf[T ~string](p *parser) *[]T {
	all := []T{}
	p.list('[', ']', func() { all = append(all, T(p.quoted())) })
	return &all
}

func (p *parser) attributes() domain.Attributes {
	all := domain.Attributes{}
	p.list('{', '}', func() {
		name := string(p.quoted())
		p.pass(':')
		all[name] = string(p.quoted())
	})
	return all
}
