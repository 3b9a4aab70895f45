package stripe

import (
	"cmp"
	"maps"
	"math"

	"github.com/kassa-dev/kassa/internal/billing"
)

// describe fills in what the object tells.
func (o *object) describe(e *billing.Event) {
	e.Customer = o.customer()
	switch o.Object {
	case "subscription":
		e.Subscription = o.subscription()
	case "invoice":
		e.Payment = o.invoicePayment(e.Type)
		e.Subscription = o.invoiceSubscription()
	case "checkout.session":
		e.Checkout = &billing.EventCheckout{ID: o.ID}
		e.Payment = o.sessionPayment(e.NativeType)
		e.Subscription = o.otherSubscription()
	case "discount":
		e.Subscription = o.otherSubscription()
	case "payment_intent":
		e.Payment = o.intentPayment()
	case "charge":
		e.Payment = o.chargePayment()
	case "product":
		e.CatalogProductID = o.ID
	case "price":
		e.CatalogProductID = o.Product
	case "dispute":
		e.Dispute = &billing.EventDispute{ID: o.ID, Reason: o.Reason, Status: o.Status}
		// The amount is what is disputed; how the payment stands is not told.
		e.Payment = o.payment(cmp.Or(o.PaymentIntent, o.Charge), o.Amount, "")
	}
}

// otherSubscription is one that the object only refers to.
func (o *object) otherSubscription() *billing.EventSubscription {
	if o.Subscription == "" {
		return nil
	}
	s := &billing.EventSubscription{ID: o.Subscription}
	setPlan(s, o.Metadata)
	return s
}

func (o *object) customer() *billing.EventCustomer {
	c := billing.EventCustomer{
		ID:     o.Customer,
		UserID: cmp.Or(o.Metadata[billing.MetadataUserID], o.Inherited[billing.MetadataUserID], o.ClientReferenceID),
		Email:  cmp.Or(o.TypedEmail, o.CustomerEmail, o.BillingEmail, o.ReceiptEmail),
	}
	if o.Object == "customer" {
		c.ID, c.Email = o.ID, o.Email
	}
	if c == (billing.EventCustomer{}) {
		return nil
	}
	return &c
}

// cancels says that the subscription ends with its current period. Later API versions may say so with a time.
func (o *object) cancels() bool {
	return o.CancelAtPeriodEnd || o.CancelAt > 0 && o.CancelAt <= o.CurrentPeriodEnd
}

func (o *object) subscription() *billing.EventSubscription {
	cancels := o.cancels()
	s := &billing.EventSubscription{
		ID: o.ID, Status: o.subscriptionStatus(), CurrentPeriodEnd: timeOf(o.CurrentPeriodEnd),
		CancelAtPeriodEnd: &cancels, TrialEnd: timeOf(o.TrialEnd),
	}
	o.Price.setTo(s)
	if s.Plan == "" {
		setPlan(s, o.Metadata)
	}
	o.setCharge(s)
	return s
}

// setCharge tells what a period costs. What a subscription costs in one of the price's further currencies is told
// nowhere in it.
func (o *object) setCharge(s *billing.EventSubscription) {
	t, quantity := &o.Price.Terms, o.Quantity.n
	if o.Items != 1 || t.Special || !o.Quantity.told || quantity < 0 || quantity > math.MaxInt32 {
		return
	}
	if o.Currency != "" && o.Currency != t.Currency {
		if c, err := billing.ParseCurrency(o.Currency); err == nil {
			s.Quantity, s.Currency = int(quantity), c
		}
		return
	}
	unit, ok := fromStripe(t.Unit.n, t.Currency)
	if !ok || !t.Unit.told || t.Interval == "" || t.Count < 1 || t.Count > math.MaxInt32 {
		return
	}
	s.Charge = &billing.EventCharge{Unit: unit, Quantity: int(quantity), Interval: t.Interval, Count: int(t.Count)}
}

func (o *object) subscriptionStatus() billing.SubscriptionStatus {
	switch o.Status {
	case "incomplete":
		return billing.StatusIncomplete
	case "incomplete_expired":
		return billing.StatusIncompleteExpired
	case "past_due":
		return billing.StatusPastDue
	case "unpaid":
		return billing.StatusUnpaid
	case "paused":
		return billing.StatusPaused
	case "canceled":
		return billing.StatusCanceled
	case "active", "trialing":
		switch {
		case o.PauseCollection:
			return billing.StatusPaused
		case o.cancels():
			return billing.StatusCanceling
		case o.Status == "trialing":
			return billing.StatusTrialing
		}
		return billing.StatusActive
	default:
		return ""
	}
}

// userMetadata is the object's own over what it inherited, without marks. It takes the object's maps.
func (o *object) userMetadata() map[string]string {
	m := o.Inherited
	if m == nil {
		m = o.Metadata
	} else {
		maps.Copy(m, o.Metadata)
	}
	maps.DeleteFunc(m, func(key, _ string) bool { return isMark(key) })
	if len(m) == 0 {
		return nil
	}
	return m
}

// setTo puts a price, and the Plan that its marks tell, into a subscription.
func (p *priceRef) setTo(s *billing.EventSubscription) {
	s.PriceID = p.ID
	if p.Owner.Name != "" {
		s.Plan, s.Price, s.Owner = p.Owner.Name, p.PriceName, p.Owner
	}
}

// setPlan takes the marks of a subscription, or of another object, that a checkout of Kassa made.
func setPlan(s *billing.EventSubscription, metadata map[string]string) {
	if owner := ownerOf(metadata, markPlan); owner.Name != "" {
		s.Plan, s.Price, s.Owner = owner.Name, metadata[markPrice], owner
	}
}

func (o *object) invoiceSubscription() *billing.EventSubscription {
	if o.Subscription == "" {
		return nil
	}
	s := &billing.EventSubscription{ID: o.Subscription}
	// After a change of plan an invoice begins with prorations; they count only where there is nothing else.
	l := &o.Lines.Main
	if !l.told {
		l = &o.Lines.First
	}
	l.price.setTo(s)
	for _, m := range []map[string]string{o.Metadata, o.Inherited} {
		if s.Plan == "" {
			setPlan(s, m)
		}
	}
	return s
}
