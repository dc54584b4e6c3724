package main

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

// The file says on each line what is to be found there; what is not said must not be found.
func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), Analyzer, "a")
}
