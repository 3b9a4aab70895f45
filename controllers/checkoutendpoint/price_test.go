package checkoutendpoint

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	month := &v1alpha1.Recurring{Interval: v1alpha1.IntervalMonth}
	got, err := terms(&v1alpha1.Price{
		Name: "monthly", DisplayName: "Monthly", Amount: "29.00", Currency: "USD", Recurring: month,
		CurrencyOptions: []v1alpha1.CurrencyOption{{Currency: "JPY", Amount: "4000"}, {Currency: "EUR", Amount: "27.5"}},
		Trial:           &v1alpha1.Trial{Days: 14}, TaxBehavior: v1alpha1.TaxInclusive,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(storefront.Price{
		Name: "monthly", DisplayName: "Monthly", Currency: "USD", Tax: billing.TaxInclusive,
		Amounts: []storefront.Amount{
			{Currency: "USD", Minor: 2900}, {Currency: "JPY", Minor: 4000}, {Currency: "EUR", Minor: 2750},
		},
		Recurring: &storefront.Recurring{Interval: "Month", Count: 1},
		Trial:     &storefront.Trial{Days: 14, OnMissing: billing.MissingCancel},
	}))

	got, err = terms(&v1alpha1.Price{
		Name: "usage", Currency: "USD", Recurring: month, Metered: &v1alpha1.Metered{Aggregate: v1alpha1.UsageSum},
		Tiers: &v1alpha1.Tiers{Mode: v1alpha1.TierVolume, Tiers: []v1alpha1.Tier{
			{UpTo: 10, UnitAmount: "5", FlatAmount: "20.5"}, {UnitAmount: "4.00"},
		}},
		CurrencyOptions: []v1alpha1.CurrencyOption{
			{Currency: "JPY", Tiers: []v1alpha1.TierAmount{{UnitAmount: "700"}, {UnitAmount: "600", FlatAmount: "90"}}},
			{Currency: "KWD", Tiers: []v1alpha1.TierAmount{{UnitAmount: "1.5"}, {UnitAmount: "1.234"}}},
		},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(And(HaveField("Amounts", BeEmpty()), HaveField("Metered", true)))
	g.Expect(got.Tiers).To(Equal(&storefront.Tiers{Mode: billing.TiersVolume, Tiers: []storefront.Tier{
		{UpTo: 10, Amounts: []storefront.TierAmount{
			{Currency: "USD", Unit: 500, Flat: 2050}, {Currency: "JPY", Unit: 700}, {Currency: "KWD", Unit: 1500},
		}},
		{Amounts: []storefront.TierAmount{
			{Currency: "USD", Unit: 400}, {Currency: "JPY", Unit: 600, Flat: 90}, {Currency: "KWD", Unit: 1234},
		}},
	}}))
	g.Expect(got.Currencies()).To(Equal([]billing.Currency{"USD", "JPY", "KWD"}))

	got, err = terms(&v1alpha1.Price{Name: "once", Amount: "0", Currency: "USD"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(And(HaveField("Recurring", BeNil()), HaveField("Trial", BeNil()),
		HaveField("Amounts", []storefront.Amount{{Currency: "USD"}})))
}

// A price is sold with the terms of its id, also while the spec says others already.
func TestTermsAreThoseOfTheID(t *testing.T) {
	t.Parallel()
	amount := func(in references) int64 {
		_, p := resolve(in).document.Price("pro", "monthly")
		return p.Amounts[0].Minor
	}
	for why, tc := range map[string]struct {
		edit func(*v1alpha1.Plan)
		want int64
	}{
		"not looked at": {func(p *v1alpha1.Plan) { p.Generation = 2 }, 2900},
		"suspended":     {func(p *v1alpha1.Plan) { p.Spec.Suspend = true }, 2900},
		"not reached": {func(p *v1alpha1.Plan) {
			p.Status.Providers[0].Ready, p.Status.Providers[0].Reason = metav1.ConditionUnknown, v1alpha1.ReasonUnreachable
		}, 2900},
		"another id": {func(p *v1alpha1.Plan) { p.Generation, p.Status.Providers[0].Prices[0].ID = 2, "new" }, 3900},
		"replaced":   {func(p *v1alpha1.Plan) { p.UID, p.Generation = "another", 2 }, 3900},
		"in sync":    {func(*v1alpha1.Plan) {}, 3900},
		"drifted elsewhere": {func(p *v1alpha1.Plan) {
			p.Status.Providers[0].Ready, p.Status.Providers[0].Reason = metav1.ConditionFalse, v1alpha1.ReasonDrifted
		}, 3900},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			in := world()
			before := resolve(in).document
			in.before = &before
			in.plans["pro"].Spec.Prices[0].Amount = "39.00"
			tc.edit(in.plans["pro"])
			g.Expect(amount(in)).To(Equal(tc.want))
		})
	}
}

// As soon as one provider has a successor, its terms are told, although the other one sells at the old ones for a
// moment. The provider's page says what is paid.
func TestTermsOfASuccessorThatOneProviderHas(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	in := world()
	in.plans["pro"] = planOf("pro", "stripe", "paddle")
	in.providers["shop/paddle"] = stripeAt("paddle", v1alpha1.ModeTest)
	in.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 1), weighted("paddle", 1)}
	before := resolve(in).document
	in.before = &before
	plan := in.plans["pro"]
	plan.Spec.Prices[0].Amount, plan.Generation = "39.00", 2
	_, p := resolve(in).document.Price("pro", "monthly")
	g.Expect(p.Amounts[0].Minor).To(BeEquivalentTo(2900))
	plan.Status.Providers[0].Prices[0].ID = "new"
	_, p = resolve(in).document.Price("pro", "monthly")
	g.Expect(p.Amounts[0].Minor).To(BeEquivalentTo(3900))
}
