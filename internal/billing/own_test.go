package billing_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Kassa's own events are told apart from those that a provider can send, and every action has its own.
func TestOwnEvents(t *testing.T) {
	g := NewWithT(t)
	told := map[billing.EventType]bool{}
	for _, a := range []billing.DunningAction{
		billing.DunCancel, billing.DunCancelAtPeriodEnd, billing.DunPause, billing.DunNotify,
	} {
		told[a.Told()] = true
	}
	for _, t := range billing.OwnEventTypes() {
		g.Expect(billing.EventTypes()).NotTo(ContainElement(t))
		g.Expect(told).To(HaveKey(t))
		g.Expect(billing.AdmitsOwn(string(t))).To(BeTrue())
	}
	g.Expect(billing.AdmitsOwn("dunning.*")).To(BeTrue())
	g.Expect(billing.AdmitsOwn("*")).To(BeTrue())
	g.Expect(billing.AdmitsOwn("dunning.nothing")).To(BeFalse())
	g.Expect(billing.AdmitsOwn("payment.*")).To(BeFalse())
}
