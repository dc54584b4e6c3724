package persistence_test

import (
	"testing"

	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/persistence/testdb"
)

func TestMain(m *testing.M) {
	storetest.Options = []db.Option{db.Traced(&watch)}
	testdb.Main(m)
}

func TestUsers(t *testing.T)        { storetest.Each(t, storetest.Users) }
func TestOverviews(t *testing.T)    { storetest.Each(t, storetest.Overviews) }
func TestBelow(t *testing.T)        { storetest.Each(t, storetest.Below) }
func TestLists(t *testing.T)        { storetest.Each(t, storetest.Lists) }
func TestEnvironments(t *testing.T) { storetest.Each(t, storetest.Environments) }
func TestOvertaking(t *testing.T)   { storetest.Each(t, storetest.Overtaking) }
func TestBeginning(t *testing.T)    { storetest.Each(t, storetest.Beginning) }
func TestFind(t *testing.T)         { storetest.Each(t, storetest.Find) }
func TestGroups(t *testing.T)       { storetest.Each(t, storetest.Groups) }
func TestSessions(t *testing.T)     { storetest.Each(t, storetest.Sessions) }
func TestAPIKeys(t *testing.T)      { storetest.Each(t, storetest.APIKeys) }
func TestFactors(t *testing.T)      { storetest.Each(t, storetest.Factors) }
func TestReminders(t *testing.T)    { storetest.Each(t, storetest.Reminders) }
func TestRemindersApart(t *testing.T) {
	storetest.Each(t, storetest.RemindersApart)
}
func TestEmergencies(t *testing.T)  { storetest.Each(t, storetest.Emergencies) }
func TestCodes(t *testing.T)        { storetest.Each(t, storetest.Codes) }
func TestProviders(t *testing.T)    { storetest.Each(t, storetest.Providers) }
func TestSigningKeys(t *testing.T)  { storetest.Each(t, storetest.SigningKeys) }
func TestConditions(t *testing.T)   { storetest.Each(t, storetest.Conditions) }
func TestApplications(t *testing.T) { storetest.Each(t, storetest.Applications) }
func TestPictures(t *testing.T)     { storetest.Each(t, storetest.Pictures) }
func TestPurge(t *testing.T)        { storetest.Each(t, storetest.Purge) }
func TestSocial(t *testing.T)       { storetest.Each(t, storetest.Social) }
func TestPeople(t *testing.T)       { storetest.Each(t, storetest.People) }
func TestIsolation(t *testing.T)    { storetest.Each(t, storetest.Isolation) }
func TestObjects(t *testing.T)      { storetest.Each(t, storetest.Objects) }
func TestObjectLists(t *testing.T)  { storetest.Each(t, storetest.ObjectLists) }
func TestCopies(t *testing.T)       { storetest.Each(t, storetest.Copies) }
func TestNoted(t *testing.T)        { storetest.Each(t, storetest.Noted) }
