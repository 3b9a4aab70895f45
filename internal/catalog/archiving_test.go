package catalog_test

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Before the first price leaves the sale, every name has its successor, so that one message tells of all of them. While
// the message cannot be sent, nothing leaves.
func TestSuccessorsAreToldBeforeAnythingIsArchived(t *testing.T) {
	for name, traits := range bothKinds {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(traits)
			p := newProcess(m)
			p.settle(t, plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly)))
			want := plan("monthly", price("monthly", "39", monthly), price("yearly", "390", yearly))
			both := map[string]int{"monthly": 2, "yearly": 2}
			var told []string
			unsaid := errors.New("the API server does not answer")
			e := p.executor()
			e.Archiving = func(_ context.Context, id string, have billing.Observed) error {
				if told = append(told, id); len(told) == 1 {
					g.Expect(m.purchasable(owner)).To(Equal(both))
					g.Expect(e.Rules.Current(want, have)).To(HaveLen(2))
					return unsaid
				}
				return nil
			}
			for _, stops := range []error{unsaid, nil} {
				have, err := m.Observe(t.Context(), owner, *p.known)
				g.Expect(err).NotTo(HaveOccurred())
				_, err = e.Converge(t.Context(), want, have)
				g.Expect(errors.Is(err, stops)).To(BeTrue(), "%v", err)
				if stops != nil {
					g.Expect(m.purchasable(owner)).To(Equal(both))
				}
			}
			g.Expect(told).To(Equal([]string{"price_1", "price_1", "price_2"}))
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
		})
	}
}
