package paddle

import "strconv"

// bill is what a change of items costs.
type bill struct {
	items        []TransactionItem
	credit       int64
	charge, next bool // now, or with the next bill
	restarts     bool // the billing period begins anew
	transaction  *Transaction
}

// billFor is the bill of a change: what is new, in full or for the rest of the period, less the rest of what was paid
// for and is left.
func (c *call) billFor(s *Subscription, items []SubscriptionItem, mode string) bill {
	b := bill{
		charge: mode == "prorated_immediately" || mode == "full_immediately",
		next:   mode == "prorated_next_billing_period" || mode == "full_next_billing_period",
	}
	if s.CurrentBillingPeriod == nil || !b.charge && !b.next {
		return b
	}
	prorated := mode == "prorated_immediately" || mode == "prorated_next_billing_period"
	b.restarts = b.charge && *items[0].Price.BillingCycle != s.BillingCycle
	from, to := moment(s.CurrentBillingPeriod.StartsAt), moment(s.CurrentBillingPeriod.EndsAt)
	rest := float64(to.Sub(c.clock())) / float64(to.Sub(from))
	for _, item := range items {
		if has(s.Items, item) && !b.restarts {
			continue
		}
		billed := TransactionItem{Price: item.Price, Quantity: item.Quantity}
		if prorated && !b.restarts {
			billed.Proration = &Proration{
				strconv.FormatFloat(rest, 'f', 6, 64), Period{stamp(c.clock()), s.CurrentBillingPeriod.EndsAt},
			}
		}
		b.items = append(b.items, billed)
	}
	for _, old := range s.Items {
		if prorated && (!has(items, old) || b.restarts) {
			b.credit += int64(rest * float64(old.Price.unitPrice(s.CurrencyCode)*old.Quantity))
		}
	}
	b.charge = b.charge && len(b.items) > 0
	if b.charge {
		b.transaction = c.billOf(s, originUpdate, b.items, b.credit, *s.CurrentBillingPeriod)
	}
	return b
}

// has tells whether one of the items is that many of that price.
func has(items []SubscriptionItem, one SubscriptionItem) bool {
	for _, item := range items {
		if item.Price.ID == one.Price.ID && item.Quantity == one.Quantity {
			return true
		}
	}
	return false
}
