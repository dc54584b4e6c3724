package app

import (
	"fmt"
	"os"

	"canopy/app/surface/axway"
	"canopy/domain"
)

// loadProperties reads the file that declares properties, in the form of axway.ParseProperties. No
// name is no properties.
func loadProperties(name string) (domain.Declared, error) {
	if name == "" {
		return domain.Declared{}, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return domain.Declared{}, fmt.Errorf("read the custom properties: %w", err)
	}
	declared, err := axway.ParseProperties(text)
	if err != nil {
		e := domain.AsError(err)
		return declared, fmt.Errorf("%s: %s: %s", name, e.Field, e.Public)
	}
	return declared, nil
}
