package stripe

import (
	"cmp"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// reader reads Stripe's JSON. Fields moved in 2025; both places are read, because an endpoint that was not registered
// by Kassa may use any API version.
type reader struct{ rawjson.Reader }

func (r *reader) event(e *event) {
	for name := range r.Object {
		switch string(name) {
		case "id":
			e.ID = r.Text()
		case "type":
			e.Type = r.word(nativeNames)
		case "created":
			e.Created, _ = r.Int()
		case "livemode":
			e.Livemode, e.ModeTold = r.Bool()
		case "data":
			for name := range r.Object {
				switch string(name) {
				case "object":
					r.object(&e.Object)
				case "previous_attributes":
					r.previous(&e.Previous)
				}
			}
		}
	}
}

// object is split by kind for those who read it; no name is in two parts.
func (r *reader) object(o *object) {
	for name := range r.Object {
		if !r.common(o, name) && !r.money(o, name) && !r.invoice(o, name) {
			r.subscription(o, name)
		}
	}
}

func (r *reader) common(o *object, name []byte) bool {
	switch string(name) {
	case "id":
		o.ID = r.Text()
	case "object":
		o.Object = r.word(words)
	case "status":
		o.Status = r.word(words)
	case "currency":
		o.Currency = r.word(words)
	case "metadata":
		o.Metadata = r.texts()
	case "customer":
		o.Customer = r.ref()
	case "subscription":
		o.Subscription = cmp.Or(r.ref(), o.Subscription)
	case "payment_intent":
		o.PaymentIntent = cmp.Or(r.ref(), o.PaymentIntent)
	case "charge":
		o.Charge = cmp.Or(r.ref(), o.Charge)
	case "invoice":
		o.Invoice = r.ref()
	case "product":
		o.Product = r.ref()
	case "email":
		o.Email = r.Text()
	case "customer_details":
		o.TypedEmail = r.member("email")
	case "customer_email":
		o.CustomerEmail = r.Text()
	case "billing_details":
		o.BillingEmail = r.member("email")
	case "receipt_email":
		o.ReceiptEmail = r.Text()
	default:
		return false
	}
	return true
}

func (r *reader) money(o *object, name []byte) bool {
	switch string(name) {
	case "amount":
		o.Amount = r.units()
	case "amount_received":
		o.AmountReceived = r.units()
	case "amount_refunded":
		o.AmountRefunded = r.units()
	case "refunded":
		o.Refunded, _ = r.Bool()
	case "failure_code":
		o.FailureCode = r.Text()
	case "reason":
		o.Reason = r.Text()
	case "last_payment_error":
		for name := range r.Object {
			switch string(name) {
			case "code":
				o.LastError.Code = r.Text()
			case "decline_code":
				o.LastError.DeclineCode = r.Text()
			}
		}
	case "payment_details":
		o.OrderReference = r.member("order_reference")
	case "amount_total":
		o.AmountTotal = r.units()
	case "payment_status":
		o.PaymentStatus = r.word(words)
	case "client_reference_id":
		o.ClientReferenceID = r.Text()
	default:
		return false
	}
	return true
}

func (r *reader) invoice(o *object, name []byte) bool {
	switch string(name) {
	case "amount_paid":
		o.AmountPaid = r.units()
	case "amount_due":
		o.AmountDue = r.units()
	case "attempt_count":
		o.AttemptCount, _ = r.Int()
	case "subscription_details":
		r.subscriptionDetails(o)
	case "parent": // since 2025
		for name := range r.Object {
			if string(name) == "subscription_details" {
				r.subscriptionDetails(o)
			}
		}
	case "lines":
		for range r.list {
			r.line(o)
		}
	case "payments": // since 2025, where it was asked for
		for range r.list {
			for name := range r.Object {
				if string(name) == "payment" {
					r.payment(o)
				}
			}
		}
	default:
		return false
	}
	return true
}

func (r *reader) subscriptionDetails(o *object) {
	for name := range r.Object {
		switch string(name) {
		case "subscription":
			o.Subscription = cmp.Or(o.Subscription, r.ref())
		case "metadata":
			if m := r.texts(); len(m) > 0 {
				o.Inherited = m
			}
		}
	}
}

func (r *reader) payment(o *object) {
	for name := range r.Object {
		switch string(name) {
		case "payment_intent":
			o.PaymentIntent = cmp.Or(o.PaymentIntent, r.ref())
		case "charge":
			o.Charge = cmp.Or(o.Charge, r.ref())
		}
	}
}

func (r *reader) line(o *object) {
	l := line{told: true}
	for name := range r.Object {
		switch string(name) {
		case "type":
			l.extra = string(r.Bytes()) == "invoiceitem" || l.extra
		case "proration":
			l.extra = r.yes() || l.extra
		case "price":
			r.price(&l.price)
		case "pricing":
			r.pricing(&l)
		case "parent":
			r.lineParent(&l)
		}
	}
	if !o.Lines.First.told {
		o.Lines.First = l
	}
	if !l.extra && !o.Lines.Main.told {
		o.Lines.Main = l
	}
}

// pricing is where a line's price is since 2025.
func (r *reader) pricing(l *line) {
	for name := range r.Object {
		if string(name) != "price_details" {
			continue
		}
		for name := range r.Object {
			if string(name) == "price" {
				l.price.ID = cmp.Or(l.price.ID, r.ref())
			}
		}
	}
}

// lineParent is where a line's type and proration are since 2025.
func (r *reader) lineParent(l *line) {
	for name := range r.Object {
		switch string(name) {
		case "type":
			l.extra = string(r.Bytes()) == "invoice_item_details" || l.extra
		case "subscription_item_details":
			for name := range r.Object {
				if string(name) == "proration" {
					l.extra = r.yes() || l.extra
				}
			}
		}
	}
}

func (r *reader) subscription(o *object, name []byte) {
	switch string(name) {
	case "cancel_at_period_end":
		o.CancelAtPeriodEnd = r.yes()
	case "cancel_at":
		o.CancelAt, _ = r.Int()
	case "trial_end":
		o.TrialEnd, _ = r.Int()
	case "current_period_end":
		if n, told := r.Int(); told {
			o.CurrentPeriodEnd = n
		}
	case "pause_collection":
		o.PauseCollection = r.presence().set
	case "items":
		for range r.list {
			if o.Items == 0 {
				r.item(o)
			}
			o.Items++
		}
	}
}

// item is a subscription's. Since 2025 the period is told here.
func (r *reader) item(o *object) {
	for name := range r.Object {
		switch string(name) {
		case "price":
			r.price(&o.Price)
		case "quantity":
			o.Quantity = r.units()
		case "current_period_end":
			if n, _ := r.Int(); o.CurrentPeriodEnd == 0 {
				o.CurrentPeriodEnd = n
			}
		}
	}
}

func (r *reader) previous(p *previous) {
	for name := range r.Object {
		switch string(name) {
		case "status":
			p.Status = r.word(words)
		case "cancel_at_period_end":
			p.CancelAtPeriodEnd = r.presence()
		case "cancel_at":
			p.CancelAt = r.presence()
		case "pause_collection":
			p.PauseCollection = r.presence()
		}
	}
}
