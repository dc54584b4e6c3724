// Package a has what is found, and what is like it and right.
package a

import (
	"io"
	"strconv"
)

type thing struct {
	Name  string
	Inner *thing
}

func (t thing) Path() string { return t.Name[:1] }

type handle struct{ name string }

func (h *handle) Close() error { return nil }

func get() (thing, error)             { return thing{}, nil }
func all() ([]thing, string, error)   { return nil, "", nil }
func open() (*handle, error)          { return nil, nil }
func both() (first, second error)     { return nil, nil }
func describe(t thing) thing          { return thing{Name: t.Path()} }
func descriptions(ts []thing) []thing { return ts }
func keep[T any](v T, err error) (T, error) {
	return v, err
}

func describedWithItsError() (thing, error) {
	saved, err := get()
	return describe(saved), err // want `saved is used before err was looked at`
}

func describedAfterAssignment() (_ thing, err error) {
	var created thing
	created, err = get()
	return describe(created), err // want `created is used before err was looked at`
}

func describedInAFunctionLiteral() func() ([]thing, string, error) {
	return func() ([]thing, string, error) {
		page, next, err := all()
		return descriptions(page), next, err // want `page is used before err was looked at`
	}
}

func method() (string, error) {
	t, err := get()
	return t.Path(), err // want `t is used before err was looked at`
}

func deferred() error {
	h, err := open()
	defer h.Close() // want `h is used before err was looked at`
	if err != nil {
		return err
	}
	return nil
}

func fieldBehindAPointer() (string, error) {
	h, err := open()
	return h.name, err // want `h is used before err was looked at`
}

func element() (thing, error) {
	ts, _, err := all()
	return ts[0], err // want `ts is used before err was looked at`
}

func dereferenced() (handle, error) {
	h, err := open()
	return *h, err // want `h is used before err was looked at`
}

func condition() error {
	t, err := get()
	if t.Path() == "" || err != nil { // want `t is used before err was looked at`
		return err
	}
	return nil
}

func onOneWayOnly(careful bool) (thing, error) {
	t, err := get()
	if careful {
		if err != nil {
			return t, err
		}
	}
	return describe(t), err // want `t is used before err was looked at`
}

func inALoop() (names []string, err error) {
	ts, _, err := all()
	for i := range ts {
		names = append(names, ts[i].Path()) // want `ts is used before err was looked at`
	}
	return names, err
}

func declared() (thing, error) {
	var t, err = get()
	return describe(t), err // want `t is used before err was looked at`
}

func argumentOfTheNextCall() error {
	t, err := get()
	n, err := strconv.Atoi(t.Path()) // want `t is used before err was looked at`
	_ = n
	return err
}

func handedOn() (thing, error) {
	t, err := get()
	return t, err
}

func fieldOfAStruct() (string, error) {
	t, err := get()
	return t.Name, err
}

func partOfAnother() (thing, error) {
	t, err := get()
	return thing{Inner: &t}, err
}

func length() (int, error) {
	ts, _, err := all()
	return len(ts), err
}

func converted() (int64, error) {
	n, err := strconv.Atoi("1")
	return int64(n), err
}

func lookedAtFirst() (thing, error) {
	t, err := get()
	if err != nil {
		return thing{}, err
	}
	return describe(t), nil
}

func lookedAtInTheSameCondition() bool {
	t, err := get()
	return err == nil && t.Path() == ""
}

func lookedAtByTheCall() (thing, error) {
	t, err := get()
	return keep(t, err)
}

func later() (func() thing, error) {
	t, err := get()
	return func() thing { return describe(t) }, err
}

func count(r io.Reader, buffer []byte) ([]byte, error) {
	n, err := r.Read(buffer)
	return buffer[:n], err
}

func errorsOnly() string {
	first, second := both()
	return first.Error() + second.Error()
}

func replaced() (thing, error) {
	t, err := get()
	t, err = get()
	if err != nil {
		return t, err
	}
	return describe(t), nil
}

func promised() (thing, error) {
	t, err := get() //nolint:early // get always returns one
	return describe(t), err
}

func notLookedAt() thing {
	t, _ := get()
	return describe(t)
}
