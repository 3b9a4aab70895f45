package stripe

import (
	"cmp"

	"github.com/kassa-dev/kassa/internal/billing"
)

const userIDKey = "user_id"

// inherited is the metadata of an invoice's subscription, as it was when the invoice was made.
func (o *object) inherited() map[string]string {
	if len(o.SubscriptionDetails.Metadata) > 0 {
		return o.SubscriptionDetails.Metadata
	}
	return o.Parent.SubscriptionDetails.Metadata
}

// describe fills in what the object tells.
func (o *object) describe(e *billing.Event) {
	e.Customer = o.customer(e.Metadata)
	switch o.Object {
	case "subscription":
		e.Subscription = o.subscription()
	case "invoice":
		e.Payment = o.invoicePayment(e.Type)
		e.Subscription = o.invoiceSubscription()
	case "checkout.session":
		e.Checkout = &billing.EventCheckout{ID: o.ID}
		e.Payment = o.sessionPayment(e.NativeType)
		if o.Subscription.ID != "" {
			e.Subscription = &billing.EventSubscription{ID: o.Subscription.ID}
			setPlan(e.Subscription, o.Metadata)
		}
	case "payment_intent":
		e.Payment = o.intentPayment()
	case "charge":
		e.Payment = o.chargePayment()
	case "product":
		e.CatalogProductID = o.ID
	case "price":
		e.CatalogProductID = o.Product.ID
	case "dispute":
		e.Dispute = &billing.EventDispute{ID: o.ID, Reason: o.Reason, Status: o.Status}
		// The amount is what is disputed; how the payment stands is not told.
		e.Payment = o.payment(cmp.Or(o.PaymentIntent.ID, o.Charge.ID), o.Amount, "")
	}
}

func (o *object) customer(metadata map[string]string) *billing.EventCustomer {
	c := billing.EventCustomer{
		ID:     o.Customer.ID,
		UserID: cmp.Or(metadata[userIDKey], o.ClientReferenceID),
		Email: cmp.Or(o.CustomerDetails.Email, o.CustomerEmail, o.BillingDetails.Email,
			o.ReceiptEmail),
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
	return o.CancelAtPeriodEnd != nil && *o.CancelAtPeriodEnd ||
		o.CancelAt > 0 && o.CancelAt <= o.periodEnd()
}

func (o *object) periodEnd() int64 {
	if o.CurrentPeriodEnd == 0 && len(o.Items.Data) > 0 {
		return o.Items.Data[0].CurrentPeriodEnd
	}
	return o.CurrentPeriodEnd
}

func (o *object) subscription() *billing.EventSubscription {
	cancels := o.cancels()
	s := &billing.EventSubscription{
		ID: o.ID, Status: o.subscriptionStatus(), CurrentPeriodEnd: timeOf(o.periodEnd()),
		CancelAtPeriodEnd: &cancels, TrialEnd: timeOf(o.TrialEnd),
	}
	if len(o.Items.Data) > 0 {
		price := &o.Items.Data[0].Price
		s.PriceID = price.ID
		setPlan(s, price.Metadata.marks())
	}
	if s.Plan == "" {
		setPlan(s, o.Metadata)
	}
	return s
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
		case o.PauseCollection.set:
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

// setPlan takes the marks of a price, or of a subscription that a checkout of Kassa made.
func setPlan(s *billing.EventSubscription, metadata map[string]string) {
	if owner := ownerOf(metadata, markPlan); owner.Name != "" {
		s.Plan, s.Price, s.Owner = owner.Name, metadata[markPrice], owner
	}
}

func (o *object) invoiceSubscription() *billing.EventSubscription {
	s := &billing.EventSubscription{
		ID: cmp.Or(o.Subscription.ID, o.Parent.SubscriptionDetails.Subscription.ID),
	}
	if s.ID == "" {
		return nil
	}
	if l := o.mainLine(); l != nil {
		s.PriceID = cmp.Or(l.Price.ID, l.Pricing.PriceDetails.Price.ID)
		setPlan(s, l.Price.Metadata.marks())
	}
	for _, m := range []map[string]string{o.Metadata, o.inherited()} {
		if s.Plan == "" {
			setPlan(s, m)
		}
	}
	return s
}

// mainLine is the line of the subscription's own price: after a change of plan an invoice begins with prorations,
// which may be of the earlier price.
func (o *object) mainLine() *line {
	for i := range o.Lines.Data {
		l := &o.Lines.Data[i]
		extra := l.Type == "invoiceitem" || l.Parent.Type == "invoice_item_details"
		if !extra && !l.Proration && !l.Parent.SubscriptionItem.Proration {
			return l
		}
	}
	if len(o.Lines.Data) > 0 {
		return &o.Lines.Data[0]
	}
	return nil
}
