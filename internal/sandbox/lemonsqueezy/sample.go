package lemonsqueezy

import (
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// buyerEmail is of who buys in what is made up.
const buyerEmail = "buyer@example.com"

const week = 7 * 24 * time.Hour

// sample is a resource that an event of that name can be about.
func (s *Server) sample(name string, live bool) map[string]any {
	b := s.sampleSale(live)
	switch {
	case strings.HasPrefix(name, "subscription_payment_"):
		return s.sampleInvoice(name, b)
	case strings.HasPrefix(name, "subscription_"):
		return s.sampleSubscription(name, b)
	case strings.HasPrefix(name, "license_key_"):
		return s.sampleKey(b)
	}
	o := s.newOrder(b)
	if name == "order_refunded" {
		o.Status, o.StatusFormatted, o.refund = "refunded", "Refunded", o.all(Stamp{s.now()})
	}
	return o.resource()
}

// sampleSale is of something of the catalogue, if there is anything.
func (s *Server) sampleSale(live bool) *sale {
	amount := int64(2900)
	b := &sale{
		store: Store{ID: 1, Name: "Sample", Currency: "USD"}, product: Product{ID: 1, Name: "Sample"},
		variant: Variant{ID: 1, Name: "Default"}, price: Price{ID: 1, UnitPrice: &amount}, quantity: 1, name: buyerName,
		card: hosted.Cards()[0],
	}
	if len(s.stores) > 0 {
		b.store = *s.stores[len(s.stores)-1]
	}
	for _, v := range s.variants {
		if v.TestMode != live {
			b = s.saleOf(v)
		}
	}
	b.live, b.email, b.skipTrial, b.customer, b.base = live, buyerEmail, true, s.nextID(), "https://shop.example.com"
	return b
}

// sampleSubscription is what a subscription is after an event.
func (s *Server) sampleSubscription(name string, b *sale) map[string]any {
	sub := s.newSubscription(b, s.newOrder(b))
	if name != "subscription_created" {
		sub.CreatedAt = Stamp{s.now().Add(-week)}
	}
	switch name {
	case "subscription_cancelled":
		sub.Cancelled, sub.EndsAt = true, sub.RenewsAt
		sub.turn(cancelled)
	case "subscription_expired":
		sub.Cancelled, sub.EndsAt = true, sub.UpdatedAt
		sub.turn(expired)
	case "subscription_paused":
		sub.Pause = &Pause{Mode: "void"}
		sub.turn(paused)
	}
	return s.subscriptionResource(sub)
}

func (s *Server) sampleInvoice(name string, b *sale) map[string]any {
	in := s.newInvoice(s.newSubscription(b, s.newOrder(b)), "renewal", b.amount())
	switch name {
	case "subscription_payment_failed":
	case "subscription_payment_refunded":
		in.refund = in.all(in.UpdatedAt)
		in.turn("refunded")
	default:
		in.turn("paid")
	}
	return in.resource()
}

func (s *Server) sampleKey(b *sale) map[string]any {
	key, o := newUUID(), s.newOrder(b)
	return resource("license-keys", s.nextID(), map[string]any{
		"store_id": b.store.ID, "customer_id": b.customer, "user_name": b.name, "user_email": b.email,
		"test_mode": !b.live, "order_id": o.ID, "order_item_id": o.FirstOrderItem.ID, "product_id": b.product.ID,
		"key": key, "key_short": "XXXX-" + key[len(key)-12:], "activation_limit": 1, "instances_count": 0, "disabled": 0,
		"status": "inactive", "status_formatted": "Inactive", "expires_at": nil, "created_at": o.CreatedAt,
		"updated_at": o.UpdatedAt,
	})
}
