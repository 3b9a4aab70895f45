package paddle

import (
	"bytes"
	"math"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// describe fills in what the entity tells. Which entity it is, only the event's name says.
func (e *event) describe(out *billing.Event) {
	o := &e.data
	entity, _, _ := strings.Cut(e.native, ".")
	out.Metadata = o.metadata
	out.Customer = o.customer(entity)
	switch entity {
	case "product":
		out.CatalogProductID = string(o.id)
	case "price":
		out.CatalogProductID = string(o.productID)
	case "subscription":
		if len(o.id) > 0 {
			out.Subscription = o.subscription()
		}
	case "transaction":
		out.Payment = o.transactionPayment(out.Type)
		if o.isCheckout() && len(o.id) > 0 {
			out.Checkout = &billing.EventCheckout{ID: string(o.id)}
		}
		if len(o.subscriptionID) > 0 {
			out.Subscription = &billing.EventSubscription{
				ID: string(o.subscriptionID), PriceID: string(o.item.priceID),
			}
			o.setPlan(out.Subscription)
		}
	case "adjustment":
		out.Payment = o.adjustmentPayment(out.Type)
		if out.Type == billing.DisputeOpened || out.Type == billing.DisputeClosed {
			out.Dispute = &billing.EventDispute{
				ID: string(o.id), Reason: string(o.reason), Status: string(o.action),
			}
		}
		if len(o.subscriptionID) > 0 {
			out.Subscription = &billing.EventSubscription{ID: string(o.subscriptionID)}
		}
	}
}

// customer has an address only in the customer's own events: others carry the id alone.
func (o *object) customer(entity string) *billing.EventCustomer {
	c := billing.EventCustomer{ID: string(o.customerID), UserID: o.metadata[billing.MetadataUserID]}
	if entity == "customer" {
		c.ID, c.Email = string(o.id), string(o.email)
	}
	if c == (billing.EventCustomer{}) {
		return nil
	}
	return &c
}

// isCheckout says that a buyer pays, or was to pay, the transaction in a checkout. The others are what a subscription
// costs from then on, and invoices (collection mode manual).
func (o *object) isCheckout() bool {
	return string(o.collectionMode) != "manual" && !bytes.HasPrefix(o.origin, []byte("subscription_"))
}

func (o *object) cancels() bool { return string(o.scheduled) == "cancel" }

func (o *object) subscription() *billing.EventSubscription {
	cancels := o.cancels()
	s := &billing.EventSubscription{
		ID: string(o.id), Status: statusOf(string(o.status), cancels), PriceID: string(o.item.priceID),
		CancelAtPeriodEnd: &cancels, CurrentPeriodEnd: timeOf(o.periodEnd), TrialEnd: timeOf(o.trialEnd),
	}
	if s.CurrentPeriodEnd == nil {
		s.CurrentPeriodEnd = timeOf(o.nextBilledAt)
	}
	o.setPlan(s)
	s.Charge = o.charge()
	return s
}

// charge is what a period costs by the price's own amount. Some buyers have another currency, or an amount for their
// country; which of those that is, and how Paddle converted it, the subscription does not tell.
func (o *object) charge() *billing.EventCharge {
	c, quantity := &o.item.charge, o.item.quantity
	unit, ok := eventMoney(c.unit, nil)
	if !ok || o.recurs != 1 || string(o.currency) != string(unit.Currency) || quantity < 1 || quantity > math.MaxInt32 ||
		bytes.Contains(c.elsewhere, o.currency) {
		return nil
	}
	for interval, name := range intervals {
		if string(c.interval) == string(name) && c.count > 0 && c.count <= maxFrequency {
			return &billing.EventCharge{Unit: unit, Quantity: int(quantity), Interval: interval, Count: int(c.count)}
		}
	}
	return nil
}

// setPlan takes the marks of the price, or of what a checkout of Kassa made: Paddle hands the custom_data of a
// transaction on to its subscription.
func (o *object) setPlan(s *billing.EventSubscription) {
	for _, m := range [...]*marked{&o.item.marks, &o.marks} {
		if namespace, plan, _ := strings.Cut(string(m.plan), "/"); plan != "" {
			s.Plan, s.Price = plan, string(m.price)
			s.Owner = billing.Owner{Cluster: string(m.cluster), UID: string(m.uid), Namespace: namespace, Name: plan}
			return
		}
	}
}
