package stripe

import (
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
)

// nextItems reads the items of an update. What has no id is another item, as at Stripe.
func (c *call) nextItems(s *resource) (items []cartItem, changed bool, err *apiError) {
	items = slices.Clone(s.run.items)
	for i, element := range c.p.list("items") {
		in, name := element.(params), "items["+strconv.Itoa(i)+"]"
		at := slices.IndexFunc(items, func(item cartItem) bool { return item.item == in.text("id") })
		switch {
		case in.has("id") && at < 0:
			return nil, false, missing(http.StatusBadRequest, name+"[id]", "subscription_item", in.text("id"))
		case in.boolean("deleted") && at >= 0:
			items, changed = slices.Delete(items, at, at+1), true
			continue
		case at < 0:
			items, at = append(items, cartItem{item: newID("si"), quantity: 1}), len(items)
		}
		was := items[at]
		if err := c.nextItem(&items[at], in, name, s.text("currency")); err != nil {
			return nil, false, err
		}
		changed = changed || was != items[at]
	}
	for _, item := range items {
		if every, first := item.price.Recurring, items[0].price.Recurring; !every.same(first) {
			return nil, false, refused("items", "", "All prices on a subscription must have the same `recurring.interval` "+
				"and `recurring.interval_count`.")
		}
	}
	if len(items) == 0 {
		return nil, false, refused("items", "", "A subscription must have at least one active plan.")
	}
	return items, changed, nil
}

func (r *Recurring) same(as *Recurring) bool {
	return r.Interval == as.Interval && r.IntervalCount == as.IntervalCount
}

func (c *call) nextItem(item *cartItem, in params, name, currency string) *apiError {
	wasMetered := item.price != nil && item.price.metered()
	if in.has("price") && (item.price == nil || in.text("price") != item.price.ID) {
		price, err := c.sellable(in, name)
		switch {
		case err != nil:
			return err
		case price.Recurring == nil:
			return refused(name+"[price]", "", "The price specified is set to `type=one_time` but this field only accepts "+
				"prices with `type=recurring`.")
		}
		item.price, item.name = price, c.products.byID[price.Product].Name
	}
	if item.price == nil {
		return parameterMissing(name + "[price]")
	}
	switch {
	case item.price.metered() && in.has("quantity"):
		return invalid(name+"[quantity]", "", "Quantity should not be specified where usage_type is `metered`.")
	case item.price.metered():
		item.quantity = 0
	case in.has("quantity"):
		item.quantity = in.integer("quantity")
	case wasMetered:
		item.quantity = 1
	}
	var ok bool
	if item.amount, ok = item.price.amountOf(item.quantity, currency); !ok {
		return refused(name+"[price]", "", "The price specified only supports `%s`. This doesn't match the expected "+
			"currency: `%s`.", item.price.Currency, currency)
	}
	return nil
}

// moveTo gives a subscription other items and bills the difference. Another interval begins a period now.
func (c *call) moveTo(s *resource, items []cartItem) *apiError {
	behavior := firstOf(c.p.text("proration_behavior"), "create_prorations")
	anew := !items[0].price.Recurring.same(s.run.items[0].price.Recurring) && s.text("status") != "trialing"
	lines := []invoiceLine{}
	if behavior != "none" && s.text("status") != "trialing" {
		lines = c.prorations(s, items, anew)
	}
	now := c.now().UTC()
	from, to := s.number("current_period_start"), s.number("current_period_end")
	if anew {
		full, end := (&running{items: items}).period(now)
		lines, from, to = append(lines, full...), now.Unix(), end.Unix()
	}
	charge := (behavior == "always_invoice" || anew) && len(lines) > 0
	if err := c.payable(s, lines, charge); err != nil {
		return err
	}
	s.run.items = items
	s.object["items"] = s.run.list(s.key(), s.number("created"))
	s.object["current_period_start"], s.object["current_period_end"] = from, to
	if anew {
		s.object["billing_cycle_anchor"] = from
	}
	if s.object["cancel_at_period_end"] == true {
		s.object["cancel_at"] = to
	}
	for _, l := range lines {
		if l.prorated != "" {
			c.emit("invoiceitem.created", c.invoiceItem(s, l), nil, c.origin)
		}
	}
	if !charge {
		s.run.pending = append(s.run.pending, lines...)
		return nil
	}
	in := c.newInvoice(s, c.customerOf(s), append(slices.Clone(s.run.pending), lines...), "subscription_update", from, to)
	s.run.pending = nil
	s.object["latest_invoice"] = in.key()
	c.emit("invoice.created", in.object, nil, c.origin)
	s.run.open = append(s.run.open, in)
	c.finalize(in, c.customerOf(s))
	c.attempt(s, in)
	return nil
}

// prorations credit what was paid for the rest of the period, and, unless a new one begins, charge for it anew.
func (c *call) prorations(s *resource, items []cartItem, anew bool) (lines []invoiceLine) {
	now, from, to := c.now(), s.number("current_period_start"), s.number("current_period_end")
	rest := func(amount int64) int64 {
		return round(big.NewRat(amount*max(0, to-now.Unix()), max(1, to-from)))
	}
	day := now.UTC().Format("02 Jan 2006")
	line := func(item cartItem, amount int64, what string) {
		lines = append(lines, invoiceLine{
			item: item, amount: amount, from: now.Unix(), to: to,
			prorated: fmt.Sprintf("%s time on %d × %s after %s", what, item.quantity, item.name, day),
		})
	}
	for _, old := range s.run.items {
		if anew || !slices.Contains(items, old) {
			line(old, -rest(old.amount), "Unused")
		}
	}
	for _, item := range items {
		if !anew && !slices.Contains(s.run.items, item) {
			line(item, rest(item.amount), "Remaining")
		}
	}
	return lines
}

// payable refuses a change that shall be made only if it can be paid for.
func (c *call) payable(s *resource, lines []invoiceLine, charge bool) *apiError {
	behavior := c.p.text("payment_behavior")
	if behavior == "pending_if_incomplete" || behavior == "default_incomplete" {
		return invalid("payment_behavior", "", "This sandbox has no `%s`.", behavior)
	}
	due := c.customerOf(s).number("balance")
	for _, l := range slices.Concat(s.run.pending, lines) {
		due += l.amount
	}
	if behavior != "error_if_incomplete" || !charge || due <= 0 {
		return nil
	}
	if c.methodOf(s) == nil {
		return refused("", "resource_missing", "This customer has no attached payment source or default payment method.")
	}
	card := declineOf(s.card)
	if card == nil {
		return nil
	}
	return &apiError{
		Status: http.StatusPaymentRequired, Type: typeCard, Code: card.Code, DeclineCode: card.DeclineCode,
		DocURL: "https://stripe.com/docs/error-codes/" + hyphens(card.Code), Message: card.Message,
	}
}

// invoiceItem is a proration as a position that waits for an invoice.
func (c *call) invoiceItem(s *resource, l invoiceLine) object {
	return c.keep(object{
		"id": newID("ii"), "object": "invoiceitem", "amount": l.amount, "currency": s.object["currency"],
		"customer": s.object["customer"], "date": c.now().Unix(), "description": l.prorated, "discountable": false,
		"discounts": []any{}, "invoice": nil, "livemode": c.live, "metadata": map[string]string{},
		"period": object{"end": l.to, "start": l.from}, "price": objectOf(l.item.price), "proration": true,
		"quantity": l.item.quantity, "subscription": s.object["id"], "subscription_item": l.item.item,
		"tax_rates": []any{}, "test_clock": nil, "unit_amount": l.amount, "unit_amount_decimal": formatInt(l.amount),
	}).object
}
