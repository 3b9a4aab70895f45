package providertest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func money(minor int64, c billing.Currency) billing.Money {
	return billing.Money{Minor: minor, Currency: c}
}

// shapes are the terms that the capabilities promise, all of which the adapter must take.
func (f Fixture) shapes() map[string]billing.PriceTerms {
	every := func(i billing.Interval, n int) billing.PriceTerms {
		t := usd(2900)
		t.Recurring = billing.Recurring{Interval: i, Count: n}
		return t
	}
	all := map[string]billing.PriceTerms{
		"monthly": usd(2900), "once": every("", 0), "weekly": every(billing.Week, 1), "fortnight": every(billing.Day, 14),
		"quarter": every(billing.Month, 3), "yearly": every(billing.Year, 1), "one-cent-more": usd(2901),
	}
	if f.has(provider.CapabilityTaxBehavior) {
		all["exclusive"], all["inclusive"] = taxed(usd(2900), billing.TaxExclusive), taxed(usd(2900), billing.TaxInclusive)
	}
	options := f.has(provider.CapabilityMultiCurrency)
	if options {
		all["currencies"] = optional(usd(2900), money(2700, "EUR"), money(2500, "GBP"))
		once := optional(every("", 0), money(2700, "EUR"))
		all["currencies-once"] = once
		if f.has(provider.CapabilityTaxBehavior) {
			all["currencies-inclusive"] = taxed(optional(usd(2900), money(2700, "EUR")), billing.TaxInclusive)
		}
	}
	if f.has(provider.CapabilityTiers) {
		for mode, name := range map[billing.TierMode]string{
			billing.TiersGraduated: "graduated", billing.TiersVolume: "volume",
		} {
			all[name] = tiered(mode, billing.Tier{UpTo: 10, Unit: 500, Flat: 100}, billing.Tier{UpTo: 100, Unit: 400},
				billing.Tier{Unit: 300})
			all[name+"-free-start"] = tiered(mode, billing.Tier{UpTo: 5}, billing.Tier{Unit: 300})
			all[name+"-flat"] = tiered(mode, billing.Tier{UpTo: 1, Flat: 900}, billing.Tier{Flat: 1900})
			all[name+"-one-tier"] = tiered(mode, billing.Tier{Unit: 300, Flat: 1000})
			if options {
				all[name+"-currencies"] = tieredOptions(all[name], 1, "EUR", "GBP")
			}
		}
	}
	if f.has(provider.CapabilityMeteredUsage) {
		for _, by := range []billing.Aggregate{billing.AggregateSum, billing.AggregateMax, billing.AggregateLast} {
			all["metered-"+string(by)] = metered(usd(5), by)
		}
		if f.has(provider.CapabilityTiers) {
			all["metered-graduated"] = metered(all["graduated"], billing.AggregateMax)
			all["metered-volume"] = metered(all["volume"], billing.AggregateLast)
			if options {
				all["metered-graduated-currencies"] = metered(all["graduated-currencies"], billing.AggregateSum)
			}
		}
		if options {
			all["metered-currencies"] = metered(all["currencies"], billing.AggregateSum)
		}
	}
	return all
}

// further are terms that a provider may refuse, in CheckPrice.
func (f Fixture) further() map[string]billing.PriceTerms {
	in := func(minor int64, c billing.Currency) billing.PriceTerms {
		t := usd(0)
		t.Money = money(minor, c)
		return t
	}
	all := map[string]billing.PriceTerms{
		"free": usd(0), "euro": in(700, "EUR"), "no-decimals": in(3000, "JPY"), "three-decimals": in(5120, "KWD"),
		"odd-fils": in(5124, "KWD"), "krona": in(3900, "ISK"), "ariary": in(1500000, "MGA"), "iraimbilanja": in(1550, "MGA"),
		"shilling": in(2500, "UGX"), "forint": in(2950, "HUF"), "dollar": in(99950, "TWD"), "dirham": in(100, "AED"),
	}
	if f.has(provider.CapabilityMultiCurrency) {
		all["currencies-of-all-decimals"] = optional(usd(2900), money(2700, "EUR"), money(3900, "ISK"), money(3000, "JPY"),
			money(8120, "KWD"))
	}
	return all
}

func taxed(t billing.PriceTerms, tax billing.TaxBehavior) billing.PriceTerms {
	t.TaxBehavior = tax
	return t
}

// optional adds amounts in other currencies, which must be given in the order of their codes.
func optional(t billing.PriceTerms, amounts ...billing.Money) billing.PriceTerms {
	for _, m := range amounts {
		t.Options = append(t.Options, billing.CurrencyOption{Money: m})
	}
	return t
}

func tiered(mode billing.TierMode, tiers ...billing.Tier) billing.PriceTerms {
	t := usd(0)
	t.TierMode, t.Tiers = mode, tiers
	return t
}

// tieredOptions adds tiers in other currencies with the same ends, each amount less by some.
func tieredOptions(t billing.PriceTerms, less int64, currencies ...billing.Currency) billing.PriceTerms {
	for i, c := range currencies {
		o := billing.CurrencyOption{Money: money(0, c)}
		for _, tier := range t.Tiers {
			tier.Unit -= less * int64(i+1)
			o.Tiers = append(o.Tiers, tier)
		}
		t.Options = append(t.Options, o)
	}
	return t
}

func metered(t billing.PriceTerms, by billing.Aggregate) billing.PriceTerms {
	t.Metered = by
	return t
}

// priceTerms reads back every shape exactly: in the answer to the create, in an observation, and in a snapshot. Terms
// that are read as others are sold again and again.
func (f Fixture) priceTerms(t *testing.T) {
	conn := f.Connect(t)
	product := f.createProduct(t, conn, owner)
	var prices []billing.Price
	for name, want := range f.shapes() {
		if err := f.Adapter.CheckPrice(billing.PriceSpec{Terms: want}); err != nil {
			t.Errorf("%s is refused, although the capabilities promise it: %v", name, err)
			continue
		}
		prices = f.tryTerms(t, conn, product, prices, name, want)
	}
	for name, want := range f.further() {
		if err := f.Adapter.CheckPrice(billing.PriceSpec{Terms: want}); err != nil {
			t.Logf("%s is refused: %v", name, err)
			continue
		}
		prices = f.tryTerms(t, conn, product, prices, name, want)
	}
	expectObserved(t, conn, product, prices...)
	s, err := conn.Catalog().Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expectSame(t, billing.Observed{Product: &product, Prices: s.Prices}, product, prices...)
}

func (f Fixture) tryTerms(
	t *testing.T, conn provider.Connection, product billing.Product, so []billing.Price, name string,
	want billing.PriceTerms,
) []billing.Price {
	t.Helper()
	in := f.newPrice(owner, product, name, want)
	in.IdempotencyKey = name
	p, err := conn.Catalog().CreatePrice(t.Context(), in)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return so
	}
	if diff := cmp.Diff(want, p.Spec.Terms); diff != "" || !want.Equal(p.Spec.Terms) {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	// An update answers with the terms too.
	again, err := conn.Catalog().UpdatePrice(t.Context(), p.ID, provider.PricePatch{
		Current: p, Owner: &owner, Name: &name,
	})
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("%s after an update (-before +after):\n%s", name, diff)
	}
	return append(so, p)
}
