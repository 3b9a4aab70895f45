package lemonsqueezy

import (
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// buyerName is who buys, where nobody says; the page does not ask for a name.
const buyerName = "Sam Buyer"

// sale is a purchase of a variant.
type sale struct {
	store       Store
	product     Product
	variant     Variant
	price       Price
	live        bool
	name, email string
	card        hosted.Card
	quantity    int64
	customPrice *int64 // instead of the variant's
	skipTrial   bool
	custom      map[string]any
	base        string // where the server's pages are
	customer    int64
}

// saleOf is a sale of one of a variant. The server is locked.
func (s *Server) saleOf(v *Variant) *sale {
	b := &sale{variant: *v, live: !v.TestMode, quantity: 1, name: buyerName, card: hosted.Cards()[0]}
	if p := s.product(v.ProductID); p != nil {
		b.product = *p
	}
	for _, x := range s.stores {
		if x.ID == b.product.StoreID {
			b.store = *x
		}
	}
	if p := s.priceOf(v.ID); p != nil {
		b.price = *p
	}
	return b
}

// priceOf is a variant's newest price.
func (s *Server) priceOf(variant int64) *Price {
	for i := len(s.prices) - 1; i >= 0; i-- {
		if s.prices[i].VariantID == variant {
			return s.prices[i]
		}
	}
	return nil
}

func (b *sale) recurring() bool { return b.price.Category == "subscription" }

func (b *sale) onTrial() bool {
	return b.recurring() && !b.skipTrial && b.price.TrialUnit != nil && number(b.price.TrialCount) > 0
}

// amount is what the quantity costs, each period if it recurs.
func (b *sale) amount() int64 {
	if b.customPrice != nil {
		return *b.customPrice
	}
	return b.price.due(b.quantity)
}

// dueNow is what is charged at the checkout.
func (b *sale) dueNow() int64 {
	if b.onTrial() {
		return 0
	}
	return b.amount()
}

// renewal is when a period that begins at a time ends. The anchor is the day of the month on which it does.
func (p *Price) renewal(from time.Time, anchor int) time.Time {
	if p.IntervalUnit == nil || number(p.IntervalCount) < 1 {
		return later(from, "month", 1, anchor)
	}
	return later(from, *p.IntervalUnit, int(*p.IntervalCount), anchor)
}

func later(from time.Time, unit string, n, anchor int) time.Time {
	switch unit {
	case "day":
		return from.AddDate(0, 0, n)
	case "week":
		return from.AddDate(0, 0, 7*n)
	case "year":
		n *= 12
	}
	// A month that is too short for the anchor ends on its last day.
	first := from.AddDate(0, 0, 1-from.Day()).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor, last)-1)
}

// words are a status for people: on_trial is On Trial.
func words(status string) string {
	parts := strings.Split(status, "_")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, " ")
}
