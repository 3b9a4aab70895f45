package stripe

import (
	"errors"
	"fmt"

	"github.com/kassa-dev/kassa/internal/billing"
)

// longest is the largest number of units in a period: three years, which Stripe writes as 36 months and 156 weeks.
var longest = map[billing.Interval]int{billing.Day: 1095, billing.Week: 156, billing.Month: 36, billing.Year: 3}

// CheckPrice refuses what Stripe would refuse, and what it would not give back as it was sent. There is no lowest
// amount: the minimum that Stripe charges holds for what is paid in the end, and 0 is free.
func (Adapter) CheckPrice(spec billing.PriceSpec) error { return checkTerms(spec.Terms) }

func checkTerms(t billing.PriceTerms) error {
	if err := checkAmounts(t.Money, t.Tiers); err != nil {
		return err
	}
	if err := checkPeriod(t); err != nil {
		return err
	}
	if (t.TierMode == "") != (len(t.Tiers) == 0) {
		return errors.New("tiers and their mode are given together or not at all")
	}
	if err := checkEnds(t.Tiers); err != nil {
		return err
	}
	seen := map[billing.Currency]bool{t.Money.Currency: true}
	for _, o := range t.Options {
		if seen[o.Money.Currency] {
			return fmt.Errorf("the currency %s is given twice", o.Money.Currency)
		}
		seen[o.Money.Currency] = true
		if err := checkAmounts(o.Money, o.Tiers); err != nil {
			return err
		}
		if !sameEnds(t.Tiers, o.Tiers) {
			return fmt.Errorf("the tiers in %s must end at the same quantities as those in %s", o.Money.Currency,
				t.Money.Currency)
		}
	}
	return nil
}

func checkAmounts(m billing.Money, tiers []billing.Tier) error {
	amounts := []int64{m.Minor}
	for _, t := range tiers {
		amounts = append(amounts, t.Unit, t.Flat)
	}
	for _, minor := range amounts {
		if minor < 0 {
			return errors.New("an amount cannot be negative")
		}
		if _, _, err := toStripe(billing.Money{Minor: minor, Currency: m.Currency}); err != nil {
			return err
		}
	}
	return nil
}

func checkPeriod(t billing.PriceTerms) error {
	if t.Recurring == (billing.Recurring{}) {
		switch {
		case t.TierMode != "":
			return errors.New("a one-time price cannot have tiers; give it a billing period")
		case t.Metered != "":
			return errors.New("usage is billed by the period; give the price a billing period")
		}
		return nil
	}
	most, ok := longest[t.Recurring.Interval]
	if !ok {
		return fmt.Errorf("there is no interval %q", t.Recurring.Interval)
	}
	if t.Recurring.Count > most {
		return fmt.Errorf("a billing period lasts three years at most, which is an interval count of %d with the interval %s",
			most, t.Recurring.Interval)
	}
	if _, ok := aggregates[t.Metered]; t.Metered != "" && !ok {
		return fmt.Errorf("usage cannot be aggregated by %q", t.Metered)
	}
	return nil
}

// checkEnds wants tiers that grow up to one without end.
func checkEnds(tiers []billing.Tier) error {
	before := int64(0)
	for i, t := range tiers {
		last := i == len(tiers)-1
		if last != (t.UpTo == 0) || !last && t.UpTo <= before {
			return errors.New("each tier must end above the one before it, and the last one has no end")
		}
		before = t.UpTo
	}
	return nil
}

func sameEnds(a, b []billing.Tier) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].UpTo != b[i].UpTo {
			return false
		}
	}
	return true
}
