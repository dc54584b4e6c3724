package oauth

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
)

// decodeToken reads the token that somebody asks about. Of which kind it is said to be (token_type_hint) tells us
// nothing.
func decodeToken(c *fiber.Ctx) (string, error) {
	if err := httpx.RefuseUnknown(c); err != nil {
		return "", err
	}
	f, err := httpx.EncodedForm(c)
	if err != nil {
		return "", err
	}
	return f["token"], f.Require("token")
}

// encodeIntrospection answers what a token is worth (RFC 7662, 2.2), with the claims that it has itself.
func (s *Surface) encodeIntrospection(c *fiber.Ctx, i accounts.Introspection) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Flag("active", i.Active)
	if i.Active {
		s.writeToken(w, &i)
	}
	w.Close('}')
	return send(c, w)
}

func (s *Surface) writeToken(w *httpx.Writer, i *accounts.Introspection) {
	t := &i.Token
	if i.Refresh {
		w.Text("iss", s.issuer)
	} else {
		w.Text("token_type", "Bearer")
		w.Text("client_id", t.Client)
		w.Text("iss", t.Issuer)
		w.Open("aud", '[')
		for _, surface := range t.Audience {
			w.Text("", surface)
		}
		w.Close(']')
		w.Number("iat", t.Issued.Unix())
		w.Text("jti", t.ID)
		w.Text("env", t.Environment.Alias)
	}
	w.Number("exp", t.Expires.Unix())
	w.Text("sub", t.Alias)
	w.Text("username", t.Alias)
	w.Text("id", strconv.FormatInt(int64(t.Session.User), 10))
	w.Number("org", int64(t.Session.Organization))
	w.Number("envid", int64(t.Environment.ID))
	w.Text("sid", string(t.Session.ID))
	w.Text("acr", i.Proved.Proof.String())
	w.Number("auth_time", i.Proved.At.Unix())
}

func send(c *fiber.Ctx, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(w.Bytes())
}
