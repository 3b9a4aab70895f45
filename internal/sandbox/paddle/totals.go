package paddle

import (
	"strconv"
	"time"
)

// unitPrice is what one of a price costs in a currency: the price's own, or that of the countries with the currency.
// There are no exchange rates here; a currency that the price does not name costs the same number.
func (p *Price) unitPrice(currency string) int64 {
	amount := p.UnitPrice.Amount
	for _, o := range p.UnitPriceOverrides {
		if p.UnitPrice.CurrencyCode != currency && o.UnitPrice.CurrencyCode == currency {
			amount = o.UnitPrice.Amount
		}
	}
	n, _ := strconv.ParseInt(amount, 10, 64) // it was checked when the price was made
	return n
}

// amount is what an item costs in a transaction. A trial costs nothing at first.
func (t *Transaction) amount(item TransactionItem) int64 {
	switch {
	case item.Price.TrialPeriod != nil && item.Price.BillingCycle != nil && t.checkout():
		return 0
	case item.Proration != nil:
		rate, _ := strconv.ParseFloat(item.Proration.Rate, 64)
		return int64(rate * float64(item.Price.unitPrice(t.CurrencyCode)*item.Quantity))
	}
	return item.Price.unitPrice(t.CurrencyCode) * item.Quantity
}

// checkout says that a buyer pays the transaction, and no subscription.
func (t *Transaction) checkout() bool { return t.Origin == originAPI || t.Origin == "web" }

func minor(n int64) string { return strconv.FormatInt(n, 10) }

func plainTotals(n int64) entity {
	return entity{"subtotal": minor(n), "discount": "0", "tax": "0", "total": minor(n)}
}

// sum writes the transaction's sums, without tax. What Paddle keeps is known when it is settled.
func (a *account) sum(t *Transaction) {
	lines, total := []any{}, int64(0)
	for _, item := range t.Items {
		n := t.amount(item)
		total += n
		lines = append(lines, entity{
			"id": a.newID("txnitm"), "price_id": item.Price.ID, "quantity": item.Quantity, "proration": item.Proration,
			"tax_rate": "0", "unit_totals": plainTotals(n / item.Quantity), "totals": plainTotals(n),
			"product": a.productByID[item.Price.ProductID],
		})
	}
	t.due = max(total-t.credit, 0)
	var fee, earnings any
	settled := t.Status == completed || t.Status == paid
	if settled {
		fee, earnings = shares(minor(t.due))
	}
	totals := entity{
		"subtotal": minor(total), "discount": "0", "tax": "0", "total": minor(total),
		"credit": minor(min(t.credit, total)), "credit_to_balance": minor(max(t.credit-total, 0)),
		"balance": minor(t.due), "grand_total": minor(t.due), "fee": fee, "earnings": earnings,
		"currency_code": t.CurrencyCode,
	}
	if settled {
		totals["balance"] = "0"
	}
	details := entity{
		"tax_rates_used": []any{entity{"tax_rate": "0", "totals": plainTotals(total)}}, "totals": totals,
		"adjusted_totals": entity{
			"subtotal": minor(total), "tax": "0", "total": minor(total), "grand_total": minor(t.due), "fee": fee,
			"earnings": earnings, "currency_code": t.CurrencyCode,
		},
		"payout_totals": nil, "line_items": lines,
	}
	if settled && t.CurrencyCode == "USD" {
		details["payout_totals"] = totals
	}
	t.Details = details
}

// period is the one that begins at a time.
func (d Duration) period(from time.Time) Period { return Period{stamp(from), stamp(d.after(from))} }

// moment is a time of the stand-in's own.
func moment(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}
