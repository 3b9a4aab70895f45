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
		d.Variants = append(d.Variants, dashboard.DraftVariant{Price: priceFor(p)})
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

func withdraw(t *testing.T, s *dashboard.Server, variant string) {
	t.Helper()
	id, err := strconv.ParseInt(variant, 10, 64)
	if err == nil {
		err = s.EditVariant(id, func(v *dashboard.Variant) { v.Status = "draft" })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// priceFor tells amounts of usage by a decimal alone, and trials of whole weeks in weeks, as LemonSqueezy may.
func priceFor(spec billing.PriceSpec) dashboard.Price {
	terms := spec.Terms
	p := dashboard.Price{Category: "one_time", Scheme: "standard"}
	p.UnitPrice, p.UnitPriceDecimal = amountFor(terms.Money.Minor, terms.Metered)
	if r := terms.Recurring; r.Interval != "" {
		unit, n := strings.ToLower(string(r.Interval)), int64(r.Count)
		p.Category, p.IntervalUnit, p.IntervalCount = "subscription", &unit, &n
	}
	if spec.TrialDays > 0 {
		unit, n := "day", int64(spec.TrialDays)
		if n%7 == 0 {
			unit, n = "week", n/7
		}
		p.TrialUnit, p.TrialCount = &unit, &n
	}
	if terms.Metered != "" {
		how := map[billing.Aggregate]string{
			billing.AggregateSum: "sum", billing.AggregateMax: "max", billing.AggregateLast: "last_during_period",
		}[terms.Metered]
		p.UsageAggregation = &how
	}
	if terms.TierMode != "" {
		p.Scheme, p.UnitPrice, p.UnitPriceDecimal = strings.ToLower(string(terms.TierMode)), nil, nil
		for _, x := range terms.Tiers {
			made := dashboard.Tier{LastUnit: dashboard.LastUnit(x.UpTo), FixedFee: x.Flat}
			made.UnitPrice, made.UnitPriceDecimal = amountFor(x.Unit, terms.Metered)
			p.Tiers = append(p.Tiers, made)
		}
	}
	return p
}

func amountFor(minor int64, metered billing.Aggregate) (whole *int64, exact *string) {
	if metered == "" {
		return &minor, nil
	}
	text := strconv.FormatInt(minor, 10) + ".0"
	return nil, &text
}
