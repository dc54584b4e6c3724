package console

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
)

// TestPagesAreSentWhenTheTimeIsUp holds that what tells somebody that their request took too long is not ended by that.
func TestPagesAreSentWhenTheTimeIsUp(t *testing.T) {
	server := fiber.New()
	server.Get("/", func(c *fiber.Ctx) error {
		ended, cancel := context.WithCancel(c.UserContext())
		cancel()
		c.SetUserContext(ended)
		return render(c, fiber.StatusServiceUnavailable, wordPage(&view{words: choose("en", "")}, "Busy", "Try again.", ""))
	})
	answer, err := server.Test(httptest.NewRequest(fiber.MethodGet, "/", nil))
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, fiber.StatusServiceUnavailable, answer.StatusCode)
}
