package lemonsqueezy

import (
	"time"
)

// Subscription is a subscription on the wire.
type Subscription struct {
	ID               int64             `json:"-"`
	StoreID          int64             `json:"store_id"`
	CustomerID       int64             `json:"customer_id"`
	OrderID          int64             `json:"order_id"`
	OrderItemID      int64             `json:"order_item_id"`
	ProductID        int64             `json:"product_id"`
	VariantID        int64             `json:"variant_id"`
	ProductName      string            `json:"product_name"`
	VariantName      string            `json:"variant_name"`
	UserName         string            `json:"user_name"`
	UserEmail        string            `json:"user_email"`
	Status           string            `json:"status"`
	StatusFormatted  string            `json:"status_formatted"`
	CardBrand        string            `json:"card_brand"`
	CardLastFour     string            `json:"card_last_four"`
	PaymentProcessor string            `json:"payment_processor"` // stripe or paypal
	Pause            *Pause            `json:"pause"`
	Cancelled        bool              `json:"cancelled"`
	TrialEndsAt      Stamp             `json:"trial_ends_at"`
	BillingAnchor    int               `json:"billing_anchor"`
	FirstItem        SubscriptionItem  `json:"first_subscription_item"`
	URLs             map[string]string `json:"urls"`
	RenewsAt         Stamp             `json:"renews_at"`
	EndsAt           Stamp             `json:"ends_at"`
	CreatedAt        Stamp             `json:"created_at"`
	UpdatedAt        Stamp             `json:"updated_at"`
	TestMode         bool              `json:"test_mode"`

	custom      map[string]any
	base        string
	since       time.Time // when the period began
	customPrice *int64
	fails       bool     // the card is declined from now on
	carried     int64    // what the next invoice is more, or less, for a change of plan
	open        *Invoice // of which the payment failed
	tries       int      // to charge it again
	retryAt     time.Time
}

// SubscriptionItem is how much is subscribed to.
type SubscriptionItem struct {
	ID             int64 `json:"id"`
	SubscriptionID int64 `json:"subscription_id"`
	PriceID        int64 `json:"price_id"`
	Quantity       int64 `json:"quantity"`
	IsUsageBased   bool  `json:"is_usage_based"`
	CreatedAt      Stamp `json:"created_at"`
	UpdatedAt      Stamp `json:"updated_at"`
}

// Pause stops a subscription's invoices, or its service.
type Pause struct {
	Mode      string `json:"mode"` // void or free
	ResumesAt Stamp  `json:"resumes_at"`
}

// Statuses of subscriptions.
const (
	onTrial   = "on_trial"
	active    = "active"
	paused    = "paused"
	pastDue   = "past_due"
	unpaid    = "unpaid"
	cancelled = "cancelled" // until ends_at
	expired   = "expired"
)

func (s *Server) newSubscription(b *sale, o *Order) *Subscription {
	id, at := s.nextID(), Stamp{s.now()}
	sub := &Subscription{
		ID: id, StoreID: b.store.ID, CustomerID: b.customer, OrderID: o.ID, OrderItemID: o.FirstOrderItem.ID,
		ProductID: b.product.ID, VariantID: b.variant.ID, ProductName: b.product.Name, VariantName: b.variant.Name,
		UserName: b.name, UserEmail: b.email, CardBrand: b.card.Brand, CardLastFour: b.card.Last4(),
		PaymentProcessor: "stripe", BillingAnchor: at.Day(), RenewsAt: Stamp{b.price.renewal(at.Time, at.Day())},
		FirstItem: SubscriptionItem{
			ID: s.nextID(), SubscriptionID: id, PriceID: b.price.ID, Quantity: b.quantity,
			IsUsageBased: b.price.UsageAggregation != nil, CreatedAt: at, UpdatedAt: at,
		},
		CreatedAt: at, UpdatedAt: at, TestMode: !b.live, custom: b.custom, base: b.base, since: at.Time,
		customPrice: b.customPrice, fails: failsLater(b.card),
	}
	sub.turn(active)
	if b.onTrial() {
		sub.TrialEndsAt = Stamp{later(at.Time, *b.price.TrialUnit, int(*b.price.TrialCount), at.Day())}
		sub.RenewsAt, sub.BillingAnchor = sub.TrialEndsAt, sub.TrialEndsAt.Day()
		sub.turn(onTrial)
	}
	return sub
}

// turn gives a subscription another status.
func (sub *Subscription) turn(status string) { sub.Status, sub.StatusFormatted = status, words(status) }

// cost is what a period costs at a variant's present price.
func (s *Server) cost(sub *Subscription) int64 {
	if sub.customPrice != nil {
		return *sub.customPrice
	}
	if p := s.priceOf(sub.VariantID); p != nil {
		return p.due(sub.FirstItem.Quantity)
	}
	return 0
}

// next brings a subscription into its next period.
func (s *Server) next(sub *Subscription) {
	p := s.priceOf(sub.VariantID)
	if p == nil {
		p = &Price{}
	}
	sub.since = sub.RenewsAt.Time
	sub.RenewsAt = Stamp{p.renewal(sub.since, sub.BillingAnchor)}
}

// told is a subscription as it is told now, with links that work for a day from now.
func (s *Server) told(sub *Subscription) Subscription {
	out := *sub
	out.URLs = s.urlsOf(sub)
	return out
}

func (s *Server) subscriptionResource(sub *Subscription) map[string]any {
	return resource("subscriptions", sub.ID, s.told(sub))
}

// tell announces something that a subscription led to.
func (s *Server) tell(sub *Subscription, name string, about any) {
	s.publish(sub.StoreID, Notice{Type: name, Data: plain(about), CustomData: sub.custom, Live: !sub.TestMode})
}

// tellOf announces something about a subscription.
func (s *Server) tellOf(sub *Subscription, names ...string) {
	for _, name := range names {
		s.tell(sub, name, s.subscriptionResource(sub))
	}
}

// changed announces a change, and that it is one.
func (s *Server) changed(sub *Subscription, names ...string) {
	sub.UpdatedAt = Stamp{s.now()}
	s.tellOf(sub, append(names, "subscription_updated")...)
}
