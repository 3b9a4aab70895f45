package lemonsqueezy

import "github.com/kassa-dev/kassa/internal/sandbox/hosted"

// Invoice is a subscription's invoice on the wire. It names no variant and no order.
type Invoice struct {
	ID             int64  `json:"-"`
	StoreID        int64  `json:"store_id"`
	SubscriptionID int64  `json:"subscription_id"`
	CustomerID     int64  `json:"customer_id"`
	UserName       string `json:"user_name"`
	UserEmail      string `json:"user_email"`
	BillingReason  string `json:"billing_reason"` // initial, renewal or updated
	CardBrand      string `json:"card_brand"`
	CardLastFour   string `json:"card_last_four"`
	amounts
	Status          string `json:"status"` // pending, paid or refunded
	StatusFormatted string `json:"status_formatted"`
	refund
	URLs      map[string]string `json:"urls"`
	CreatedAt Stamp             `json:"created_at"`
	UpdatedAt Stamp             `json:"updated_at"`
	TestMode  bool              `json:"test_mode"`
}

func (s *Server) newInvoice(sub *Subscription, reason string, total int64) *Invoice {
	at, currency := Stamp{s.now()}, s.currencyOf(sub.StoreID)
	in := &Invoice{
		ID: s.nextID(), StoreID: sub.StoreID, SubscriptionID: sub.ID, CustomerID: sub.CustomerID, UserName: sub.UserName,
		UserEmail: sub.UserEmail, BillingReason: reason, CardBrand: sub.CardBrand, CardLastFour: sub.CardLastFour,
		amounts: amountsOf(currency, total), refund: refund{RefundedAmountFormatted: formatted(currency, 0)},
		URLs:      map[string]string{"invoice_url": "https://shop.example.com/invoice"},
		CreatedAt: at, UpdatedAt: at, TestMode: sub.TestMode,
	}
	in.turn("pending")
	return in
}

func (s *Server) currencyOf(store int64) string {
	for _, x := range s.stores {
		if x.ID == store {
			return x.Currency
		}
	}
	return "USD"
}

func (in *Invoice) turn(status string) { in.Status, in.StatusFormatted = status, words(status) }

func (in *Invoice) resource() map[string]any {
	return resource("subscription-invoices", in.ID, in)
}

// bill makes an invoice and charges it, and tells whether that worked.
func (s *Server) bill(sub *Subscription, reason string, total int64) bool {
	in := s.newInvoice(sub, reason, total)
	s.invoices = append(s.invoices, in)
	if sub.fails && total > 0 {
		sub.open, sub.tries = in, 0
		s.decline(sub, in)
		return false
	}
	s.settleInvoice(sub, in)
	return true
}

// again charges the invoice that is open, and tells whether that worked.
func (s *Server) again(sub *Subscription) bool {
	in := sub.open
	if sub.fails {
		s.decline(sub, in)
		return false
	}
	sub.open, sub.tries = nil, 0
	s.settleInvoice(sub, in)
	s.tell(sub, "subscription_payment_recovered", in.resource())
	return true
}

func (s *Server) decline(sub *Subscription, in *Invoice) {
	in.UpdatedAt = Stamp{s.now()}
	s.tell(sub, "subscription_payment_failed", in.resource())
}

func (s *Server) settleInvoice(sub *Subscription, in *Invoice) {
	in.UpdatedAt = Stamp{s.now()}
	in.CardBrand, in.CardLastFour = sub.CardBrand, sub.CardLastFour
	in.turn("paid")
	s.tell(sub, "subscription_payment_success", in.resource())
}

func failsLater(c hosted.Card) bool {
	return c.Outcome == hosted.FailsLater || c.Outcome == hosted.Declined
}
