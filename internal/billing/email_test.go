package billing_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestSameEmail(t *testing.T) {
	g := NewWithT(t)
	g.Expect(billing.SameEmail("Ada@Example.com", "aDA@example.COM")).To(BeTrue())
	for _, other := range []string{"bo\u017fs@example.com", "BOSS@example.org", " boss@example.com", ""} {
		g.Expect(billing.SameEmail("boss@example.com", other)).To(BeFalse(), other)
	}
	g.Expect(billing.SameEmail("mike@example.com", "mi\u212ae@example.com")).To(BeFalse(), "the Kelvin sign")
}
