package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// A placeholder stands in double braces. In a response it stands for what the file cannot
// know, by kind: {{uuid}}, {{token}}, {{cursor}}, {{any}}; {{uuid:ada}} also calls what was
// found "ada", and {{ada}} stands for it from then on, in requests and responses. In a
// request {{png:N}} is an image of N by N pixels, {{basic:NAME:PASSWORD}} is the credentials of HTTP Basic,
// {{fill:N}} is N letters, and {{otp:NAME}} is the one-time code of now of the secret that was called that.
// {{issuer}} is the issuer of an identity provider that answers.
var placeholder = regexp.MustCompile(`\{\{([a-z]+[a-zA-Z0-9]*)(?::([^{}]*))?\}\}`)

// kinds are the patterns of what placeholders in responses stand for.
var kinds = map[string]string{
	"uuid":   `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"token":  `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`,
	"cursor": `[A-Za-z0-9_-]+`,
	"any":    `[^"\r\n]*`,
	"bytes":  `.+`,
}

// captures are what placeholders were found to stand for, by name.
type captures map[string]string

// clockName is under which captures have the time.
const clockName = "(clock)"

// expand returns text of a request with everything in it that its placeholders stand for.
func (c captures) expand(text string) (string, error) {
	var problem error
	expanded := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		found := placeholder.FindStringSubmatch(p)
		value, err := c.value(found[1], found[2])
		if err != nil && problem == nil {
			problem = fmt.Errorf("%s: %w", p, err)
		}
		return value
	})
	return expanded, problem
}

func (c captures) value(name, argument string) (string, error) {
	switch name {
	case "basic":
		return base64.StdEncoding.EncodeToString([]byte(argument)), nil
	case "png":
		side, err := strconv.Atoi(argument)
		var b bytes.Buffer
		if err == nil {
			err = png.Encode(&b, image.NewRGBA(image.Rect(0, 0, side, side)))
		}
		return b.String(), err
	case "fill":
		n, err := strconv.Atoi(argument)
		if err != nil {
			return "", err
		}
		return strings.Repeat("x", n), nil
	case "otp":
		at, err := strconv.ParseInt(c[clockName], 10, 64)
		if err != nil || c[argument] == "" {
			return "", fmt.Errorf("nothing was called that before")
		}
		return totp.GenerateCode(c[argument], time.UnixMilli(at))
	}
	value, known := c[name]
	if !known || argument != "" {
		return "", fmt.Errorf("nothing was called that before")
	}
	return value, nil
}

// match reports whether got is what want, with its placeholders, stands for, and keeps
// what they name.
func (c captures) match(want, got string) (bool, error) {
	var pattern strings.Builder
	var names []string
	end := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[end:at[0]]))
		end = at[1]
		name, argument := want[at[2]:at[3]], ""
		if at[4] >= 0 {
			argument = want[at[4]:at[5]]
		}
		kind, typed := kinds[name]
		switch {
		case typed && argument == "":
			pattern.WriteString(kind)
		case typed && kinds[argument] == "":
			pattern.WriteString("(" + kind + ")")
			names = append(names, argument)
		default:
			value, err := c.value(name, argument)
			if err != nil {
				return false, fmt.Errorf("%s: %w", want[at[0]:at[1]], err)
			}
			pattern.WriteString(regexp.QuoteMeta(value))
		}
	}
	pattern.WriteString(regexp.QuoteMeta(want[end:]))
	whole, err := regexp.Compile(`(?s)\A` + pattern.String() + `\z`)
	if err != nil {
		return false, err
	}
	found := whole.FindStringSubmatch(got)
	for i, name := range names {
		if found != nil {
			c[name] = found[i+1]
		}
	}
	return found != nil, nil
}
