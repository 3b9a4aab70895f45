package stripe

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// failureOf is an answer that names the parameter that is refused.
func failureOf(param, code string) reply {
	const text = `{"error":{"type":"invalid_request_error","message":"no","param":%q,"code":%q}}`
	return reply{status: 400, body: fmt.Sprintf(text, param, code)}
}

// What Stripe refuses by its rules is a refusal with a reason; what the account's owner has to mend is an error.
func TestChangesThatStripeRefuses(t *testing.T) {
	for _, c := range []struct{ param, code, reason string }{
		{"items[0][price]", "", "it is charged in USD, in which the price must have an amount"},
		{"items", "", "it is charged in USD"},
		{"currency", "", "it is charged in USD"},
		{"items[0][quantity]", "", "does not sell this quantity"},
		{"", "resource_missing", "has no payment method"},
		{"items[0][price]", "resource_missing", ""},
		{"proration_behavior", "", ""},
		{"", "", ""},
	} {
		g := NewWithT(t)
		s, _ := seller(t, func(r sent) reply {
			if r.method == "GET" {
				return ok(subscriptionJSON("sub_1", "active", "42", ""))
			}
			return failureOf(c.param, c.code)
		})
		_, err := s.Change(t.Context(), "sub_1", toYearly(billing.ProrationNone))
		var refused *provider.RefusalError
		g.Expect(errors.As(err, &refused)).To(Equal(c.reason != ""), "%+v: %v", c, err)
		if c.reason == "" {
			g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), "%+v", c)
			continue
		}
		g.Expect(refused.Reason).To(ContainSubstring(c.reason))
	}
}
