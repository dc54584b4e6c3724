package ethersource

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// month is how long what is sent by mail can be confirmed; the document says a month, and
// this is the longest.
const month = 31 * 24 * time.Hour

// The attributes that hold what users have here and the directory has no field for.
const (
	attributeCompany = "company"
	attributeCountry = "country"
)

// kinds are the kinds of objects that the product has.
var kinds = []domain.ObjectKind{domain.KindObserver, domain.KindSector}

// query refuses parameters that are not known, besides the API key.
func query(c *fiber.Ctx, known ...string) error {
	return httpx.RefuseUnknown(c, append(known, "apiKey")...)
}

// required returns a parameter of the query that must be there.
func required(c *fiber.Ctx, name string) (string, error) {
	value := httpx.Query(c, name)
	if value == "" {
		return "", domain.InvalidField(name, "A value is required.")
	}
	return value, nil
}

func decodeNothing(c *fiber.Ctx) (httpx.Just, error) { return httpx.Just{}, query(c) }

// decodeSelf names whoever asks.
func decodeSelf(c *fiber.Ctx) (domain.UserRef, error) { return domain.UserRef{}, query(c) }

// decodeUser names the user of the address.
func decodeUser(c *fiber.Ctx) (domain.UserRef, error) { return userOf(c), query(c) }

func userOf(c *fiber.Ctx) domain.UserRef { return domain.UserRef{Alias: httpx.Param(c, "userId")} }

// body reads an object that has only known keys, and all of the required ones.
func body(c *fiber.Ctx, required []string, others ...string) *httpx.Members {
	f := httpx.BodyOf(c, append(others, required...)...)
	f.Require(required...)
	return f
}

// userFields are the keys of a user that both a new one and a changed one must have.
var userFields = []string{"firstName", "lastName", "email", "company", "country", "language"}

// userPatch reads what a new and a changed user have in common.
func userPatch(f *httpx.Members) (p directory.UserPatch, mail *string) {
	p.FirstName, p.LastName = httpx.Member[string](f, "firstName"), httpx.Member[string](f, "lastName")
	mail = httpx.Member[string](f, "email")
	p.Attributes = domain.Attributes{
		attributeCompany: httpx.Given[string](f, "company"), attributeCountry: httpx.Given[string](f, "country")}
	p.Language = httpx.Member[string](f, "language")
	return p, mail
}

func decodeNewUser(c *fiber.Ctx) (accounts.Invite, error) {
	if err := query(c); err != nil {
		return accounts.Invite{}, err
	}
	f := body(c, append([]string{"userId", "password"}, userFields...))
	p, mail := userPatch(f)
	p.Mail, p.Alias, p.Password = mail, httpx.Member[string](f, "userId"), httpx.Member[string](f, "password")
	return accounts.Invite{User: p}, f.Err
}

// decodeUserChange reads a whole user, of whom the userId and the e-mail address cannot be
// modified; a password is not looked at.
func decodeUserChange(c *fiber.Ctx) (directory.UpdateUser, error) {
	if err := query(c); err != nil {
		return directory.UpdateUser{}, err
	}
	f := body(c, userFields, "userId", "password", "apiKey", "active")
	p, mail := userPatch(f)
	alias := httpx.Member[string](f, "userId")
	p.Revise = func(u *domain.User) error {
		switch {
		case alias != nil && domain.Fold(*alias) != domain.Fold(u.Alias):
			return domain.InvalidField("userId", "This field cannot be changed here.")
		case mail != nil && !domain.MailMatches(*mail, u.Person.Mail):
			return domain.InvalidField("email", "This field cannot be changed here.")
		}
		return nil
	}
	return directory.UpdateUser{User: userOf(c), UserPatch: p}, f.Err
}

func decodePassword(c *fiber.Ctx) (directory.UpdateUser, error) {
	if err := query(c, "password"); err != nil {
		return directory.UpdateUser{}, err
	}
	password, err := required(c, "password")
	return directory.UpdateUser{User: userOf(c), UserPatch: directory.UserPatch{Password: &password}}, err
}

func decodeMail(c *fiber.Ctx) (accounts.RequestMailChange, error) {
	if err := query(c, "email"); err != nil {
		return accounts.RequestMailChange{}, err
	}
	mail, err := required(c, "email")
	return accounts.RequestMailChange{User: userOf(c), Mail: mail, Lifetime: month}, err
}

func decodeSecret(c *fiber.Ctx) (accounts.Presented, error) {
	if err := query(c, "uuId"); err != nil {
		return accounts.Presented{}, err
	}
	secret, err := required(c, "uuId")
	return accounts.Presented{User: userOf(c), Secret: secret}, err
}

// confirmations are what can be confirmed, as the document's text and its sample write it.
var confirmations = map[string]domain.SecretPurpose{
	"": domain.AcceptInvite, "USER_ACTIVATION": domain.AcceptInvite, "EMAIL_CHANGE": domain.ChangeAddress,
}

// placeholders are where the link is to stand in the text of a mail.
var placeholders = strings.NewReplacer("{<%URL_PlaceHolder%>}", accounts.PlaceLink, "<%URL_PlaceHolder%>",
	accounts.PlaceLink)

func decodeConfirmation(c *fiber.Ctx) (accounts.SendConfirmation, error) {
	in := accounts.SendConfirmation{User: userOf(c), Lifetime: month}
	if err := query(c, "confirmationLink", "confirmationType"); err != nil {
		return in, err
	}
	link, err := required(c, "confirmationLink")
	if err != nil {
		return in, err
	}
	if in.Link, err = withSecret(link); err != nil {
		return in, err
	}
	kind := strings.ToUpper(strings.ReplaceAll(httpx.Query(c, "confirmationType"), "-", "_"))
	purpose, known := confirmations[kind]
	if !known {
		return in, domain.InvalidField("confirmationType", "Give one of USER_ACTIVATION and EMAIL_CHANGE.")
	}
	in.Purpose = purpose
	f := body(c, []string{"subject", "body"}, "from")
	in.Subject, in.Text = httpx.Given[string](f, "subject"), httpx.Given[string](f, "body")
	in.From = httpx.Given[string](f, "from")
	if in.Text == "" {
		f.Fail(domain.InvalidField("body", "A value is required."))
	}
	in.Text = placeholders.Replace(in.Text)
	return in, f.Err
}

// withSecret returns the link with the parameter uuId, whose value comes with the mail.
func withSecret(link string) (string, error) {
	if strings.ContainsAny(link, "{}") {
		return "", domain.InvalidField("confirmationLink", "Braces are not allowed.")
	}
	address, fragment, fragmented := cutFragment(link)
	switch {
	case !strings.Contains(address, "?"):
		address += "?"
	case !strings.HasSuffix(address, "?") && !strings.HasSuffix(address, "&"):
		address += "&"
	}
	address += "uuId=" + accounts.PlaceSecret
	if fragmented {
		address += "#" + fragment
	}
	return address, nil
}

func cutFragment(link string) (address, fragment string, fragmented bool) {
	return strings.Cut(link, "#")
}

func decodeKinds(c *fiber.Ctx) (objects.ListKinds, error) {
	return objects.ListKinds{Kinds: kinds}, query(c)
}

// decodeAnswer reads which offer of a copy of an object of a kind is answered.
func decodeAnswer(kind domain.ObjectKind) func(*fiber.Ctx) (objects.AnswerCopy, error) {
	return func(c *fiber.Ctx) (in objects.AnswerCopy, err error) {
		if err := query(c); err != nil {
			return in, err
		}
		text := httpx.Param(c, "copyRequestId")
		id, ok := domain.ParseID[domain.CopyRequestID](text)
		if ok {
			return objects.AnswerCopy{ID: id, Kind: kind}, nil
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > domain.MaxID {
			return in, domain.ErrCopyRequestNotFound
		}
		return in, domain.InvalidField("copyRequestId", "Give 1 or more.")
	}
}

func decodeStatistics(c *fiber.Ctx) (in objects.UsageStatistics, err error) {
	in.Kinds = []domain.ObjectKind{domain.KindObserver}
	if err := query(c, "timestampBegin", "timestampEnd"); err != nil {
		return in, err
	}
	for _, end := range []struct {
		name string
		into *time.Time
	}{{"timestampBegin", &in.Begin}, {"timestampEnd", &in.End}} {
		text, err := required(c, end.name)
		if err != nil {
			return in, err
		}
		t, ok := parseTime(text)
		if !ok {
			return in, domain.InvalidField(end.name,
				"Give a time like 2014-05-08 00:00:00 CEST, 2014-05-08T00:00:00Z or 1399500000000.")
		}
		*end.into = t
	}
	return in, nil
}
