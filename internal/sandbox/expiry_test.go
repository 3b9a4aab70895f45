package sandbox_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

// Who asks for an end knows the time outside alone.
func TestExpiryAfterTheClockWasAdvanced(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	price := w.price(w.product("Book").ID, 100)
	month := 31 * 24 * time.Hour
	w.Clock().Advance(month)
	end := time.Now().Add(time.Hour)
	s := w.session("payment", price.ID, func(in *stripego.CheckoutSessionParams) {
		in.ExpiresAt = stripego.Int64(end.Unix())
	})
	w.g.Expect(time.Unix(s.ExpiresAt, 0)).To(BeTemporally("~", end.Add(month), 2*time.Second))
	w.Clock().Advance(50 * time.Minute)
	w.g.Expect(w.reread(s).Status).To(Equal(stripego.CheckoutSessionStatusOpen))
	w.Clock().Advance(15 * time.Minute)
	w.g.Expect(w.reread(s).Status).To(Equal(stripego.CheckoutSessionStatusExpired))

	inside := w.Clock().Now().Add(time.Hour)
	s = w.session("payment", price.ID, func(in *stripego.CheckoutSessionParams) {
		in.ExpiresAt = stripego.Int64(inside.Unix())
	})
	w.g.Expect(s.ExpiresAt).To(Equal(inside.Unix()), "who goes by the sandbox's own answers")
}
