package stripe

import (
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

var portalCreate = schema{
	"configuration": {kind: text}, "customer": {kind: text, required: true}, "flow_data": {kind: whatever},
	"locale": {kind: text}, "on_behalf_of": {kind: whatever}, "return_url": {kind: link},
}

// portalLife is how long a link works. Stripe says only that it is a short time.
const portalLife = time.Hour

func createPortal(c *call) (any, *apiError) {
	if c.table("customer").byID[c.p.text("customer")] == nil {
		return nil, missing(http.StatusBadRequest, "customer", "customer", c.p.text("customer"))
	}
	public := firstOf(c.server.opt.PublicURL, c.host)
	id := newID("bps")
	s := c.keep(object{
		"id": id, "object": "billing_portal.session", "configuration": or(c.p, "configuration", "bpc_1Default"),
		"created": c.now().Unix(), "customer": c.p.text("customer"), "flow": nil, "livemode": c.live,
		"locale": orNil(c.p, "locale"), "on_behalf_of": nil, "return_url": orNil(c.p, "return_url"),
		"url": public + "/pay/" + id + "/portal",
	})
	c.server.mu.Lock()
	c.server.sessions[id] = c.account
	c.server.mu.Unlock()
	c.emit("billing_portal.session.created", s.object, nil, c.origin)
	return s.object, nil
}

// portalStep does what a customer asked for on the portal's page. The problem is for the customer; without one it is
// done.
func (a *account) portalStep(customer *resource, r *http.Request) (status int, problem string) {
	action := r.PostFormValue("action")
	if action == "card" {
		return a.replaceCard(customer, hosted.Entry{
			Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
			Email: customer.text("email"),
		})
	}
	sub := a.table("subscription").byID[r.PostFormValue("subscription")]
	if sub == nil || sub.text("customer") != customer.key() || (action != "cancel" && action != "resume") {
		return http.StatusBadRequest, "There is no such subscription, or nothing of that kind to do."
	}
	c := &call{account: a, id: sub.key(), p: params{"cancel_at_period_end": action == "cancel"}}
	if _, err := updateSubscription(c); err != nil {
		return err.Status, err.Message
	}
	return http.StatusOK, ""
}

// replaceCard gives all of a customer's subscriptions another card, and charges what is open to it.
func (a *account) replaceCard(customer *resource, entry hosted.Entry) (status int, problem string) {
	d := hosted.Read(entry, a.now())
	switch {
	case d.Problem != "":
		return http.StatusBadRequest, d.Problem
	case d.Card.Outcome == hosted.Declined:
		return http.StatusPaymentRequired, d.Card.Message
	}
	method := a.newPaymentMethod(d)
	method.object["customer"] = customer.key()
	a.emit("payment_method.attached", method.object, nil, Origin{})
	a.change(customer, "customer.updated", func(o object) {
		settings := o["invoice_settings"].(object).clone()
		settings["default_payment_method"] = method.key()
		o["invoice_settings"] = settings
	})
	for _, sub := range a.table("subscription").rows {
		if sub.text("customer") == customer.key() && sub.text("status") != "canceled" {
			a.payWith(sub, method)
		}
	}
	return http.StatusOK, ""
}

func (a *account) payWith(sub, method *resource) {
	sub.card = method.card
	a.change(sub, "customer.subscription.updated", func(o object) { o["default_payment_method"] = method.key() })
	for _, in := range append([]*resource{}, sub.run.open...) {
		if in.text("status") != "open" {
			continue
		}
		// Only the attempts that Stripe makes by itself count.
		in.object["attempt_count"] = max(0, in.number("attempt_count")-1)
		a.attempt(sub, in)
	}
}

// resumeSubscription brings back a subscription that a trial's end has paused. Its period begins now.
func resumeSubscription(c *call) (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	if s.text("status") != "paused" {
		return nil, refused("", "", "Subscription must be paused to be resumed; its status is `%s`.", s.text("status"))
	}
	s.object["current_period_end"], s.object["billing_cycle_anchor"] = c.now().Unix(), c.now().Unix()
	c.change(s, "customer.subscription.resumed", func(o object) { o["status"] = "active" })
	c.cycle(s)
	in := s.run.open[len(s.run.open)-1]
	c.bill(s, in)
	return s.object, nil
}
