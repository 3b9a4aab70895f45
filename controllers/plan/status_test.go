package plan

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// More prices were retired than the list holds: it has the youngest, and does not change by itself.
func TestTheRetiredPricesThatAreKept(t *testing.T) {
	g := NewWithT(t)
	const all = maxRetired + 30
	price := func(i int) billing.Price { return billing.Price{ID: fmt.Sprintf("price_%03d", i), Name: "monthly"} }
	day := func(i int) time.Time { return time.Unix(1_800_000_000, 0).AddDate(0, 0, i) }
	var s v1alpha1.PlanProviderStatus
	var former []billing.Price
	for i := range all {
		former = append(former, price(i))
		s.Prices = []v1alpha1.PlanPriceStatus{{Name: "monthly", ID: price(i).ID}} // current until now
		s.RetiredPrices = retired(day(i), s, former)
	}
	s.Prices = []v1alpha1.PlanPriceStatus{{Name: "monthly", ID: "price_current"}}
	g.Expect(s.RetiredPrices).To(HaveLen(maxRetired))
	for i, p := range s.RetiredPrices {
		g.Expect(p.ID).To(Equal(price(all - 1 - i).ID))
		g.Expect(p.RetiredAt.Time).To(BeTemporally("==", day(all-1-i)))
	}
	for i := range 3 {
		g.Expect(retired(day(all+i), s, former)).To(Equal(s.RetiredPrices))
	}
}
