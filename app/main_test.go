package app_test

import (
	"testing"

	"canopy/persistence/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
