package app_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/dns"
	"canopy/domain"
)

// A zone is a name server with the TXT records of a test.
type zone struct {
	address string
	mutex   sync.Mutex
	records map[string][][]string // by name; each record has strings
	silent  bool                  // answers nothing
	wrong   bool                  // answers with the number of another question
	failing bool                  // answers that it cannot
	asked   int
	// meanwhile, if it is not nil, is what happens while the next question waits for its answer.
	meanwhile func()
}

func newZone(t *testing.T) *zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	z := &zone{address: conn.LocalAddr().String(), records: map[string][][]string{}}
	go func() {
		packet := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if happens := z.happens(); happens != nil {
				happens()
			}
			if answer := z.answer(packet[:n]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return z
}

// happens returns what happens meanwhile, once.
func (z *zone) happens() func() {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	once := z.meanwhile
	z.meanwhile = nil
	return once
}

func (z *zone) answer(packet []byte) []byte {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.asked++
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || z.silent {
		return nil
	}
	question := m.Questions[0]
	records, there := z.records[strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	switch {
	case z.failing:
		m.RCode = dnsmessage.RCodeServerFailure
	case !there:
		m.RCode = dnsmessage.RCodeNameError
	}
	if z.wrong {
		m.ID++
	}
	for _, texts := range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{Body: &dnsmessage.TXTResource{TXT: texts},
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, Type: dnsmessage.TypeTXT}})
	}
	out, _ := m.Pack()
	return out
}

// has makes the records of a name what it says.
func (z *zone) has(name string, records ...[]string) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.records[name] = records
}

func (z *zone) becomes(change func()) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	change()
}

// confirm takes a domain for an organization's, without DNS.
func (r *running) confirm(t *testing.T, organization domain.EnvironmentRef, name string) {
	t.Helper()
	_, err := r.directory.Providers.ProveDomain(t.Context(), mustOperator(t, r),
		accounts.ProveDomain{Organization: organization, Domain: name, Confirm: true})
	require.NoError(t, err)
}

// What DNS says is taken as it is, and whatever it does it takes no longer than it may.
func TestTextsOfDNS(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	r := dns.NewResolver(z.address)
	z.has("_canopy.acme.example", []string{"one"}, []string{"two ", "and more"})
	texts, err := r.Texts(t.Context(), "_canopy.acme.example")
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two and more"}, texts)
	texts, err = r.Texts(t.Context(), "_canopy.nowhere.example")
	require.NoError(t, err)
	require.Empty(t, texts)
	many := make([][]string, 100)
	for i := range many {
		many[i] = []string{strings.Repeat("x", 255), strings.Repeat("y", 255)}
	}
	z.has("_canopy.huge.example", many...)
	_, err = r.Texts(t.Context(), "_canopy.huge.example")
	require.ErrorIs(t, err, domain.ErrDNSUnreachable, "more than a packet has place for")
	for name, change := range map[string]func(){"failing": func() { z.failing = true },
		"wrong": func() { z.wrong = true }, "slow": func() { z.silent = true }} {
		z.becomes(func() { z.failing, z.wrong, z.silent = false, false, false; change() })
		began := time.Now()
		_, err = r.Texts(t.Context(), "_canopy.acme.example")
		require.ErrorIs(t, err, domain.ErrDNSUnreachable, name)
		require.Less(t, time.Since(began), 7*time.Second, name)
	}
}

// A domain is an organization's when DNS says so with its own text, for that domain and no other, and as long as it goes
// on to say so.
func TestProofOfDomains(t *testing.T) {
	z := newZone(t)
	clock := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) {
		private(cfg)
		cfg.DNSServer, cfg.Now = z.address, clock.now
	})
	h := newRogue(t)
	operator := func() domain.Principal { return mustOperator(t, r) }
	domains := []string{"acme.EXAMPLE", "sub.acme.example", "bücher.example"}
	acme := r.setUp(t, "Acme", h.URL, "canopy", "", func(in *accounts.CreateProvider) { in.Domains = &domains })
	bolt := r.setUp(t, "Globex", h.URL, "canopy", "", func(in *accounts.CreateProvider) { in.Domains = &domains })
	require.Equal(t, []string{"acme.example", "sub.acme.example", "xn--bcher-kva.example"}, acme.Domains)
	text := func(organization domain.EnvironmentRef, name string) string {
		all, err := r.directory.Providers.Domains(t.Context(), operator(), organization)
		require.NoError(t, err)
		for _, d := range all {
			if d.Name == name {
				require.Equal(t, "_canopy."+name, d.Record)
				return d.Text
			}
		}
		t.Fatalf("%s has no domain %s", organization, name)
		return ""
	}
	prove := func(organization domain.EnvironmentRef, name string) error {
		_, err := r.directory.Providers.ProveDomain(t.Context(), operator(),
			accounts.ProveDomain{Organization: organization, Domain: name})
		return err
	}
	leads := func(address string) domain.ProviderKey {
		p, err := r.directory.Providers.Discover(t.Context(), address)
		if err != nil {
			require.ErrorIs(t, err, domain.ErrProviderNotFound)
		}
		return p.ProviderKey
	}
	mine := text("Acme", "acme.example")
	require.Len(t, map[string]bool{mine: true, text("Globex", "acme.example"): true,
		text("Acme", "sub.acme.example"): true}, 3, "each has a text of its own")
	require.ErrorIs(t, prove("Acme", "acme.example"), domain.ErrDomainUnproved)
	require.ErrorIs(t, prove("Acme", "other.example"), domain.ErrDomainNotFound)
	require.Zero(t, leads("a@acme.example"), "a claim alone leads nowhere")

	for _, wrong := range [][]string{{text("Globex", "acme.example")}, {text("Acme", "sub.acme.example")}, {mine + "x"},
		{strings.ToUpper(mine)}, {"x" + mine}, {}} {
		z.has("_canopy.acme.example", wrong)
		require.ErrorIs(t, prove("Acme", "acme.example"), domain.ErrDomainUnproved, "%s", wrong)
	}
	z.has("acme.example", []string{mine})
	require.ErrorIs(t, prove("Acme", "acme.example"), domain.ErrDomainUnproved, "at another name")
	z.becomes(func() { z.failing = true })
	require.ErrorIs(t, prove("Acme", "acme.example"), domain.ErrDNSUnreachable)
	z.becomes(func() { z.failing = false })
	z.has("_canopy.acme.example", []string{"v=spf1 -all"}, []string{mine[:20], mine[20:]})
	require.NoError(t, prove("Acme", "ACME.example"))
	require.Equal(t, acme.ProviderKey, leads("a@acme.example"))
	require.Equal(t, acme.ProviderKey, leads("a@Acme.EXAMPLE"))
	for _, other := range []string{"a@sub.acme.example", "a@notacme.example", "a@acme.example.org", "acme.example", "a@",
		"a@acme.example@x.example"} {
		require.Zero(t, leads(other), other)
	}
	z.has("_canopy.xn--bcher-kva.example", []string{text("Acme", "xn--bcher-kva.example")})
	require.NoError(t, prove("Acme", "BÜCHER.example"))
	require.Equal(t, acme.ProviderKey, leads("a@bücher.example"))
	require.Equal(t, acme.ProviderKey, leads("a@xn--bcher-kva.example"))

	require.ErrorIs(t, prove("Globex", "acme.example"), domain.ErrDomainUnproved, "by another organization's text")
	z.has("_canopy.acme.example", []string{mine}, []string{text("Globex", "acme.example")})
	require.NoError(t, prove("Globex", "acme.example"), "both have the domain's DNS")
	require.Equal(t, acme.ProviderKey, leads("a@acme.example"), "to the first that proved it")

	z.has("_canopy.acme.example", []string{text("Globex", "acme.example")})
	for range 8 {
		clock.set(clock.now().Add(domain.DomainAsked))
		require.NoError(t, r.directory.Providers.AskAgain(t.Context()))
	}
	require.Equal(t, bolt.ProviderKey, leads("a@acme.example"), "the other's proof went away")
	z.becomes(func() { z.failing = true })
	clock.set(clock.now().Add(domain.DomainAsked))
	require.NoError(t, r.directory.Providers.AskAgain(t.Context()))
	require.Equal(t, bolt.ProviderKey, leads("a@acme.example"), "DNS that fails for a day takes nothing away")

	stale := operator()
	stale.Stale = true
	_, err := r.directory.Providers.ProveDomain(t.Context(), stale,
		accounts.ProveDomain{Organization: "Acme", Domain: "acme.example", Confirm: true})
	require.ErrorIs(t, err, domain.ErrProveAgain, "who signed in long ago")
	admin := r.account(t, "grace.hopper")
	_, err = r.directory.Providers.ProveDomain(t.Context(), domain.Principal{Subject: admin.Subject(), User: admin.ID,
		Alias: admin.Alias}, accounts.ProveDomain{Organization: "Acme",
		Domain: "acme.example", Confirm: true})
	require.ErrorIs(t, err, domain.ErrForbidden, "only who has the whole directory confirms")
	part := operator()
	part.Blocked, part.Epoch, part.Alias = []domain.EnvironmentPath{r.account(t, "yann.lecun").HomePath}, 77, "part"
	confirms := accounts.ProveDomain{Organization: "Acme", Domain: "sub.acme.example", Confirm: true}
	_, err = r.directory.Providers.ProveDomain(t.Context(), part, confirms)
	require.ErrorIs(t, err, domain.ErrForbidden, "and not who is kept out of a part of it")
	require.Equal(t, "confirm", domain.AsError(err).Field)
	require.Zero(t, leads("a@sub.acme.example"))
	asked := z.asked
	r.confirm(t, "Acme", "sub.acme.example")
	require.Equal(t, asked, z.asked)
	require.Equal(t, acme.ProviderKey, leads("a@sub.acme.example"))
	var last error
	for range 61 {
		last = prove("Acme", "acme.example")
	}
	require.Equal(t, domain.TooMany, domain.AsError(last).Kind)
	require.ErrorIs(t, prove("Globex", "acme.example"), domain.ErrDNSUnreachable, "of which another one uses nothing up")
}

// Somebody whom nobody is linked with gets into the account that has their address only where the provider has proved
// the address, their organization the domain, and where nobody could sign in to the account otherwise.
func TestProvedAddressesAreRecognised(t *testing.T) {
	z := newZone(t)
	r := openConsole(t, "sqlite", func(cfg *app.Config) { private(cfg); cfg.DNSServer = z.address })
	h, other := newRogue(t), newRogue(t)
	domains := []string{"acme.example"}
	claim := func(in *accounts.CreateProvider) { in.Domains = &domains }
	p := r.setUp(t, "Acme", h.URL, "canopy", "", claim)
	q := r.setUp(t, "Globex", other.URL, "canopy", "", claim)
	exec := func(statement string) {
		t.Helper()
		_, err := r.directory.DB.Writer().ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	exec("UPDATE users SET password_hash = '' WHERE alias IN ('alan.turing', 'grace.hopper', 'donald.knuth')")
	address := r.account(t, "alan.turing").Person.Mail
	require.Equal(t, "alan.turing@acme.example", address)
	tries := func(h *rogue, p accounts.ProviderDocument, changes jwt.MapClaims) string {
		t.Helper()
		claims := jwt.MapClaims{"sub": rand.Text(), "email": address, "email_verified": true}
		for k, v := range changes {
			claims[k] = v
		}
		h.says(claims)
		g := r.visit(t)
		if done := g.signsIn(t, h, p); done.status != 303 {
			require.Equal(t, 403, done.status)
			return ""
		}
		return g.in(t)
	}
	require.Empty(t, tries(h, p, nil), "the domain is only claimed")
	r.confirm(t, "Globex", "acme.example")
	require.Empty(t, tries(h, p, nil), "the domain is proved by another organization")
	require.Empty(t, tries(other, q, nil), "the account is of another organization")
	r.confirm(t, "Acme", "acme.example")
	for name, changes := range map[string]jwt.MapClaims{
		"not verified":             {"email_verified": false},
		"nothing said":             {"email_verified": nil},
		"a sub-domain":             {"email": "alan.turing@sub.acme.example"},
		"another domain":           {"email": "alan.turing@acme.example.org"},
		"letters that are folded":  {"email": "alan.turing@acme.exampl\u212e"},
		"letters that look alike":  {"email": "donald.\u212anuth@acme.example"},
		"somebody with a password": {"email": "barbara.liskov@acme.example"},
	} {
		require.Empty(t, tries(h, p, changes), name)
	}
	exec("UPDATE users SET factors = 1 WHERE alias = 'alan.turing'")
	require.Empty(t, tries(h, p, nil), "an account with a factor")
	exec("UPDATE users SET factors = 0, active = FALSE WHERE alias = 'alan.turing'")
	require.Empty(t, tries(h, p, nil), "an account that is closed")
	exec("UPDATE users SET active = TRUE WHERE alias = 'alan.turing'")
	r.linkTo(t, "grace.hopper", p, "grace")
	require.Empty(t, tries(h, p, jwt.MapClaims{"email": "grace.hopper@acme.example"}), "an account with a link")
	require.Equal(t, "Alan", tries(h, p, jwt.MapClaims{"sub": "alan", "email": "Alan.Turing@ACME.example"}))
	links, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "alan.turing"})
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, domain.LinkedByDomain, links[0].By)
	var told int
	require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(),
		"SELECT COUNT(*) FROM outbox WHERE kind = 'linked'").Scan(&told))
	require.Equal(t, 2, told, "both who were linked are told by mail")
	require.Empty(t, tries(h, p, nil), "they are linked now")
	require.Equal(t, "Alan", tries(h, p, jwt.MapClaims{"sub": "alan", "email": nil}))
}

// A proof that was found long ago is looked for again before it lets anybody in to an account that is there, by one of
// those who come and within limits; nothing else asks DNS.
func TestOldProofsAreLookedForAtUse(t *testing.T) {
	z := newZone(t)
	clock := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) {
		private(cfg)
		cfg.DNSServer, cfg.Now = z.address, clock.now
	})
	h := newRogue(t)
	all := domain.AllNewcomers
	p := r.setUp(t, "Acme", h.URL, "canopy", "", func(in *accounts.CreateProvider) {
		in.Domains, in.Newcomers = &[]string{"acme.example", "acme.org"}, &all
	})
	theirs := r.setUp(t, "Globex", h.URL, "canopy", "", func(in *accounts.CreateProvider) {
		in.Domains = &[]string{"globex.example"}
	})
	r.exec(t, "UPDATE users SET password_hash = '' "+
		"WHERE alias IN ('alan.turing', 'grace.hopper', 'tony.hoare', 'yann.lecun')")
	alan, grace := "alan.turing@acme.example", "grace@acme.org"
	_, err := r.directory.Users.Update(t.Context(), mustOperator(t, r), directory.UpdateUser{
		User: domain.UserRef{Alias: "grace.hopper"}, UserPatch: directory.UserPatch{Mail: &grace}})
	require.NoError(t, err)
	prove := func(organization domain.EnvironmentRef) []accounts.DomainDocument {
		domains, err := r.directory.Providers.Domains(t.Context(), mustOperator(t, r), organization)
		require.NoError(t, err)
		for _, d := range domains {
			z.has(d.Record, []string{d.Text})
			_, err = r.directory.Providers.ProveDomain(t.Context(), mustOperator(t, r),
				accounts.ProveDomain{Organization: organization, Domain: d.Name})
			require.NoError(t, err)
		}
		return domains
	}
	domains := prove("Acme")
	prove("Globex")
	later := func(by time.Duration) { clock.set(clock.now().Add(by)) }
	// asked returns how often DNS was asked since the last call.
	before := 0
	asked := func() int {
		z.mutex.Lock()
		defer z.mutex.Unlock()
		n := z.asked - before
		before = z.asked
		return n
	}
	asked()
	comesFrom := func(p accounts.ProviderDocument, subject, address string) int {
		g := r.visit(t)
		leaves := g.leaves(t, p)
		token := h.sign(h.claims(leaves.Get("nonce"), jwt.MapClaims{"sub": subject, "email": address,
			"email_verified": true, "given_name": subject, "iat": clock.now().Unix(),
			"exp": clock.now().Add(time.Minute).Unix()}))
		h.token = func(string) string { return token }
		return g.comes(t, p, url.Values{"state": {leaves.Get("state")}, "code": {rand.Text()}}).status
	}
	comes := func(subject, address string) int { return comesFrom(p, subject, address) }
	t.Run("neither a preview nor a newcomer asks", func(t *testing.T) {
		began := clock.now()
		for age, good := range map[time.Duration]bool{2 * time.Hour: true, domain.DomainKept: false} {
			later(age)
			landing, err := r.directory.Providers.Preview(t.Context(), mustOperator(t, r), accounts.PreviewProvider{
				OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
				Claims:               domain.Claims{"email": {"new@acme.example"}, "email_verified": {"true"}}})
			require.NoError(t, err)
			require.Equal(t, good, landing.User.Person.Mail != "", age)
			require.Equal(t, 303, comes(rand.Text(), rand.Text()+"@acme.example"))
			clock.set(began)
		}
		require.Zero(t, asked())
	})

	t.Run("of all who come one waits for DNS", func(t *testing.T) {
		later(2 * time.Hour)
		z.becomes(func() { z.silent = true })
		statuses := make(chan int, 1)
		go func() { statuses <- comes("alan", alan) }()
		require.Eventually(t, func() bool { z.mutex.Lock(); defer z.mutex.Unlock(); return z.asked > before }, patience,
			time.Millisecond)
		began := time.Now()
		for range 5 {
			require.Equal(t, 429, comes("alan", alan))
		}
		require.Less(t, time.Since(began), 4*time.Second)
		require.Equal(t, 503, <-statuses, "it cannot be known now")
		require.Equal(t, 429, comes("alan", alan))
		z.becomes(func() { z.silent = false })
		later(time.Minute + time.Millisecond)
		asked()
		require.Equal(t, 303, comes("alan", alan))
		require.Equal(t, 1, asked())
		links, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "alan.turing"})
		require.NoError(t, err)
		require.Len(t, links, 1, "and not to an account that was made meanwhile")
		require.Equal(t, 303, comes("tony", "tony.hoare@acme.example"))
		require.Zero(t, asked(), "it was found a moment ago")
	})

	t.Run("as often as an organization may have it asked", func(t *testing.T) {
		later(2 * time.Hour)
		r.exec(t, "DELETE FROM provider_links WHERE subject = 'alan'")
		z.becomes(func() { z.failing = true })
		refused := map[int]int{}
		for range 31 {
			refused[comes("alan", alan)]++
			refused[comes("grace", grace)]++
			later(time.Minute + time.Millisecond)
		}
		require.Equal(t, map[int]int{503: 60, 429: 2}, refused)
		require.Equal(t, 503, comesFrom(theirs, "yann", "yann.lecun@globex.example"), "people of another one do not wait")
		_, err := r.directory.Providers.ProveDomain(t.Context(), mustOperator(t, r),
			accounts.ProveDomain{Organization: "Acme", Domain: "acme.example"})
		require.ErrorIs(t, err, domain.ErrDNSUnreachable, "which takes nothing from those who administer it")
		z.becomes(func() { z.failing = false })
		later(time.Hour)
		z.has(domains[0].Record, []string{"sold"})
		require.Equal(t, 303, comes("alan", alan))
		require.Empty(t, linksOf(t, r, "alan.turing"), "it is not theirs any more")
		require.Equal(t, 303, comes("grace", grace))
		require.Len(t, linksOf(t, r, "grace.hopper"), 1)
	})
}

func linksOf(t *testing.T, r *running, alias string) []domain.Link {
	t.Helper()
	links, err := r.directory.Providers.Links(t.Context(), mustOperator(t, r), domain.UserRef{Alias: alias})
	require.NoError(t, err)
	return links
}

// TestDomainsDoNotClimb holds that nobody gets by a provider that they write, and a domain that their organization has
// proved, into an account that has more than they have.
func TestDomainsDoNotClimb(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	mail := &[]string{"acme.example"}
	r.setUp(t, "Acme", newRogue(t).URL, "canopy", "", func(in *accounts.CreateProvider) { in.Domains = mail })
	r.confirm(t, "Acme", "acme.example")
	r.exec(t, "UPDATE users SET password_hash = ''")
	group := func(alias string, organization domain.EnvironmentRef, mask domain.Mask) domain.GroupID {
		t.Helper()
		g, err := r.directory.Groups.Create(t.Context(), mustOperator(t, r), directory.GroupPatch{Alias: &alias,
			Parent: new(domain.GroupRef("/Admin")), Mask: &mask, Organization: &organization})
		require.NoError(t, err)
		return g.ID
	}
	patch := func(login string, in directory.UserPatch) {
		t.Helper()
		_, err := r.directory.Users.Update(t.Context(), mustOperator(t, r),
			directory.UpdateUser{User: domain.UserRef{Alias: login}, UserPatch: in})
		require.NoError(t, err)
	}
	var h *rogue
	sets := func(by domain.Principal) (accounts.ProviderDocument, error) {
		h = newRogue(t)
		return r.directory.Providers.Create(t.Context(), by, accounts.CreateProvider{Organization: "Acme", Issuer: h.URL,
			ProviderPatch: accounts.ProviderPatch{Name: new(rand.Text()), ClientID: new("canopy"), Domains: mail}})
	}
	gets := func(p accounts.ProviderDocument, login string) bool {
		t.Helper()
		h.says(jwt.MapClaims{"sub": rand.Text(), "email": login + "@acme.example", "email_verified": true})
		r.visit(t).signsIn(t, h, p)
		return len(linksOf(t, r, login)) > 0
	}
	mask := domain.OrganizationWrite.Mask() | domain.EnvironmentRead.Mask() | domain.GroupRead.Mask()
	small := domain.NumberedGroup(group("Small", "Acme", mask))
	setters := group("Setters", "/", mask)
	less := mustOperator(t, r)
	less.Groups, less.Epoch, less.Alias = []domain.GroupID{setters}, 77, "less"
	p, err := sets(less)
	require.NoError(t, err)
	require.False(t, gets(p, "alan.turing"), "who may do more")
	for _, login := range []string{"tony.hoare", "donald.knuth"} {
		patch(login, directory.UserPatch{Group: &small, Groups: &[]domain.GroupRef{}})
	}
	require.True(t, gets(p, "tony.hoare"), "who may not")

	r.exec(t, fmt.Sprintf("UPDATE providers SET most_role = %d WHERE id = '%s'", domain.RolePower, p.ID))
	patch("donald.knuth", directory.UserPatch{Role: new(domain.RoleOAdmin)})
	require.False(t, gets(p, "donald.knuth"), "a higher role")
	patch("donald.knuth", directory.UserPatch{Role: new(domain.RolePower)})
	require.True(t, gets(p, "donald.knuth"))

	p, err = sets(mustOperator(t, r))
	require.NoError(t, err)
	require.True(t, gets(p, "alan.turing"))
	patch("niklaus.wirth", directory.UserPatch{Allowed: &[]domain.EnvironmentRef{"Acme/Dev", "Globex"}})
	require.False(t, gets(p, "niklaus.wirth"), "who gets into another organization")
	patch("niklaus.wirth", directory.UserPatch{Allowed: &[]domain.EnvironmentRef{"Acme/Dev"}})
	require.True(t, gets(p, "niklaus.wirth"))

	part := mustOperator(t, r)
	part.Blocked, part.Epoch = []domain.EnvironmentPath{r.account(t, "tony.hoare").HomePath}, 78
	_, err = sets(part)
	require.ErrorIs(t, err, domain.ErrClimbing, "who is kept out of a part of it")
	require.Equal(t, "domains", domain.AsError(err).Field)
	mail = nil
	_, err = sets(part)
	require.NoError(t, err, "without a domain it lets nobody in")
}
