package rest

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// problem answers an error in the surface's envelope. The spelling of thechnicalError is
// the original's; it carries the stable code.
func (s *Surface) problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	if status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, challenge(p))
	}
	if domain.ErrStale.Is(p) { // which only the header If-Match asks about
		status = fiber.StatusPreconditionFailed
	}
	if domain.ErrOnceReused.Is(p) {
		status = fiber.StatusUnprocessableEntity
	}
	w := s.envelope(status)
	w.Text("error", sentence(p))
	w.Text("thechnicalError", p.Code)
	if refused := (*directory.RefusedUsers)(nil); errors.As(err, &refused) {
		writeRefused(w, refused)
	}
	w.Close('}')
	return send(c, status, w)
}

// challenge says what to send instead: a name and a password, or a token that was got by a stronger or a later proof
// (RFC 9470, 3).
func challenge(p *domain.Error) string {
	if !domain.ErrFactorNeeded.Is(p) && !domain.ErrProveAgain.Is(p) {
		return `Basic realm="Canopy", charset="UTF-8"`
	}
	text := `Bearer realm="Canopy", error="insufficient_user_authentication", error_description="` + p.Public + `"`
	if p.Proof > domain.ByPassword {
		var enough []string
		for _, proof := range domain.Proofs[p.Proof:] {
			enough = append(enough, proof.String())
		}
		text += `, acr_values="` + strings.Join(enough, " ") + `"`
	}
	if p.ProofAge > 0 {
		text += `, max_age="` + strconv.FormatInt(int64(p.ProofAge/time.Second), 10) + `"`
	}
	return text
}

// writeRefused writes who cannot be changed with the others, and why.
func writeRefused(w *httpx.Writer, r *directory.RefusedUsers) {
	w.Open("refused", '{')
	w.Number("count", int64(r.N))
	w.Open("first", '[')
	for i := range r.First {
		w.Open("", '{')
		w.Number("userid", int64(r.First[i].User.ID))
		w.Text("alias", r.First[i].User.Alias)
		w.Text("error", sentence(r.First[i].Why))
		w.Text("thechnicalError", r.First[i].Why.Code)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

// sentence says what is wrong and, behind a colon, with which field, as the original does.
func sentence(p *domain.Error) string {
	if domain.ErrBadCredentials.Is(p) {
		return "the user's information not found : user, password"
	}
	text := strings.TrimSuffix(p.Public, ".")
	if field := FieldNames.OfError(p); field != "" {
		text += " : " + field
	}
	return text
}

// FieldNames are what the surface calls fields, in errors as in the audit trail.
var FieldNames = httpx.FieldNames{
	"home": "envId", "allowed": "envs", "blocked": "envsbloque", "current": "env",
	"person.first_name": "person.firstname", "person.last_name": "person.lastname", "person.mail": "person.mailaddress",
	"person.job_title": "person.role", "person.department": "person.service",
	"time_zone": "timezone", "default_page": "defaultpage", "first_access": "firstaccess",
	"password_delay": "passworddelay", "revoke_delay": "revokedelay", "last_password": "lastpassword",
	"old_password": "oldPassword", "new_password": "newPassword",
	"send_url": "sendurl", "git_repository": "gitRepository", "max_users": "maxUsers",
	"copy_request": "copyrequest", "copy_to": "copyTo",
	"client_id": "clientId", "client_secret": "clientSecret", "trusts_strong": "trustsStrong",
	"min_password": "minPassword", "min_password_with_factor": "minPasswordWithFactor", "password_days": "passwordDays",
	"min_set_password": "minSetPassword", "from_above": "fromAbove",
	"proof_age": "proofAge", "recovery_codes": "recoveryCodes", "programs_exempt": "programsExempt",
	"only_provider": "onlyProvider", "break_glass": "breakGlass",
	"archived": "attributes.archived", "claims": "attributes.claims", "lists_users": "attributes.listsUsers",
	"system": "attributes.system", "plan": headerPlan, "part": "q", "idempotency_key": httpx.HeaderIdempotencyKey,
}

// envelope begins an answer; the caller adds data or error and closes it.
func (s *Surface) envelope(status int) *httpx.Writer {
	w := &httpx.Writer{}
	s.open(w, status)
	return w
}

func (s *Surface) open(w *httpx.Writer, status int) {
	w.Open("", '{')
	w.Number("timestamp", s.now().UnixMilli())
	w.Text("status", strconv.Itoa(status))
}

func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(w.Bytes())
}
