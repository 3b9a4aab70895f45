package paddle

import (
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// outcome is what a buyer's step on the page led to.
type outcome struct {
	status               string // complete, requires_action, declined or invalid
	code, message, field string
}

// pay tries to pay a transaction with a card. The account is locked.
func (a *account) pay(t *Transaction, entry hosted.Entry) outcome {
	if !t.open() {
		return outcome{status: "complete"}
	}
	if known := a.email(t); entry.Email == "" {
		entry.Email = known
	}
	d := hosted.Read(entry, a.clock())
	if d.Problem != "" {
		return outcome{status: "invalid", code: d.ProblemCode, message: d.Problem, field: d.ProblemOn}
	}
	a.ready(t, d.Email)
	if d.Card.Outcome == hosted.NeedsAuthentication {
		t.pending = &d
		a.change(t, "transaction.updated", func(time.Time) {
			a.attempt(t, a.cardOf(d), "")
			t.Payments[0].Status, t.Payments[0].CapturedAt = "action_required", nil
		})
		return outcome{status: "requires_action"}
	}
	return a.complete(t, d)
}

// open says that a buyer can pay the transaction.
func (t *Transaction) open() bool { return t.checkout() && (t.Status == draft || t.Status == ready) }

func (a *account) email(t *Transaction) string {
	if t.CustomerID == nil || a.customerByID[*t.CustomerID] == nil {
		return ""
	}
	return a.customerByID[*t.CustomerID].Email
}

// authenticate ends the second page of a card that asks for it.
func (a *account) authenticate(t *Transaction, confirmed bool) outcome {
	switch {
	case !t.open():
		return outcome{status: "complete"}
	case t.pending == nil:
		return outcome{status: "invalid"}
	}
	d := *t.pending
	t.pending, t.Payments = nil, t.Payments[1:]
	if confirmed {
		return a.complete(t, d)
	}
	a.fail(t, a.cardOf(d), "authentication_failed")
	return outcome{
		status: "declined", code: "authentication_failed", message: "The payment was not authenticated. Try another card.",
	}
}

// ready makes a transaction one of a customer with an address, who is new unless the e-mail address is known.
func (a *account) ready(t *Transaction, email string) {
	if t.Status == ready && billing.SameEmail(a.email(t), email) {
		return
	}
	customer := a.customerByEmail(email)
	if customer == nil {
		customer = a.addCustomer(&Customer{Email: email, Status: active, Locale: "en"})
	}
	address := a.newSale().other("address", "created")
	address["customer_id"] = customer.ID
	a.emit("address.created", address)
	id, _ := address["id"].(string)
	a.change(t, "transaction.updated", func(time.Time) { t.CustomerID, t.AddressID = &customer.ID, &id })
	if t.Status == draft {
		a.change(t, "transaction.ready", func(time.Time) { t.Status = ready })
	}
}

// complete charges what is due and, if that works, begins the subscription.
func (a *account) complete(t *Transaction, d hosted.Details) outcome {
	c := a.cardOf(d)
	if d.Card.Outcome == hosted.Declined {
		code := errorCode(d.Card.DeclineCode)
		a.fail(t, c, code)
		return outcome{status: "declined", code: code, message: d.Card.Message}
	}
	a.settle(t, c)
	if s := a.newSubscription(t, c); s != nil {
		a.arm()
		a.emit("subscription.created", subscriptionCreated{s, t.ID})
		a.emit("subscription."+map[string]string{active: "activated", trialing: trialing}[s.Status], s)
		a.change(t, "transaction.updated", func(time.Time) {
			t.SubscriptionID, t.BillingPeriod = &s.ID, s.CurrentBillingPeriod
		})
	}
	a.finish(t)
	return outcome{status: "complete"}
}
