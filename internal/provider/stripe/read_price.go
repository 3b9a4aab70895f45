package stripe

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/rawjson"
)

// price reads a price, or its id.
func (r *reader) price(p *priceRef) {
	if r.Kind() != rawjson.Object {
		p.ID = r.Text()
		return
	}
	for name := range r.Object {
		switch string(name) {
		case "id":
			p.ID = r.Text()
		case "metadata":
			for name := range r.Object {
				switch string(name) {
				case markCluster:
					p.Owner.Cluster = r.Text()
				case markUID:
					p.Owner.UID = r.Text()
				case markPlan:
					p.Owner.Namespace, p.Owner.Name, _ = strings.Cut(r.Text(), "/")
				case markPrice:
					p.PriceName = r.Text()
				}
			}
		default:
			r.terms(&p.Terms, name)
		}
	}
}

func (r *reader) terms(t *terms, name []byte) {
	switch string(name) {
	case "unit_amount":
		t.Unit = r.units() // null for a fraction, for tiers, and for what the customer chooses
	case "currency":
		t.Currency = r.word(words)
	case "billing_scheme":
		t.Special = string(r.Bytes()) == "tiered" || t.Special
	case "transform_quantity":
		t.Special = r.presence().set || t.Special
	case "recurring":
		r.recurring(t)
	}
}

func (r *reader) recurring(t *terms) {
	for name := range r.Object {
		switch string(name) {
		case "interval":
			switch string(r.Bytes()) {
			case "day":
				t.Interval = billing.Day
			case "week":
				t.Interval = billing.Week
			case "month":
				t.Interval = billing.Month
			case "year":
				t.Interval = billing.Year
			}
		case "interval_count":
			t.Count, _ = r.Int()
		case "usage_type":
			t.Special = string(r.Bytes()) == "metered" || t.Special
		}
	}
}
