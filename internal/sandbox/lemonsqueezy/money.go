package lemonsqueezy

import "fmt"

// amounts are those of an order or invoice, in cents of the store's currency and of US dollars.
type amounts struct {
	Currency               string `json:"currency"`
	CurrencyRate           string `json:"currency_rate"`
	Subtotal               int64  `json:"subtotal"`
	SubtotalUSD            int64  `json:"subtotal_usd"`
	SubtotalFormatted      string `json:"subtotal_formatted"`
	DiscountTotal          int64  `json:"discount_total"`
	DiscountTotalUSD       int64  `json:"discount_total_usd"`
	DiscountTotalFormatted string `json:"discount_total_formatted"`
	Tax                    int64  `json:"tax"`
	TaxUSD                 int64  `json:"tax_usd"`
	TaxFormatted           string `json:"tax_formatted"`
	TaxInclusive           bool   `json:"tax_inclusive"`
	Total                  int64  `json:"total"`
	TotalUSD               int64  `json:"total_usd"`
	TotalFormatted         string `json:"total_formatted"`
}

func amountsOf(currency string, total int64) amounts {
	sum, none := formatted(currency, total), formatted(currency, 0)
	return amounts{
		Currency: currency, CurrencyRate: "1.00000000", Subtotal: total, SubtotalUSD: total, SubtotalFormatted: sum,
		DiscountTotalFormatted: none, TaxFormatted: none, Total: total, TotalUSD: total, TotalFormatted: sum,
	}
}

func formatted(currency string, amount int64) string {
	return fmt.Sprintf("%s%d.%02d", currency, amount/100, amount%100)
}

// refund is what was paid back of an order or invoice.
type refund struct {
	Refunded                bool   `json:"refunded"`
	RefundedAt              Stamp  `json:"refunded_at"`
	RefundedAmount          int64  `json:"refunded_amount"`
	RefundedAmountUSD       int64  `json:"refunded_amount_usd"`
	RefundedAmountFormatted string `json:"refunded_amount_formatted"`
}

// all is a refund of all of it.
func (a *amounts) all(at Stamp) refund {
	return refund{
		Refunded: true, RefundedAt: at, RefundedAmount: a.Total, RefundedAmountUSD: a.TotalUSD,
		RefundedAmountFormatted: a.TotalFormatted,
	}
}

// due is what a quantity costs for a period. What is counted by usage costs nothing before it is used.
func (p *Price) due(quantity int64) int64 {
	switch {
	case p.UsageAggregation != nil:
		return 0
	case p.Scheme == "package":
		size := max(p.PackageSize, 1)
		return (quantity + size - 1) / size * number(p.UnitPrice)
	case p.Scheme == "graduated" || p.Scheme == "volume":
		return tiered(p.Tiers, quantity, p.Scheme == "volume")
	default:
		return quantity * number(p.UnitPrice)
	}
}

// tiered adds up the units of each tier, or with volume takes all at the price of the tier that the quantity reaches.
func tiered(tiers []Tier, quantity int64, volume bool) int64 {
	var sum, before int64
	for _, t := range tiers {
		upTo := quantity
		if t.LastUnit != 0 {
			upTo = min(quantity, int64(t.LastUnit))
		}
		last := upTo == quantity
		switch {
		case volume && last:
			return quantity*number(t.UnitPrice) + t.FixedFee
		case !volume:
			sum += (upTo-before)*number(t.UnitPrice) + t.FixedFee
		}
		if before = upTo; last {
			break
		}
	}
	return sum
}

func number(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
