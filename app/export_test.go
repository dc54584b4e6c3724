package app

import (
	"context"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"canopy/app/authn"
	"canopy/persistence/db"
)

// Whose returns the name of the surface whose credentials a request carries.
var Whose = whose

// SurfaceNames are the names of all surfaces.
var SurfaceNames = surfaceNames

// Offered is a surface as the server offers it.
type Offered struct {
	Name    string
	App     *fiber.App
	OpenAPI []byte
}

// Surfaces returns the server's own list of those that programs use.
func (s *Server) Surfaces() []Offered {
	return slices.DeleteFunc(s.Applications(), func(o Offered) bool { return o.OpenAPI == nil })
}

// Applications returns the server's own list, and the pages of people.
func (s *Server) Applications() []Offered {
	var all []Offered
	for _, surface := range s.surfaces {
		all = append(all, Offered{Name: surface.name, App: surface.app, OpenAPI: surface.openAPI})
	}
	return all
}

// RunJobs runs each of the server's jobs once.
func (d *Directory) RunJobs(ctx context.Context) error {
	var problems []error
	for _, j := range d.background.jobs() {
		problems = append(problems, j.run(ctx))
	}
	return errors.Join(problems...)
}

// Tokens returns what reads the credentials of sessions.
func (d *Directory) Tokens() *authn.Tokens { return d.access.tokens }

// Demands returns what compares accounts with what they need.
func (d *Directory) Demands() *authn.Demands { return d.access.demands }

// Passwords returns what verifies the directory's passwords.
func (d *Directory) Passwords() *authn.Passwords { return d.access.passwords }

// Activity returns the notes of who was seen.
func (d *Directory) Activity() *authn.Activity { return d.access.activity }

// FlushUsage writes down what was counted of the usage of objects.
func (d *Directory) FlushUsage(ctx context.Context) error { return d.background.usage.Flush(ctx) }

// NewEnough reports whether a program of a version is what a step of the schema needs.
var NewEnough = newEnough

// FillDemo fills a new directory with the demo; everybody has the configured password.
func FillDemo(ctx context.Context, cfg *Config, db *db.DB) error { return fillDemo(ctx, cfg, db, true) }
