// Command early is go vet that also finds results which are used before the error that came with them was looked at:
//
//	created, err := store.Insert(ctx, e)
//	return describe(created), err // describe gets nothing if err is not nil, and may panic
//
// It is a tool for go vet, whose cache makes it quick, and which reads the packages once for both:
//
//	go build -o /tmp/early ./cmd/check/early && go vet -vettool=/tmp/early ./...
//
// Handing a result on is no use of it, nor is a field of a struct, a conversion or the length of a
// list: they cannot fail. A call that gets the error too looks at it itself. The count that Read
// and Write return is meant to be used with an error. Where another call promises results beside an
// error, its line says so, with a reason: //nolint:early // …
package main

import (
	"slices"

	"golang.org/x/tools/go/analysis/suite/vet"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() { unitchecker.Main(append(slices.Clone(vet.Suite), Analyzer)...) }
