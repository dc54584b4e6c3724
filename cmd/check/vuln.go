package main

import (
	"context"
	"io"
	"net/http"
	"time"
)

// The version is fixed, so that a run does not change because somebody published something.
const govulncheck = "golang.org/x/vuln/cmd/govulncheck@v1.8.0"

const publicDatabase = "https://vuln.go.dev"

// findVulnerabilities fails if our code reaches code that is known to be vulnerable. Without a
// database it cannot know: that is said, but is no failure, because it is not the tree's fault.
func (c *checker) findVulnerabilities(ctx context.Context, out io.Writer) (string, error) {
	database := c.database
	if database == "" && answers(ctx, publicDatabase+"/index/db.json") {
		database = publicDatabase
	}
	if database == "" {
		return "no vulnerability database reachable (set GOVULNDB)", errNotRun
	}
	return database, command(ctx, out, "nice", "-n5", "go", "run", govulncheck, "-db", database, "./...")
}

// answers reports whether an address can be read within a few seconds.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
