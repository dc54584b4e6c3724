package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"image"
	"image/png"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
)

// A zoo is a directory with one of everything: every value of every enumeration, every optional
// field present, absent and at its longest, texts of every kind of script.
type zoo struct {
	*running
	// names are what routes can name, each in every way, by what it is of.
	names map[string][]string
	// usable are the login names of those who can sign in.
	usable []string
	// tokens are those of the usable, by login name.
	tokens map[string]string
	// seen are the values of enumerations that the zoo has, by type.
	seen map[string]map[any]bool
}

// texts are what people write into fields: plain, from right to left, with what other languages
// take for syntax, with combining marks and outside of the basic plane, and nothing.
var texts = []string{"Ada", "سلمى حداد", `O'Brien "the" <b>&amp;</b>`, "Zoë ñ é 𝒜 👩‍👩‍👧", "; DROP TABLE users; -- %_\\",
	""}

// long returns a text of n characters, of more than one byte each.
func long(n int) string { return strings.Repeat("é", n) }

// nameable returns a text as what can be named by it may be called: without slashes and joiners.
func nameable(text string) string {
	return strings.TrimSpace(strings.NewReplacer("/", "", "\u200d", "").Replace(text))
}

// notShown are the enumerations of which no value is in what a surface shows, with the reason.
var notShown = map[string]string{
	"Factors":       "rest alone shows it, of people who have some; TestPeopleAreFoundByTheirFactors shows each",
	"SubjectClaim":  "it is of identity providers, which must answer; contract files show each",
	"LinkedBy":      "it is of who signed in at an identity provider; TestLinksSayHowTheyCame shows each",
	"Newcomers":     "it is of identity providers, which must answer; contract files show each",
	"Ticket":        "only the browser of who proves a passkey has one",
	"Comparison":    "it is in filters only",
	"ListField":     "it is in filters only",
	"ObjectOrder":   "it is in queries only, and each value is asked for",
	"UserOrder":     "it is in queries only, and each value is asked for",
	"Kind":          "contract files show errors of each kind",
	"WarningCode":   "previews have it, of changes that their tests make",
	"Extent":        "previews have it, of changes that their tests make",
	"EditKind":      "explanations are of places; the model carries out each",
	"CauseKind":     "explanations are of places; contract files show them",
	"Position":      "explanations are of places; contract files show them",
	"Departure":     "it belongs to a kind of objects, all of which are shown",
	"AttributeKind": "it belongs to an attribute of a kind of objects, all of which are shown",
	"LetterKind":    "it is in mail only",
	"MailState":     "no surface shows the outbox",
	"SecretPurpose": "no surface shows secrets",
	"PropertyKind":  "the file of declarations has each",
	"Permission":    "masks have all of them and none",
	"Change":        "it is no enumeration",
	"ListType":      "it belongs to the directory document",
}

// note counts a value of an enumeration as shown.
func (z *zoo) note(values ...any) {
	for _, value := range values {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", value), "domain.")
		if z.seen[kind] == nil {
			z.seen[kind] = map[any]bool{}
		}
		z.seen[kind][value] = true
	}
}

// TestTheZooIsComplete holds that the zoo has every value of every enumeration of the domain, so that
// a new one is shown by every surface before anybody meets it.
func TestTheZooIsComplete(t *testing.T) {
	z := newZoo(t, "sqlite")
	values := enumerations(t)
	require.Len(t, values["UserState"], len(domain.UserStates), "the walk through the source finds what there is")
	for kind, all := range values {
		if notShown[kind] != "" {
			continue
		}
		require.Len(t, z.seen[kind], len(all), "the zoo lacks values of domain.%s: %v", kind, all)
	}
}

// enumerations returns the names of the constants of each type of the domain that has several.
func enumerations(t *testing.T) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob("../domain/*.go")
	require.NoError(t, err)
	all := map[string][]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			block, ok := decl.(*ast.GenDecl)
			if !ok || block.Tok != token.CONST {
				continue
			}
			kind := ""
			for _, spec := range block.Specs {
				value := spec.(*ast.ValueSpec)
				if name, ok := value.Type.(*ast.Ident); ok {
					kind = name.Name
				} else if len(value.Values) > 0 {
					kind = ""
				}
				if ast.IsExported(kind) && value.Names[0].Name != "_" {
					all[kind] = append(all[kind], value.Names[0].Name)
				}
			}
		}
	}
	maps.DeleteFunc(all, func(kind string, names []string) bool {
		return len(names) < 2 || strings.HasSuffix(kind, "ID") || strings.HasSuffix(kind, "Path")
	})
	return all
}

func newZoo(t *testing.T, engine string) *zoo {
	z := &zoo{names: map[string][]string{}, seen: map[string]map[any]bool{}, tokens: map[string]string{}}
	w := newTwoTenants(t, engine)
	z.running = w.running
	z.addEnvironments(t, w)
	z.addGroups(t, w)
	z.addUsers(t, w)
	z.addObjects(t, w)
	z.addHabits(t, w)
	z.usable = append(z.usable, "admin")
	for _, login := range z.usable {
		z.tokens[login] = signIn(t, z.Address(), login, testPassword)
	}
	return z
}

func (z *zoo) addEnvironments(t *testing.T, w *twoTenants) {
	yes, no := true, false
	add := func(parent, alias string, in directory.EnvironmentPatch) {
		ref := domain.EnvironmentRef(parent)
		in.Parent, in.Alias = &ref, &alias
		e, err := w.directory.Environments.Create(t.Context(), w.operator(t), in)
		require.NoError(t, err, "%s/%s", parent, alias)
		z.names["environments"] = append(z.names["environments"], fmt.Sprint(e.ID), string(e.UUID), url.PathEscape(alias))
		if e.IsOrganization {
			z.names["organizations"] = append(z.names["organizations"], string(e.UUID))
		}
	}
	most, zone, address := long(100), "Europe/Paris", long(2000)
	add("/", "Zoo", directory.EnvironmentPatch{IsOrganization: &yes,
		Attributes: domain.Attributes{"email": "a@b.example", "phone": texts[1], "description": texts[2]}})
	add("Zoo", "Nested", directory.EnvironmentPatch{IsOrganization: &yes})
	picture := pngOf(t)
	_, err := w.directory.Organizations.Update(t.Context(), w.operator(t), directory.UpdateOrganization{
		Organization:      domain.EnvironmentRef(z.names["organizations"][0]),
		OrganizationPatch: directory.OrganizationPatch{Image: &picture}})
	require.NoError(t, err)
	add("Zoo", "Closed", directory.EnvironmentPatch{Active: &no})
	add("Zoo", most, directory.EnvironmentPatch{Code: &most, SendURL: &yes, TimeZone: &zone, GitRepository: &address})
	for _, text := range texts {
		if text != "" {
			add("Zoo", nameable(text), directory.EnvironmentPatch{Code: &text})
		}
	}
	// Where nobody is at home and nobody has to be let in.
	none, code, passkey, grace := domain.ByPassword, domain.ByCode, domain.ByPasskey, w.clock.now().Add(time.Hour)
	for i, of := range [][2]*domain.Proof{{&none, &code}, {&code, &passkey}, {&passkey, &none}} {
		days, age := i, time.Duration(i)*time.Minute
		_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t), directory.SignInRulesPatch{
			Environment: domain.EnvironmentRef("/Zoo/" + []string{"Nested", "Closed", most}[i]), People: of[0], Admins: of[1],
			PasswordDays: &days, ProofAge: &age, Grace: &grace, ProgramsExempt: &yes})
		require.NoError(t, err)
		z.note(*of[0])
	}
}

func (z *zoo) addGroups(t *testing.T, w *twoTenants) {
	organization := domain.EnvironmentRef("Zoo")
	parent := domain.GroupRef("Admin")
	for i, role := range []domain.Role{0, domain.RoleUser, domain.RolePower, domain.RoleOAdmin} {
		for j, mask := range []domain.Mask{0, 1, domain.AllPermissions, domain.AllPermissions &^ domain.UserRead.Mask()} {
			alias := fmt.Sprintf("Zoo %d %d", i, j)
			if i == 0 && texts[j] != "" {
				alias = nameable(texts[j])
			}
			title, description := texts[j], texts[(i+j)%len(texts)]
			in := directory.GroupPatch{Alias: &alias, Mask: &mask, Role: &role, Organization: &organization, Parent: &parent,
				Description: &description}
			if role != 0 {
				in.RoleTitle = &title
			}
			g, err := w.directory.Groups.Create(t.Context(), w.operator(t), in)
			require.NoError(t, err, alias)
			z.names["groups"] = append(z.names["groups"], fmt.Sprint(g.ID), string(g.UUID), url.PathEscape(alias))
		}
	}
}

// languages are what is written into the field of that name; surfaces have different ideas of it.
var languages = []string{"", "en", "EN", "fr-CA", "zh-Hant-TW", long(35)}

func (z *zoo) addUsers(t *testing.T, w *twoTenants) {
	n := 0
	for _, role := range domain.Roles {
		for _, state := range domain.UserStates {
			for _, active := range []bool{true, false} {
				z.addUser(t, w, n, role, state, active)
				n++
			}
		}
	}
	for _, text := range []string{"o'brien", "анна", "שרה", "ada@zoo.example", "a b", "x%2Fy", "15"} {
		home, first := domain.EnvironmentRef("Zoo"), text
		u, err := w.directory.Users.Create(t.Context(), w.operator(t),
			directory.UserPatch{Alias: &text, FirstName: &first, Home: &home})
		require.NoError(t, err, text)
		z.nameUser(&u.User)
	}
}

func (z *zoo) addUser(t *testing.T, w *twoTenants, n int, role domain.Role, state domain.UserState, active bool) {
	z.note(role, state)
	alias, password := fmt.Sprintf("zoo%d", n), testPassword
	home, group := domain.EnvironmentRef([]string{"Zoo", "Zoo/Nested"}[n%2]), domain.GroupRef("User")
	if role == domain.RoleSuperUser {
		home = "/"
	}
	in := directory.UserPatch{Alias: &alias, Password: &password, Home: &home, Role: &role, State: &state, Active: &active,
		Group: &group}
	first, last := nameable(texts[n%(len(texts)-1)]), texts[(n+1)%len(texts)]
	in.FirstName, in.LastName = &first, &last
	if n%3 > 0 { // every optional field
		mail := alias + "@" + strings.Repeat("m", 50) + ".example"
		text, zone, language, page, delay, no := texts[n%len(texts)], "America/New_York", languages[n%len(languages)],
			int64(n), 99999, false
		in.Mail, in.Phone, in.JobTitle, in.Department, in.TimeZone, in.Language = &mail, &text, &text, &text, &zone, &language
		in.DefaultPage, in.PasswordDelay, in.RevokeDelay, in.FirstAccess = &page, &delay, &delay, &no
		in.Attributes = domain.Attributes{"description": texts[n%len(texts)] + "\n\tmore", "mobile": "+353 (89)",
			"company": texts[n%len(texts)], "country": "SE"}
		allowed, blocked := []domain.EnvironmentRef{"Zoo/Nested", "Acme/Prod"}, []domain.EnvironmentRef{"Zoo/Closed", "Bolt"}
		in.Allowed, in.Blocked = &allowed, &blocked
	}
	if n%3 == 2 { // at its longest
		most := long(100)
		in.FirstName, in.LastName, in.Phone, in.JobTitle, in.Department, in.TimeZone = &most, &most, &most, &most, &most,
			&most
		picture := pngOf(t)
		in.Picture = &picture
		groups := []domain.GroupRef{"Admin"}
		if role != domain.RoleSuperUser {
			for _, id := range z.names["groups"] {
				if _, err := domain.ParseUUID(id); err == nil && n%2 == 0 {
					groups = append(groups, domain.GroupRef(id))
				}
			}
		}
		in.Groups = &groups
	}
	u, err := w.directory.Users.Create(t.Context(), w.operator(t), in)
	require.NoError(t, err, "%s %s %s", alias, role, state)
	z.nameUser(&u.User)
	if state == domain.Approved && active {
		z.usable = append(z.usable, alias)
	}
}

func (z *zoo) nameUser(u *domain.User) {
	z.names["users"] = append(z.names["users"], fmt.Sprint(u.ID), string(u.UUID), url.PathEscape(u.Alias))
}

// pngOf returns a small image.
func pngOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))))
	return b.Bytes()
}

func (z *zoo) addObjects(t *testing.T, w *twoTenants) {
	ctx, n := t.Context(), 0
	owner := domain.UserRef{Alias: "zoo2"}
	above := map[domain.ObjectKind]domain.ObjectRef{}
	for _, kind := range domain.ObjectKinds {
		z.note(kind.Kind)
		for _, visibility := range []domain.Visibility{domain.Private, domain.Shared} {
			for _, text := range texts {
				name := nameable(fmt.Sprintf("%d %s", n, text))
				n++
				z.note(visibility)
				o, err := w.directory.Objects.Create(ctx, w.operator(t),
					objects.NewObject{Kind: kind.Kind, Name: name, Environment: "Zoo",
						Parent: parentOf(&kind, above), Owner: owner, Visibility: &visibility, Attributes: z.attributes(&kind, text, n)})
				require.NoError(t, err, "%s %s", kind.Kind, name)
				if above[kind.Kind] == "" {
					above[kind.Kind] = domain.NumberedObject(o.ID)
				}
				z.names["objects"] = append(z.names["objects"], fmt.Sprint(o.ID), string(o.UUID))
				if kind.Kind == domain.KindTopic {
					z.names["topics"] = append(z.names["topics"], url.PathEscape(strings.TrimPrefix(o.FullName, "/")))
				}
				for level := domain.LevelRead; level <= domain.LevelAdmin; level++ {
					z.note(level)
					grant := objects.GrantObject{User: domain.UserRef{Alias: []string{"", "zoo8", "zoo1", "acme.power"}[level]},
						Level: level}
					if level == domain.LevelWrite {
						grant = objects.GrantObject{Group: "User", Level: level}
					}
					grant.Object = domain.NumberedObject(o.ID)
					_, err := w.directory.Objects.Grant(ctx, w.operator(t), grant)
					require.NoError(t, err)
				}
			}
		}
	}
	z.note(domain.NoLevel) // which nobody's list has, and every object has for everybody else
}

func parentOf(kind *domain.ObjectKindInfo, above map[domain.ObjectKind]domain.ObjectRef) domain.ObjectRef {
	if kind.ParentRequired {
		return above[kind.Parents[0]]
	}
	return ""
}

// attributes returns values for the nth object of a kind: every choice in turn, and none.
func (z *zoo) attributes(kind *domain.ObjectKindInfo, text string, n int) map[string]string {
	all := map[string]string{}
	for _, a := range kind.Attributes {
		switch {
		case n%4 == 0 && !a.Required:
		case a.Kind == domain.AttributeText && n%4 == 1:
			all[a.Name] = long(a.Length)
		case a.Kind == domain.AttributeText && len([]rune(text)) <= a.Length:
			all[a.Name] = text
		case a.Kind == domain.AttributeFlag:
			all[a.Name] = fmt.Sprint(n%2 == 0)
		case a.Kind == domain.AttributeChoice:
			all[a.Name] = a.Choices[n%len(a.Choices)]
		case a.Kind == domain.AttributeNumber:
			all[a.Name] = "-7"
		}
	}
	return all
}

// addHabits makes what people do beside having an account: sessions, keys, bookmarks, contacts,
// presences, lists of names, offers and registration codes.
func (z *zoo) addHabits(t *testing.T, w *twoTenants) {
	ctx := t.Context()
	first := domain.ObjectRef(z.names["objects"][0])
	owner := w.principal(t, "zoo2")
	require.NoError(t, w.directory.Objects.AddBookmark(ctx, owner, first))
	_, err := w.directory.Objects.RecordUsage(ctx, owner, objects.RecordUsage{Object: first, Count: 3})
	require.NoError(t, err)
	_, err = w.directory.Objects.OfferCopy(ctx, owner, objects.ObjectTo{Object: first, To: domain.UserRef{Alias: "zoo8"}})
	require.NoError(t, err)
	for _, kind := range []domain.SessionKind{domain.TokenSession, domain.RefreshSession, domain.CookieSession} {
		_, err := w.directory.Sessions.SignIn(ctx,
			accounts.SignIn{Login: "zoo8", Password: testPassword, Kind: kind, Address: "127.0.0.1", Client: texts[2]})
		require.NoError(t, err)
		z.note(kind)
	}
	for _, ask := range []string{"POST /user/me/contacts/zoo1", "POST /user/me/favorites/topics/zoo-topic",
		"POST /user/me/disable/notifications/topics/zoo-topic", "POST /user/me/tags/" + url.PathEscape(texts[1])} {
		method, path, _ := strings.Cut(ask, " ")
		z.tat(t, "zoo8", method, path, "")
	}
	z.note(domain.FavouriteTopics, domain.MutedTopics, domain.FavouriteTags)
	for i, status := range []domain.PresenceStatus{domain.PresenceOnline, domain.PresenceOffline, domain.PresenceBusy} {
		z.tat(t, []string{"zoo8", "zoo2", "zoo1"}[i], "POST", "/presenceget/topic", fmt.Sprintf(`{"status":%q}`, status))
		z.note(status)
	}
	open, left, no := int64(0), int64(3), false
	for _, in := range []accounts.RegistrationCodePatch{{}, {MaxUsers: &open}, {MaxUsers: &left, Enabled: &no}} {
		_, err := w.directory.Codes.Create(ctx, w.operator(t), codeOf("Zoo", in))
		require.NoError(t, err)
	}
	require.NoError(t, w.directory.RunJobs(ctx))
}

// tat sends a request of Tat's as somebody; what it is answered with is not looked at here.
func (z *zoo) tat(t *testing.T, login, method, path, body string) {
	t.Helper()
	c := client{address: z.host()}
	defer c.close()
	_, err := c.send(z.request(method, path, "tat", login, body), method)
	require.NoError(t, err)
}

// request writes a request to a surface, with the credentials that its clients have.
func (z *zoo) request(method, target, surface, login, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, z.host())
	switch surface {
	case "tat":
		fmt.Fprintf(&b, "Tat_username: %s\r\nTat_password: %s\r\n", login, testPassword)
	case "tellius":
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", z.tokens[login])
	default:
		fmt.Fprintf(&b, "Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(login+":"+testPassword)))
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(&b, "\r\n%s", body)
	return b.Bytes()
}

// TestTheZooIsShown asks every route of every surface for everything in the zoo, as everybody in it
// who can sign in: whatever there is, the answer is no error of the server's, and what its description
// says.
func TestTheZooIsShown(t *testing.T) {
	notShort(t)
	eachEngine(t, func(t *testing.T, engine string) {
		z := newZoo(t, engine)
		for _, offered := range z.Surfaces() {
			d := describe(t, offered)
			shown := map[string]bool{}
			for _, login := range z.usable {
				z.ask(t, d, login, shown)
			}
			for name, operation := range operations(d.doc) {
				// What needs a secret, or more than a name, is shown by contract files.
				method, path, _ := strings.Cut(name, " ")
				if method == "GET" && operation.Responses.Value("200") != nil && !shown[name] &&
					!slices.Contains(unaskable, offered.Name+" "+path) {
					t.Errorf("%s: %s shows nothing of the zoo", offered.Name, name)
				}
			}
		}
	})
}

// unaskable are the routes that answer nothing to names alone.
var unaskable = []string{"rest /rest/explain", "ethersource /users/apiKey", "ethersource /users/usagestatistics",
	"ethersource /users/confirm/credentials", "rest /rest/providers/{}",
	"rest /rest/users/{}/keys/{}", "rest /rest/me/keys/{}", "axway /organizations/{}/tokens/{}", "tat /user/verify/{}/{}",
	"rest /rest/accounts/verify", "rest /rest/accounts/reset", "rest /rest/accounts/mail", "rest /rest/accounts/accept"}

// ask sends somebody's requests to one surface, and keeps in shown which operations answered 200.
func (z *zoo) ask(t *testing.T, d *description, login string, shown map[string]bool) {
	c := client{address: z.host()}
	defer c.close()
	for path, item := range d.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, target := range z.targets(d, path, method, operation, login) {
				body := ""
				if method == http.MethodPut {
					body = "{}" // which changes nothing, and is often answered with what there is
				}
				request := z.request(method, target, d.name, login, body)
				got, err := c.send(request, method)
				require.NoError(t, err, "%s as %s", target, login)
				if got.status[0] == '5' {
					t.Errorf("%s %s as %s: %s %.400s", method, target, login, got.status, got.body)
				} else if err := d.check(request, got); err != nil {
					t.Errorf("%s %s as %s: %.400s", method, target, login, err)
				}
				shown[method+" "+openAPIParameter.ReplaceAllString(path, "{}")] = shown[method+" "+
					openAPIParameter.ReplaceAllString(path, "{}")] || got.status[:3] == "200"
			}
		}
	}
}

// targets returns the addresses of an operation that reads: with every name in the place of its
// parameter, and with every value of the parameters of the query that have a few. Only the superUser
// asks for everything; others ask for what is theirs, and for a few others.
func (z *zoo) targets(d *description, path, method string, operation *openapi3.Operation, login string) []string {
	changes := operation.RequestBody != nil && operation.RequestBody.Value.Content.Get("application/json") != nil
	if method != http.MethodGet && (method != http.MethodPut || !changes || !strings.Contains(path, "{")) ||
		strings.Count(path, "{") > 1 {
		return nil
	}
	base := strings.TrimSuffix(d.doc.Servers[0].URL, "/")
	before, rest, named := strings.Cut(path, "{")
	if !named {
		targets := []string{base + path}
		for _, p := range operation.Parameters {
			if p.Value.In != "query" || p.Value.Schema == nil || d.name == "axway" {
				continue
			}
			for _, value := range p.Value.Schema.Value.Enum {
				targets = append(targets, base+path+"?"+p.Value.Name+"="+url.QueryEscape(fmt.Sprint(value)))
			}
		}
		return targets
	}
	_, after, _ := strings.Cut(rest, "}")
	names := z.named(before)
	if login != "admin" && len(names) > 6 {
		names = names[:6]
	}
	var targets []string
	for _, name := range names {
		targets = append(targets, base+before+name+after)
	}
	return targets
}

// named returns the names of what a path that ends before a parameter is about.
func (z *zoo) named(before string) []string {
	if strings.HasSuffix(before, "/topic/") || strings.HasSuffix(before, "/presences/") {
		return z.names["topics"]
	}
	for _, kind := range []string{"organizations", "environments", "groups", "objects", "users"} {
		if strings.Contains(before, "/"+kind[:len(kind)-1]) {
			return z.names[kind]
		}
	}
	return nil
}
