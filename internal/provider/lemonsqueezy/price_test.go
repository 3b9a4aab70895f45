package lemonsqueezy_test

import (
	"fmt"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

func month(p dashboard.Price) dashboard.Price {
	unit, n := "month", int64(1)
	p.Category, p.IntervalUnit, p.IntervalCount = "subscription", &unit, &n
	return p
}

func ptr[T any](v T) *T { return &v }

// What Kassa cannot express equals nothing that a Plan says.
func TestPricesThatNoPlanCanSay(t *testing.T) {
	g := NewWithT(t)
	conn, s := connect(t)
	cases := map[string]dashboard.Price{
		"a fraction of a cent": month(dashboard.Price{UnitPriceDecimal: ptr("0.5")}),
		"a package":            month(dashboard.Price{UnitPrice: ptr(int64(500)), Scheme: "package", PackageSize: 10}),
		"a set-up fee": month(dashboard.Price{
			UnitPrice: ptr(int64(500)), SetupFeeEnabled: ptr(true), SetupFee: ptr(int64(100)),
		}),
		"what the buyer wants": {Category: "pwyw", UnitPrice: ptr(int64(500))},
		"usage for ever":       month(dashboard.Price{UnitPrice: ptr(int64(5)), UsageAggregation: ptr("last_ever")}),
		"tiers without an end": month(dashboard.Price{
			Scheme: "volume", Tiers: []dashboard.Tier{{LastUnit: 5, UnitPrice: ptr(int64(1))}},
		}),
		"no interval": {Category: "subscription", UnitPrice: ptr(int64(500))},
		// The whole number is the decimal, rounded.
		"a rounded amount": month(dashboard.Price{UnitPrice: ptr(int64(501)), UnitPriceDecimal: ptr("500.5")}),
		"a rounded amount of a tier": month(dashboard.Price{Scheme: "graduated", Tiers: []dashboard.Tier{
			{UnitPrice: ptr(int64(1)), UnitPriceDecimal: ptr("0.6")},
		}}),
	}
	draft := dashboard.Draft{StoreID: storeID, Name: "Odd"}
	names := []string{}
	for name, p := range cases {
		names = append(names, name)
		draft.Variants = append(draft.Variants, dashboard.DraftVariant{Name: name, Price: p})
	}
	_, variants, err := s.AddProduct(draft)
	g.Expect(err).NotTo(HaveOccurred())
	snap, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(snap.Prices).To(HaveLen(len(cases)))
	for i, id := range variants {
		for _, p := range snap.Prices {
			if p.ID == strconv.FormatInt(id, 10) {
				g.Expect(p.Spec.Terms).To(Equal(billing.PriceTerms{}), names[i])
			}
		}
	}
}

// The decimal says what is charged, and the whole number beside it may be anything; an empty decimal says nothing.
func TestADecimalComesFirst(t *testing.T) {
	for _, c := range []struct {
		whole *int64
		exact *string
		want  int64
	}{
		{ptr(int64(1)), ptr("500.0"), 500}, {nil, ptr("500"), 500}, {ptr(int64(500)), ptr(""), 500},
		{ptr(int64(500)), nil, 500}, {ptr(int64(1)), ptr("0"), 0},
	} {
		g := NewWithT(t)
		conn, s := connect(t)
		_, _, err := s.AddProduct(dashboard.Draft{StoreID: storeID, Name: "Pro", Variants: []dashboard.DraftVariant{
			{Price: month(dashboard.Price{UnitPrice: c.whole, UnitPriceDecimal: c.exact})},
		}})
		g.Expect(err).NotTo(HaveOccurred())
		snap, err := conn.Catalog().Snapshot(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(snap.Prices[0].Spec.Terms.Money).To(Equal(billing.Money{Minor: c.want, Currency: "USD"}))
	}
}

// A trial that is no number of days equals none that a Plan can say, which are 0 and more.
func TestTrials(t *testing.T) {
	g := NewWithT(t)
	conn, s := connect(t)
	for _, c := range []struct {
		unit *string
		n    *int64
		want int
	}{
		{ptr("day"), ptr(int64(3)), 3}, {ptr("week"), ptr(int64(2)), 14}, {ptr("month"), ptr(int64(1)), -1},
		{ptr("year"), ptr(int64(1)), -1}, {ptr("hour"), ptr(int64(36)), -36}, {nil, nil, 0}, {ptr("day"), nil, 0},
	} {
		price := month(dashboard.Price{UnitPrice: ptr(int64(2900)), TrialUnit: c.unit, TrialCount: c.n})
		id, _, err := s.AddProduct(dashboard.Draft{
			StoreID: storeID, Name: "Pro", Variants: []dashboard.DraftVariant{{Price: price}},
		})
		g.Expect(err).NotTo(HaveOccurred())
		o, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: text(id), Only: true})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(o.Prices[0].Spec.TrialDays).To(Equal(c.want))
	}
}

// The last tier, and no other, ends with "inf" or nothing. Any other text is no end.
func TestEndsOfTiers(t *testing.T) {
	for ends, known := range map[[3]string]bool{
		{`10`, `20`, `"inf"`}: true, {`10`, `20`, `null`}: true, {`"10"`, `"20"`, `"inf"`}: true,
		{`10`, `20`, `"many"`}: false, {`10`, `20`, `20.5`}: false, {`10`, `20`, `30`}: false, {`10`, `20`, `0`}: false,
		{`10`, `10`, `"inf"`}: false, {`10`, `9`, `"inf"`}: false, {`0`, `9`, `"inf"`}: false,
		{`10`, `"inf"`, `"inf"`}: false, {`10`, `"many"`, `"inf"`}: false,
		{`10`, `99999999999999999999`, `"inf"`}: false,
	} {
		g := NewWithT(t)
		conn := raw(t, billing.Test, map[string]string{
			"/v1/products/5": `{"data":` + object("products", "5", `"store_id":77,"test_mode":true`) + `}`,
			"/v1/variants":   listOf(object("variants", "6", `"product_id":5`)),
			"/v1/prices": listOf(object("prices", "7", fmt.Sprintf(`"variant_id":6,"category":"one_time","scheme":"volume",
				"tiers":[{"last_unit":%s,"unit_price":5},{"last_unit":%s,"unit_price":4},{"last_unit":%s,"unit_price":3}]`,
				ends[0], ends[1], ends[2]))),
		})
		o, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: "5", Only: true})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(o.Prices).To(HaveLen(1))
		want := billing.PriceTerms{}
		if known {
			want = billing.PriceTerms{
				Money: billing.Money{Currency: "USD"}, TaxBehavior: billing.TaxUnspecified, TierMode: billing.TiersVolume,
				Tiers: []billing.Tier{{UpTo: 10, Unit: 5}, {UpTo: 20, Unit: 4}, {Unit: 3}},
			}
		}
		g.Expect(o.Prices[0].Spec.Terms).To(Equal(want), "%v", ends)
	}
}
