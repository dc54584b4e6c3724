package axway

import (
	"canopy/app/httpx"
	"canopy/domain"
)

// fields reads members of an object. The first that cannot be read is kept in err; what is read
// after it does not matter.
type fields struct {
	o   httpx.Object
	err error
}

// valueIf returns a member of that type; nil if there is none or it is null.
func valueIf[T any](f *fields, key string) *T {
	v, err := httpx.Value[T](f.o, key)
	if f.err == nil {
		f.err = err
	}
	return v
}

// parseIf returns a member that parse reads from text; nil if there is none.
func parseIf[T any](f *fields, key string, parse func(string) (T, error)) *T {
	text := valueIf[string](f, key)
	if text == nil || f.err != nil {
		return nil
	}
	v, err := parse(*text)
	if err != nil {
		f.err = domain.AsError(err).On(key)
	}
	return &v
}
