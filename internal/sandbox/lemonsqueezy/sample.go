package lemonsqueezy

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// buyer is who buys in what is made up.
const (
	buyerName  = "Sam Buyer"
	buyerEmail = "buyer@example.com"
)

// sale is what a made-up event is about: something of the catalogue, if there is anything.
type sale struct {
	s               *Server
	store           Store
	product         Product
	variant         Variant
	price           Price
	amount          int64
	live            bool
	now             time.Time
	order, customer int64
	subscription    int64
}

// sample is a resource that an event of that name can be about.
func (s *Server) sample(name string, live bool) map[string]any {
	b := s.newSale(live)
	switch {
	case strings.HasPrefix(name, "subscription_payment_"):
		return b.invoice(name)
	case strings.HasPrefix(name, "subscription_"):
		return b.subscriptionOf(name)
	case strings.HasPrefix(name, "license_key_"):
		return b.licenseKey()
	default:
		return b.orderOf(name)
	}
}

func (s *Server) newSale(live bool) *sale {
	b := &sale{
		s: s, live: live, now: s.opt.Now().UTC(), amount: 2900,
		store: Store{ID: 1, Name: "Sample", Currency: "USD"}, product: Product{ID: 1, Name: "Sample"},
		variant: Variant{ID: 1, Name: "Default"}, price: Price{ID: 1},
	}
	for _, v := range s.variants {
		if p := s.product(v.ProductID); p != nil && v.TestMode != live {
			b.variant, b.product = *v, *p
		}
	}
	for _, x := range s.stores {
		if b.product.StoreID == x.ID || b.product.StoreID == 0 {
			b.store = *x
		}
	}
	for _, p := range s.prices {
		if p.VariantID == b.variant.ID {
			b.price = *p
		}
	}
	if b.price.UnitPrice != nil {
		b.amount = *b.price.UnitPrice
	}
	b.order, b.customer, b.subscription = s.nextID(), s.nextID(), s.nextID()
	return b
}

func (b *sale) at(t time.Time) string { return stampOf(t) }

// full is a resource with its links.
func (b *sale) full(kind string, id int64, attributes map[string]any, related ...string) map[string]any {
	self := fmt.Sprintf("https://api.lemonsqueezy.com/v1/%s/%d", kind, id)
	relationships := map[string]any{}
	for _, name := range related {
		relationships[name] = map[string]any{"links": map[string]string{
			"related": self + "/" + name, "self": self + "/relationships/" + name,
		}}
	}
	attributes["store_id"], attributes["test_mode"] = b.store.ID, !b.live
	attributes["customer_id"], attributes["user_name"], attributes["user_email"] = b.customer, buyerName, buyerEmail
	out := resource(kind, id, attributes)
	out["relationships"], out["links"] = relationships, map[string]string{"self": self}
	return out
}

// money are the amounts of a sale, in cents of the store's currency and of US dollars.
func (b *sale) money(into map[string]any) {
	into["currency"], into["currency_rate"] = b.store.Currency, "1.00000000"
	for name, amount := range map[string]int64{
		"subtotal": b.amount, "discount_total": 0, "tax": 0, "total": b.amount,
	} {
		into[name], into[name+"_usd"] = amount, amount
		into[name+"_formatted"] = fmt.Sprintf("%s%d.%02d", b.store.Currency, amount/100, amount%100)
	}
}

func (b *sale) orderOf(name string) map[string]any {
	a := map[string]any{
		"identifier": newUUID(), "order_number": b.order, "setup_fee": 0, "tax_name": nil, "tax_rate": "0.00",
		"tax_inclusive": false, "status": "paid", "status_formatted": "Paid", "refunded": false, "refunded_at": nil,
		"first_order_item": map[string]any{
			"id": b.s.nextID(), "order_id": b.order, "product_id": b.product.ID, "variant_id": b.variant.ID,
			"price_id": b.price.ID, "product_name": b.product.Name, "variant_name": b.variant.Name, "price": b.amount,
			"quantity": 1, "created_at": b.at(b.now), "updated_at": b.at(b.now), "test_mode": !b.live,
		},
		"urls":       map[string]string{"receipt": "https://shop.example.com/receipt"},
		"created_at": b.at(b.now), "updated_at": b.at(b.now),
	}
	b.money(a)
	refunded(a, name == "order_refunded", b)
	return b.full("orders", b.order, a,
		"store", "customer", "order-items", "subscriptions", "license-keys", "discount-redemptions")
}

// refunded writes into a resource whether all of it was paid back.
func refunded(a map[string]any, all bool, b *sale) {
	a["refunded_amount"], a["refunded_amount_usd"] = 0, 0
	a["refunded_amount_formatted"] = b.store.Currency + "0.00"
	if !all {
		return
	}
	a["status"], a["status_formatted"], a["refunded"], a["refunded_at"] = "refunded", "Refunded", true, b.at(b.now)
	a["refunded_amount"], a["refunded_amount_usd"] = b.amount, b.amount
	a["refunded_amount_formatted"] = a["total_formatted"]
}

// state is what a subscription is after an event.
type state struct {
	status          string
	cancelled, ends bool
	pause           any
}

func stateAfter(name string) state {
	switch name {
	case "subscription_cancelled":
		return state{status: "cancelled", cancelled: true, ends: true}
	case "subscription_expired":
		return state{status: "expired", cancelled: true, ends: true}
	case "subscription_paused":
		return state{status: "paused", pause: map[string]any{"mode": "void", "resumes_at": nil}}
	default:
		return state{status: "active"}
	}
}

func (b *sale) subscriptionOf(name string) map[string]any {
	after, item := stateAfter(name), b.s.nextID()
	created, renews := b.now, b.renewal()
	if name != "subscription_created" {
		created = b.now.AddDate(0, 0, -7)
	}
	var ends any
	switch {
	case after.status == "expired":
		ends = b.at(b.now)
	case after.ends:
		ends = b.at(renews)
	}
	a := map[string]any{
		"order_id": b.order, "order_item_id": b.s.nextID(), "product_id": b.product.ID, "variant_id": b.variant.ID,
		"product_name": b.product.Name, "variant_name": b.variant.Name, "status": after.status,
		"status_formatted": strings.ToUpper(after.status[:1]) + after.status[1:], "card_brand": "visa",
		"card_last_four": "4242", "payment_processor": "stripe", "pause": after.pause, "cancelled": after.cancelled,
		"trial_ends_at": nil, "billing_anchor": created.Day(), "renews_at": b.at(renews), "ends_at": ends,
		"first_subscription_item": map[string]any{
			"id": item, "subscription_id": b.subscription, "price_id": b.price.ID, "quantity": 1, "is_usage_based": false,
			"created_at": b.at(created), "updated_at": b.at(created),
		},
		"urls": map[string]string{
			"update_payment_method":               "https://shop.example.com/subscription/payment-details",
			"customer_portal":                     "https://shop.example.com/billing",
			"customer_portal_update_subscription": "https://shop.example.com/billing/update",
		},
		"created_at": b.at(created), "updated_at": b.at(b.now),
	}
	return b.full("subscriptions", b.subscription, a, "store", "customer", "order", "order-item", "product", "variant",
		"subscription-items", "subscription-invoices")
}

// renewal is when a subscription that began now is charged again.
func (b *sale) renewal() time.Time {
	unit, n := "month", int64(1)
	if b.price.IntervalUnit != nil && b.price.IntervalCount != nil {
		unit, n = *b.price.IntervalUnit, *b.price.IntervalCount
	}
	switch unit {
	case "day":
		return b.now.AddDate(0, 0, int(n))
	case "week":
		return b.now.AddDate(0, 0, 7*int(n))
	case "year":
		return b.now.AddDate(int(n), 0, 0)
	default:
		return b.now.AddDate(0, int(n), 0)
	}
}

// invoice is what payment events are about. It names no variant and no order.
func (b *sale) invoice(name string) map[string]any {
	id := b.s.nextID()
	status := map[string]string{"subscription_payment_failed": "pending"}[name]
	status = cmp.Or(status, "paid")
	a := map[string]any{
		"subscription_id": b.subscription, "billing_reason": "renewal", "card_brand": "visa", "card_last_four": "4242",
		"status": status, "status_formatted": strings.ToUpper(status[:1]) + status[1:], "refunded": false,
		"refunded_at": nil, "tax_inclusive": false, "urls": map[string]any{"invoice_url": "https://shop.example.com/invoice"},
		"created_at": b.at(b.now), "updated_at": b.at(b.now),
	}
	b.money(a)
	refunded(a, name == "subscription_payment_refunded", b)
	return b.full("subscription-invoices", id, a, "store", "customer", "subscription")
}

func (b *sale) licenseKey() map[string]any {
	key := newUUID()
	return b.full("license-keys", b.s.nextID(), map[string]any{
		"order_id": b.order, "order_item_id": b.s.nextID(), "product_id": b.product.ID, "key": key,
		"key_short": "XXXX-" + key[len(key)-12:], "activation_limit": 1, "instances_count": 0, "disabled": 0,
		"status": "inactive", "status_formatted": "Inactive", "expires_at": nil, "created_at": b.at(b.now),
		"updated_at": b.at(b.now),
	}, "store", "customer", "order", "order-item", "product", "license-key-instances")
}
