package lemonsqueezy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// seed makes a product with a variant for each price, as a seller does in the dashboard.
func seed(
	t *testing.T, s *dashboard.Server, mode billing.Mode, product billing.ProductSpec, prices []billing.PriceSpec,
) (string, []string) {
	t.Helper()
	d := dashboard.Draft{StoreID: storeID, Name: product.Name, Live: mode == billing.Live}
	for _, p := range prices {
		d.Variants = append(d.Variants, dashboard.DraftVariant{Name: "v", Price: priceFor(p)})
	}
	id, variants, err := s.AddProduct(d)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, v := range variants {
		ids = append(ids, strconv.FormatInt(v, 10))
	}
	return strconv.FormatInt(id, 10), ids
}

func priceFor(spec billing.PriceSpec) dashboard.Price {
	terms := spec.Terms
	p := dashboard.Price{Category: "one_time", Scheme: "standard", UnitPrice: &terms.Money.Minor}
	if r := terms.Recurring; r.Interval != "" {
		unit, n := strings.ToLower(string(r.Interval)), int64(r.Count)
		p.Category, p.IntervalUnit, p.IntervalCount = "subscription", &unit, &n
	}
	if spec.TrialDays > 0 {
		unit, n := "day", int64(spec.TrialDays)
		p.TrialUnit, p.TrialCount = &unit, &n
	}
	if terms.Metered != "" {
		how := map[billing.Aggregate]string{
			billing.AggregateSum: "sum", billing.AggregateMax: "max", billing.AggregateLast: "last_during_period",
		}[terms.Metered]
		exact := strconv.FormatInt(terms.Money.Minor, 10) + ".0"
		p.UsageAggregation, p.UnitPrice, p.UnitPriceDecimal = &how, nil, &exact
	}
	if terms.TierMode != "" {
		p.Scheme, p.UnitPrice, p.UnitPriceDecimal = strings.ToLower(string(terms.TierMode)), nil, nil
		for _, x := range terms.Tiers {
			p.Tiers = append(p.Tiers, dashboard.Tier{
				LastUnit: dashboard.LastUnit(x.UpTo), UnitPrice: &x.Unit, FixedFee: x.Flat,
			})
		}
	}
	return p
}
