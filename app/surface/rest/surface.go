package rest

import (
	_ "embed"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// OpenAPI is the description of the surface.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Uses are the use cases the surface offers.
type Uses struct {
	Users        *directory.Users
	Environments *directory.Environments
	Groups       *directory.Groups
	Me           *directory.Me
	Sessions     *accounts.Sessions
	Accounts     *accounts.Accounts
	APIKeys      *accounts.APIKeys
	Factors      *accounts.Factors
	Explain      *directory.Explain
	Audit        *directory.Audit
	Overviews    *directory.Overviews
	Objects      *objects.Objects
	Previews     *directory.Previews
	Imports      *directory.Imports
	Providers    *accounts.Providers
}

// Surface answers requests of this API.
type Surface struct {
	uses    Uses
	auth    httpx.Auth
	trusted []netip.Prefix
	pages   accounts.Pages
	now     func() time.Time
}

// New returns the application of the surface. auth finds the principal of a request; links of
// mail lead to pages.
func New(server *httpx.Server, uses Uses, pages accounts.Pages, auth httpx.Auth, now func() time.Time) *fiber.App {
	s := &Surface{uses: uses, auth: onlyPlanned(inEnvironment(auth)), trusted: server.Trusted, pages: pages, now: now}
	app := server.NewApp("rest", s.problem)
	app.Use((&httpx.Keyed{Key: httpx.KeyInHeader(headerEnvironment, headerPlan, fiber.HeaderIfMatch),
		Place: placeOf, For: domain.AnswerKept}).Use)
	s.routes(app)
	return app
}

// routes lists every route, in the order of the document, then ours.
func (s *Surface) routes(r fiber.Router) {
	u, e, g := s.uses.Users, s.uses.Environments, s.uses.Groups

	r.Post("/auth", httpx.Open(s.decodeSignIn, s.uses.Factors.SignIn, s.encodeToken))

	s.accountRoutes(r) // before those of a user, with whom one of them shares its form
	r.Get("/rest/users", ofEnvironment(httpx.Handle(s.auth, decodeUserList, u.List, s.encodeUserList)))
	r.Get("/rest/users/:alias", httpx.Handle(s.auth, decodeAlias, u.Get, encodeVersion(s, writeUser)))
	r.Post("/rest/users", planned(s, decodeNewUser, u.Create, s.encodeCreatedUser))
	changes(r, "/rest/users/:id", planned(s, decodeUserChange, u.Update, encodeTrue[directory.UserDocument](s)))
	r.Delete("/rest/users/:id",
		planned(s, decodeDeleteUser, httpx.Done(u.Delete), encodeTrue[httpx.Just](s)))

	r.Get("/rest/users/:id/sessions",
		httpx.Handle(s.auth, bare(decodeUserRef), s.uses.Sessions.List, encodeAll(s, writeSession)))
	r.Delete("/rest/users/:id/sessions",
		httpx.Handle(s.auth, bare(decodeUserRef), httpx.Done(s.uses.Sessions.EndAll), encodeTrue[httpx.Just](s)))

	r.Delete("/rest/users/:id/sessions/:session", httpx.Handle(s.auth, bare(sessionOf(decodeUserRef, "session")),
		httpx.Done(s.uses.Sessions.End), encodeTrue[httpx.Just](s)))
	r.Get("/rest/users/:id/rights", httpx.Handle(s.auth, bare(decodeUserRef), u.RightsOver, encode(s, writeUserRights)))

	r.Get("/rest/environments", ofEnvironment(given("q",
		httpx.Handle(s.auth, decodeEnvironmentSearch, e.Search, encodeAll(s, writeEnvironment)),
		httpx.Handle(s.auth, decodeEnvironmentList, e.List, encodeListed(s, writeEnvironment)))))
	r.Get("/rest/environments/byAlias/:alias",
		httpx.Handle(s.auth, decodeEnvironmentAlias, e.Get, encodeVersion(s, writeEnvironment)))
	r.Get("/rest/environments/childs/:id",
		httpx.Handle(s.auth, decodeChildren, e.Children, encodeListed(s, writeEnvironment)))
	r.Get("/rest/environments/:id", httpx.Handle(s.auth, decodeEnvironmentID, e.Get, encodeVersion(s, writeEnvironment)))
	r.Post("/rest/environments",
		planned(s, s.decodeEnvironment, s.uses.Accounts.Found, encodeVersion(s, writeEnvironment)))
	changes(r, "/rest/environments/:id",
		planned(s, decodeEnvironmentChange, e.Update, encodeVersion(s, writeEnvironment)))
	r.Delete("/rest/environments/:id",
		planned(s, decodeDeleteEnvironment, httpx.Done(e.Delete), encodeTrue[httpx.Just](s)))

	r.Get("/rest/environments/:id/branch", httpx.Handle(s.auth, bare(decodePlace), e.Branch, encode(s, writeBranch)))
	r.Get("/rest/environments/:id/contents",
		httpx.Handle(s.auth, bare(decodePlace), s.uses.Overviews.Contents, encode(s, writeContents)))

	r.Get("/rest/groups", given("q", httpx.Handle(s.auth, decodeGroupSearch, g.Search, encodeAll(s, writeGroup)),
		given("env", httpx.Handle(s.auth, decodeUsable, g.Usable, s.encodeUsable),
			httpx.Handle(s.auth, decodeGroups, g.List, encodeListed(s, writeGroup)))))
	r.Get("/rest/groups/:id/members", httpx.Handle(s.auth, decodeMembers, u.Members, s.encodeUserList))
	r.Put("/rest/groups/:id/members/:user", planned(s, decodeMember, httpx.Done(u.Join), encodeTrue[httpx.Just](s)))
	r.Delete("/rest/groups/:id/members/:user", planned(s, decodeMember, httpx.Done(u.Leave), encodeTrue[httpx.Just](s)))
	r.Get("/rest/groups/:id/rights", httpx.Handle(s.auth, bare(decodeGroupID), g.RightsOver, encode(s, writeGroupRights)))
	r.Get("/rest/groups/:id/uses", httpx.Handle(s.auth, bare(decodeGroupID), g.Uses, encode(s, writeGroupUses)))
	r.Get("/rest/groups/:id", httpx.Handle(s.auth, decodeGroupID, g.Get, encodeVersion(s, writeGroup)))
	r.Post("/rest/groups", planned(s, decodeGroup, g.Create, encodeVersion(s, writeGroup)))
	changes(r, "/rest/groups/:id", planned(s, decodeGroupChange, g.Update, encodeVersion(s, writeGroup)))
	r.Delete("/rest/groups/:id",
		planned(s, decodeDeleteGroup, httpx.Done(g.Delete), encodeTrue[httpx.Just](s)))

	r.Get("/rest/permissions",
		httpx.Handle(s.auth, decodeNothing, httpx.Alone(s.uses.Explain.Permissions), encodeAll(s, writePermission)))
	r.Get("/rest/me", httpx.Handle(s.auth, httpx.Nothing, httpx.Alone(s.uses.Me.Get), encodeVersion(s, writeUser)))
	r.Post("/rest/me/password", httpx.Handle(s.auth, s.decodePasswordChange, httpx.Done(s.uses.Me.ChangePassword),
		encodeTrue[httpx.Just](s)))
	r.Get("/rest/me/sessions", httpx.Handle(s.auth, bare(oneself), s.uses.Sessions.List, encodeAll(s, writeSession)))
	r.Delete("/rest/me/sessions", where("others",
		httpx.Handle(s.auth, decodeOthers, httpx.AloneDone(s.uses.Sessions.EndOthers), encodeTrue[httpx.Just](s)),
		httpx.Handle(s.auth, ofOneself(decodeOthers), httpx.Done(s.uses.Sessions.EndAll), encodeTrue[httpx.Just](s))))
	r.Delete("/rest/me/sessions/:id",
		httpx.Handle(s.auth, sessionOf(oneself, "id"), httpx.Done(s.uses.Sessions.End), encodeTrue[httpx.Just](s)))
	r.Get("/rest/users/:id/access",
		httpx.Handle(s.auth, bare(decodeAccessOf), s.uses.Explain.Access, encode(s, writeAccessOf)))
	r.Get("/rest/environments/:id/access",
		httpx.Handle(s.auth, decodeReaching, s.uses.Explain.Reaching, s.encodeReaching))
	r.Get("/rest/explain", httpx.Handle(s.auth, decodeExplain, s.uses.Explain.Decision, encode(s, writeExplanation)))
	r.Get("/rest/audit", ofEnvironment(httpx.Handle(s.auth, decodeAudit, s.uses.Audit.List, s.encodeAudit)))
	r.Get("/rest/overview", ofEnvironment(httpx.Handle(s.auth, decodeOverview, s.uses.Overviews.Get,
		encode(s, writeOverview))))
	r.Post("/rest/import", planner(httpx.Handle(s.auth, decodeImport, s.uses.Imports.Run, encode(s, writeImport))))
	s.signInRoutes(r)
	s.factorRoutes(r)
	s.providerRoutes(r)
	s.keyRoutes(r)
	s.objectRoutes(r)
}

// placeOf returns the address of what was changed, empty for what has none.
func placeOf(t domain.Target) string {
	switch t.Kind {
	case "user", "environment", "group":
		return "/rest/" + t.Kind + "s/" + strconv.FormatInt(t.ID, 10)
	}
	return ""
}

// changes offers a change by each method that clients know for one: POST is the document's, and PATCH and PUT do the
// same. What is not sent stays as it is.
func changes(r fiber.Router, path string, change fiber.Handler) {
	for _, method := range []string{fiber.MethodPost, fiber.MethodPatch, fiber.MethodPut} {
		r.Add(method, path, change)
	}
}

// where answers with special where the query has the flag and it says more than no, else with list.
func where(parameter string, special, list fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		switch httpx.Query(c, parameter) {
		case "", "false", "0":
			return list(c)
		}
		return special(c)
	}
}

// given answers with special where the query has a value for the parameter, else with list.
func given(parameter string, special, list fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if httpx.Query(c, parameter) == "" {
			return list(c)
		}
		return special(c)
	}
}

// headerEnvironment is the header that says which environment is the current one.
const headerEnvironment = "X-Environment"

// ofEnvironment makes the error of a list that was asked of no environment name where the
// client named it: in the parameter env, or in the header.
func ofEnvironment(list fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := list(c)
		var e *domain.Error
		if !errors.As(err, &e) || e.Field != domain.ErrEnvironmentNotFound.Field {
			return err
		}
		switch {
		case httpx.Query(c, "env") != "":
			return e.On("env")
		case httpx.Header(c, headerEnvironment) != "":
			return e.On(headerEnvironment)
		}
		return err
	}
}

// inEnvironment finds the principal as auth does. Without the header, a token says which
// environment is the current one.
func inEnvironment(auth httpx.Auth) httpx.Auth {
	return func(c *fiber.Ctx) (domain.Principal, error) {
		caller, err := auth(c)
		if current := httpx.Header(c, headerEnvironment); current != "" {
			caller.Current = domain.EnvironmentRef(current)
		}
		return caller, err
	}
}
