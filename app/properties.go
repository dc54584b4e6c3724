package app

import (
	"fmt"
	"os"

	"canopy/app/surface/axway"
	"canopy/domain"
)

// loadProperties reads the file that declares properties of users, in the form of
// axway.ParseProperties. No name is no properties.
func loadProperties(name string) (domain.Properties, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the custom properties: %w", err)
	}
	properties, err := axway.ParseProperties(text)
	if err != nil {
		e := domain.AsError(err)
		return nil, fmt.Errorf("%s: %s: %s", name, e.Field, e.Public)
	}
	return properties, nil
}
