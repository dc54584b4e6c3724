package rest

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// decodePlace reads an environment's number, alias, or path whose slashes are encoded.
func decodePlace(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	return domain.EnvironmentRef(httpx.Param(c, "id")), nil
}

func writeUserRights(w *httpx.Writer, key string, r *directory.UserRights) {
	w.Open(key, '{')
	w.Flag("own", r.Own)
	w.Flag("update", r.Update)
	w.Flag("delete", r.Delete)
	w.Close('}')
}

func writeGroupRights(w *httpx.Writer, key string, r *directory.GroupRights) {
	w.Open(key, '{')
	w.Flag("update", r.Update)
	w.Flag("delete", r.Delete)
	writeTexts(w, "give", r.Give.Permissions())
	w.Close('}')
}

// writeBranch writes an environment as it is found in the tree, and what the caller may do to it.
func writeBranch(w *httpx.Writer, key string, b *directory.Branch) {
	w.Open(key, '{')
	writePlace(w, "environment", &b.EnvironmentDocument)
	writePlaces(w, "way", b.Way)
	writePlaces(w, "tops", b.Tops)
	w.Open("rights", '{')
	w.Flag("create", b.May.Create)
	w.Flag("createOrganization", b.May.CreateOrganization)
	w.Flag("update", b.May.Change)
	w.Flag("move", b.May.Move)
	w.Flag("switch", b.May.Switch)
	w.Flag("delete", b.May.Delete)
	w.Close('}')
	w.Close('}')
}

func writeContents(w *httpx.Writer, key string, c *domain.Contents) {
	w.Open(key, '{')
	w.Number("environments", c.Environments)
	w.Number("people", c.People)
	w.Number("grantsIn", c.GrantsIn)
	w.Number("grantsOut", c.GrantsOut)
	w.Flag("complete", c.Complete)
	w.Close('}')
}

func writePlaces(w *httpx.Writer, key string, all []directory.EnvironmentDocument) {
	w.Open(key, '[')
	for i := range all {
		writePlace(w, "", &all[i])
	}
	w.Close(']')
}

func writeGroupUses(w *httpx.Writer, key string, u *directory.GroupUses) {
	w.Open(key, '{')
	writeGroup(w, "group", &u.GroupDocument)
	w.Open("below", '[')
	for i := range u.Below {
		writeGroup(w, "", &u.Below[i])
	}
	w.Close(']')
	w.Close('}')
}

func decodeGroupSearch(c *fiber.Ctx) (string, error) {
	return httpx.Query(c, "q"), httpx.RefuseUnknown(c, "q")
}

// decodeMember reads which user is to be in which group, or not any more.
func decodeMember(c *fiber.Ctx) (in directory.GroupMembers, err error) {
	in.Group, err = decodeGroupID(c)
	in.Users = []domain.UserRef{domain.ParseUserRef(httpx.Param(c, "user"))}
	return in, err
}

func (s *Surface) decodeReset(c *fiber.Ctx) (accounts.SendReset, error) {
	return accounts.SendReset{User: userOf(c), Link: s.pages.Reset(), Lifetime: resetLifetime}, httpx.RefuseUnknown(c)
}

func (s *Surface) decodeInviteAgain(c *fiber.Ctx) (accounts.SendConfirmation, error) {
	return accounts.SendConfirmation{User: userOf(c), Purpose: domain.AcceptInvite, Link: s.pages.Accept(),
		Lifetime: acceptLifetime}, httpx.RefuseUnknown(c)
}
