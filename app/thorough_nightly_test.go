//go:build nightly

package app_test

import (
	"testing"

	"canopy/persistence/faultdb"
)

// What takes minutes and by day is done in part.

func TestFrenchPagesAreAccessible(t *testing.T) { lookAtPages(t, "fr") }

func TestBranchAdminWithTheMouse(t *testing.T) { doAsBranchAdmin(t, way{"mouse", mouse{}, true}) }

func TestPagesCostTheSameForManyPeople(t *testing.T) { comparePages(t, 100, 100_000) }

func TestMoreFaults(t *testing.T) { failStatements(t, 2, len(faultdb.Kinds), engines()...) }

func TestModelForLonger(t *testing.T) { runModel(t, 100) }

func TestModelOfSignInsForLonger(t *testing.T) { runSignIns(t, 200) }

func TestNonInterferenceForLonger(t *testing.T) { interfere(t, 5) }

func TestWhetherAnAddressHasAnAccountForLonger(t *testing.T) { askAboutAnAddress(t, 50) }
