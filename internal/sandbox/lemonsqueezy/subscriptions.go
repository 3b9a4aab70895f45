package lemonsqueezy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

func listSubscriptions(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id", "order_id", "order_item_id", "product_id", "variant_id", "user_email", "status")
	if err != nil {
		return nil, err
	}
	var all []Subscription
	for _, x := range slices.Backward(c.subscriptions) {
		if x.TestMode == c.test && passes("store_id", x.StoreID) && passes("order_id", x.OrderID) &&
			passes("order_item_id", x.OrderItemID) && passes("product_id", x.ProductID) &&
			passes("variant_id", x.VariantID) && passes("user_email", x.UserEmail) && passes("status", x.Status) {
			all = append(all, c.told(x))
		}
	}
	return page(c, "subscriptions", all, func(x Subscription) int64 { return x.ID })
}

// ownSubscription is the one of the path, if it is of the key's mode.
func (c *call) ownSubscription() (*Subscription, *apiError) {
	if x := c.subscription(c.id()); x != nil && x.TestMode == c.test {
		return x, nil
	}
	return nil, notFound()
}

func (s *Server) subscription(id int64) *Subscription {
	for _, x := range s.subscriptions {
		if x.ID == id {
			return x
		}
	}
	return nil
}

func (c *call) answer(sub *Subscription) any { return document("subscriptions", sub.ID, c.told(sub)) }

func getSubscription(c *call) (any, *apiError) {
	sub, err := c.ownSubscription()
	if err != nil {
		return nil, err
	}
	return c.answer(sub), nil
}

// deleteSubscription ends a subscription with what was paid for.
func deleteSubscription(c *call) (any, *apiError) {
	sub, err := c.ownSubscription()
	if err != nil {
		return nil, err
	}
	if sub.Status == expired {
		return nil, unprocessable("/data", "The subscription has expired.")
	}
	c.cancel(sub)
	return c.answer(sub), nil
}

// subscriptionPatch is what a request changes.
type subscriptionPatch struct {
	variant   int64
	cancelled *bool
	pause     *Pause
	unpause   bool
	trialEnds *time.Time
	charging
}

// charging says what a change costs at once; disabled wins.
type charging struct{ immediately, disabled bool }

func updateSubscription(c *call) (any, *apiError) {
	sub, err := c.ownSubscription()
	if err != nil {
		return nil, err
	}
	doc, err := c.written("subscriptions", strconv.FormatInt(sub.ID, 10))
	if err != nil {
		return nil, err
	}
	patch, problems := c.readPatch(sub, doc.Data.Attributes)
	switch {
	case len(problems) > 0:
		return nil, problems.join()
	case sub.Status == expired:
		return nil, unprocessable("/data", "The subscription has expired.")
	case sub.PaymentProcessor == "paypal": // no error, and no change
		return c.answer(sub), nil
	}
	c.apply(sub, patch)
	return c.answer(sub), nil
}

// readPatch reads the attributes, and tells what is wrong with them. The billing anchor is not supported here.
func (c *call) readPatch(
	sub *Subscription, attributes map[string]json.RawMessage,
) (p subscriptionPatch, found apiErrors) {
	fields := map[string]any{
		"variant_id": &p.variant, "cancelled": &p.cancelled, "pause": &p.pause, "trial_ends_at": &p.trialEnds,
		"invoice_immediately": &p.immediately, "disable_prorations": &p.disabled,
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		into, known := fields[name]
		switch {
		case !known:
			found = append(found, unprocessable(attribute(name), "The "+name+" field is not supported."))
		case json.Unmarshal(attributes[name], into) != nil:
			found = append(found, unprocessable(attribute(name), "The "+name+" field is invalid."))
		}
	}
	if raw, given := attributes["pause"]; given {
		p.unpause = string(raw) == "null"
	}
	if p.pause != nil && p.pause.Mode != "void" && p.pause.Mode != "free" {
		found = append(found, unprocessable(attribute("pause/mode"), "The selected pause mode is invalid."))
	}
	if p.variant != 0 {
		v, price := c.variant(p.variant), c.priceOf(p.variant)
		if v == nil || v.TestMode != c.test || c.product(v.ProductID).StoreID != sub.StoreID ||
			price == nil || price.Category != "subscription" {
			found = append(found, unprocessable(attribute("variant_id"), "The selected variant id is invalid."))
		}
	}
	return p, found
}

func (s *Server) apply(sub *Subscription, p subscriptionPatch) {
	if p.trialEnds != nil && sub.Status == onTrial {
		sub.TrialEndsAt = Stamp{s.notBefore(*p.trialEnds)}
		sub.RenewsAt, sub.BillingAnchor = sub.TrialEndsAt, sub.TrialEndsAt.Day()
		s.changed(sub)
	}
	if p.variant != 0 && p.variant != sub.VariantID {
		s.move(sub, p.variant, p.charging)
	}
	switch {
	case p.cancelled == nil:
	case *p.cancelled:
		s.cancel(sub)
	default:
		s.resume(sub)
	}
	switch {
	case p.pause != nil && sub.Pause == nil && sub.Status != cancelled:
		sub.Pause = p.pause
		sub.turn(paused)
		s.changed(sub, "subscription_paused")
	case p.unpause && sub.Pause != nil:
		s.unpause(sub)
	}
}

// cancel lets a subscription end with what was paid for.
func (s *Server) cancel(sub *Subscription) {
	if sub.Status == cancelled || sub.Status == expired {
		return
	}
	sub.Cancelled, sub.EndsAt, sub.Pause = true, Stamp{s.notBefore(sub.RenewsAt.Time)}, nil
	sub.turn(cancelled)
	s.changed(sub, "subscription_cancelled")
}

// resume undoes cancel. What was owed is owed again.
func (s *Server) resume(sub *Subscription) {
	if sub.Status != cancelled {
		return
	}
	sub.Cancelled, sub.EndsAt = false, Stamp{}
	sub.retryAt = s.notBefore(sub.retryAt)
	switch {
	case sub.open != nil && sub.tries >= retryLimit:
		sub.turn(unpaid)
	case sub.open != nil:
		sub.turn(pastDue)
	case sub.TrialEndsAt.After(s.now()):
		sub.turn(onTrial)
	default:
		sub.turn(active)
	}
	s.changed(sub, "subscription_resumed")
}

// move puts a subscription on another variant. The next renewal stays when it was.
func (s *Server) move(sub *Subscription, variant int64, how charging) {
	before := s.cost(sub)
	v := s.variant(variant)
	p := s.product(v.ProductID)
	sub.VariantID, sub.VariantName, sub.ProductID, sub.ProductName = v.ID, v.Name, p.ID, p.Name
	sub.customPrice = nil
	sub.FirstItem.PriceID, sub.FirstItem.UpdatedAt = s.priceOf(variant).ID, Stamp{s.now()}
	s.changed(sub)
	s.settleChange(sub, before, how)
}

// settleChange charges the part of the difference that is left of the period, at once or with the next invoice.
func (s *Server) settleChange(sub *Subscription, before int64, how charging) {
	if how.disabled || sub.Status == onTrial {
		return
	}
	whole, left := sub.RenewsAt.Sub(sub.since), sub.RenewsAt.Sub(s.now())
	share := min(1, max(0, left.Seconds()/whole.Seconds()))
	difference := int64(float64(s.cost(sub)-before) * share)
	if !how.immediately || difference <= 0 {
		sub.carried += difference
		return
	}
	if !s.bill(sub, "updated", difference) {
		s.after(sub, false)
	}
}

func getItem(c *call) (any, *apiError) {
	for _, sub := range c.subscriptions {
		if sub.FirstItem.ID == c.id() && sub.TestMode == c.test {
			return document("subscription-items", c.id(), sub.FirstItem), nil
		}
	}
	return nil, notFound()
}

// updateItem changes how much is subscribed to.
func updateItem(c *call) (any, *apiError) {
	at := slices.IndexFunc(c.subscriptions, func(x *Subscription) bool {
		return x.FirstItem.ID == c.id() && x.TestMode == c.test
	})
	if at < 0 {
		return nil, notFound()
	}
	sub := c.subscriptions[at]
	doc, err := c.written("subscription-items", strconv.FormatInt(sub.FirstItem.ID, 10))
	if err != nil {
		return nil, err
	}
	var quantity int64
	var how charging
	for name, into := range map[string]any{
		"quantity": &quantity, "invoice_immediately": &how.immediately, "disable_prorations": &how.disabled,
	} {
		if raw, given := doc.Data.Attributes[name]; given && json.Unmarshal(raw, into) != nil {
			return nil, unprocessable(attribute(name), "The "+name+" field is invalid.")
		}
	}
	if quantity < 1 || sub.FirstItem.IsUsageBased {
		return nil, unprocessable(attribute("quantity"), "The quantity field is invalid.")
	}
	if before := c.cost(sub); quantity != sub.FirstItem.Quantity {
		sub.FirstItem.Quantity, sub.FirstItem.UpdatedAt = quantity, Stamp{c.now()}
		c.changed(sub)
		c.settleChange(sub, before, how)
	}
	return document("subscription-items", sub.FirstItem.ID, sub.FirstItem), nil
}
