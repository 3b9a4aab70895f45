package stripe

import (
	"net/http"
	"strconv"
	"time"
)

func listSubscriptions(c *call) (any, *apiError) {
	t, created, status := c.table("subscription"), c.p.created(), c.p.text("status")
	rows, more, err := page(t, t.rows, c.p, "subscription", func(s *resource) bool {
		is := s.text("status")
		fits := status == is
		switch status {
		case "":
			fits = is != "canceled"
		case "all":
			fits = true
		case "ended":
			fits = is == "canceled" || is == "incomplete_expired"
		}
		return fits && s.matches(c.p, "customer", "collection_method") && created.has(s.number("created")) &&
			(!c.p.has("price") || itemOf(s, c.p.text("price")) != nil) &&
			c.p.spans(s, "current_period_start") && c.p.spans(s, "current_period_end")
	})
	if err != nil {
		return nil, err
	}
	return listOf("/v1/subscriptions", objectsOf(rows), more), nil
}

func (p params) spans(r *resource, name string) bool {
	s, ok := p[name].(span)
	return !ok || s.has(r.number(name))
}

// subscription finds the subscription of the path.
func (c *call) subscription() (*resource, *apiError) {
	s := c.table("subscription").byID[c.id]
	if s == nil {
		return nil, missing(http.StatusNotFound, "id", "subscription", c.id)
	}
	return s, nil
}

// cancelSubscription ends it. One that has ended is gone for Stripe.
func cancelSubscription(c *call) (any, *apiError) {
	s, err := c.subscription()
	if err == nil && s.text("status") == "canceled" {
		err = missing(http.StatusNotFound, "id", "subscription", c.id)
	}
	if err != nil {
		return nil, err
	}
	c.end(s, "cancellation_requested", c.origin)
	return s.object, nil
}

func updateSubscription(c *call) (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	if s.text("status") == "canceled" {
		return nil, refused("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	next, meta, err := c.nextOf(s)
	if err != nil {
		return nil, err
	}
	items, changed, err := c.nextItems(s)
	if err != nil {
		return nil, err
	}
	before := s.object.clone()
	if changed {
		// What is paid for at once is announced before the subscription that it pays for.
		if err := c.moveTo(s, items); err != nil {
			return nil, err
		}
	}
	for name, value := range next {
		s.object[name] = value
	}
	s.object["metadata"] = meta
	if id := c.p.text("default_payment_method"); id != "" {
		s.card = c.table("payment_method").byID[id].card
	}
	c.hurry()
	c.updated("customer.subscription.updated", before, s.object, c.origin)
	return s.object, nil
}

// nextOf reads the fields other than the items.
func (c *call) nextOf(s *resource) (next object, meta map[string]string, err *apiError) {
	next, p := object{}, c.p
	old, _ := s.object["metadata"].(map[string]string)
	if meta, err = mergeMetadata(old, p); err != nil {
		return nil, nil, err
	}
	if p.has("description") {
		next["description"] = orNil(p, "description")
	}
	if id := p.text("default_payment_method"); id != "" {
		if c.table("payment_method").byID[id] == nil {
			return nil, nil, missing(http.StatusBadRequest, "default_payment_method", "PaymentMethod", id)
		}
		next["default_payment_method"] = id
	}
	if pause := p.hash("pause_collection"); pause != nil {
		next["pause_collection"] = object{"behavior": pause.text("behavior"), "resumes_at": orNil(pause, "resumes_at")}
	} else if p.has("pause_collection") {
		next["pause_collection"] = nil
	}
	if err := c.nextEnd(s, next); err != nil {
		return nil, nil, err
	}
	return next, meta, c.nextTrial(s, next)
}

// nextEnd reads when the subscription shall end.
func (c *call) nextEnd(s *resource, next object) *apiError {
	p := c.p
	if p.has("cancel_at_period_end") && p.has("cancel_at") {
		return invalid("cancel_at", "parameters_exclusive", "You may only specify one of these parameters: "+
			"cancel_at, cancel_at_period_end.")
	}
	at := orNil(p, "cancel_at")
	switch {
	case p.boolean("cancel_at_period_end"):
		at = s.object["current_period_end"]
	case !p.has("cancel_at_period_end") && !p.has("cancel_at"):
		return nil
	}
	next["cancel_at"], next["cancel_at_period_end"] = at, p.boolean("cancel_at_period_end")
	next["canceled_at"] = nil
	details := object{"comment": nil, "feedback": nil, "reason": nil}
	if at != nil {
		next["canceled_at"], details["reason"] = c.now().Unix(), "cancellation_requested"
	}
	if at != nil && s.object["cancel_at"] == at && s.object["canceled_at"] != nil {
		next["canceled_at"] = s.object["canceled_at"]
	}
	given := p.hash("cancellation_details")
	for _, name := range []string{"comment", "feedback"} {
		details[name] = orNil(given, name)
	}
	next["cancellation_details"] = details
	return nil
}

// nextTrial reads trial_end: a time, or now, which makes the period end now.
func (c *call) nextTrial(s *resource, next object) *apiError {
	text := c.p.text("trial_end")
	if text == "" {
		return nil
	}
	now := c.now().Unix()
	end, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "now":
		end = now
	case err != nil:
		return invalid("trial_end", "parameter_invalid_integer", "Invalid integer: %s", text)
	case end < now:
		return refused("trial_end", "", "The trial_end parameter must be in the future.")
	case end > c.now().Add(2*366*24*time.Hour).Unix():
		return refused("trial_end", "", "Timestamp `trial_end` can be at most two years in the future.")
	}
	if s.text("status") != "trialing" && text == "now" {
		return nil
	}
	next["status"], next["trial_end"], next["current_period_end"] = "trialing", end, end
	next["billing_cycle_anchor"] = end
	if s.object["trial_start"] == nil {
		next["trial_start"], next["current_period_start"] = now, now
	}
	s.run.warned = false
	return nil
}
