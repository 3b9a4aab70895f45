package stripe

import (
	"net/http"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// cart is what a checkout session sells, and what has been tried to pay it.
type cart struct {
	items        []cartItem
	subscription params // subscription_data
	payment      params // payment_intent_data
	currency     string
	due          int64 // now, in minor units
	trialEnd     int64 // Unix seconds, 0 without a trial
	intent       *resource
	pending      *hosted.Details // waits for authentication
	attached     *resource       // the payment method of the latest try
}

type cartItem struct {
	id       string // of the line item
	item     string // of the subscription's item
	price    *Price
	name     string
	quantity int64
	amount   int64 // for the whole quantity, in minor units, without regard to a trial
}

func createSession(c *call) (any, *apiError) {
	if err := c.checkSession(); err != nil {
		return nil, err
	}
	k := &cart{
		subscription: c.p.hash("subscription_data"), payment: c.p.hash("payment_intent_data"),
	}
	if err := c.fill(k); err != nil {
		return nil, err
	}
	now := c.now()
	if days := k.subscription.integer("trial_period_days"); days > 0 {
		k.trialEnd = now.Add(time.Duration(days) * 24 * time.Hour).Unix()
	} else {
		k.trialEnd = k.subscription.integer("trial_end")
	}
	for _, item := range k.items {
		if k.trialEnd == 0 || item.price.Recurring == nil {
			k.due += item.amount
		}
	}
	meta, err := mergeMetadata(nil, c.p)
	if err != nil {
		return nil, err
	}
	s := &resource{object: c.newSession(k, meta), cart: k, seq: c.next()}
	c.table("checkout.session").insert(s)
	c.server.mu.Lock()
	c.server.sessions[s.key()] = c.account
	c.server.mu.Unlock()
	return s.object, nil
}

func (c *call) newSession(k *cart, meta map[string]string) object {
	now, p := c.now().Unix(), c.p
	id := "cs_" + c.modeName() + "_a1" + random(56)
	expires := now + int64(longestSession/time.Second)
	if p.has("expires_at") {
		expires = c.expiresAt()
	}
	public := c.server.opt.PublicURL
	if public == "" {
		public = c.host
	}
	creation, collection := any("if_required"), any("if_required")
	if p.text("mode") == "subscription" {
		creation, collection = nil, "always"
	}
	types := []any{"card"}
	return object{
		"id": id, "object": "checkout.session", "after_expiration": nil,
		"allow_promotion_codes": orNil(p, "allow_promotion_codes"), "amount_subtotal": k.due, "amount_total": k.due,
		"automatic_tax":              object{"enabled": false, "liability": nil, "status": nil},
		"billing_address_collection": orNil(p, "billing_address_collection"), "cancel_url": orNil(p, "cancel_url"),
		"client_reference_id": orNil(p, "client_reference_id"), "client_secret": nil, "consent": nil,
		"consent_collection": nil, "created": now, "currency": k.currency, "currency_conversion": nil,
		"custom_fields": []any{},
		"custom_text": object{
			"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil,
		},
		"customer": orNil(p, "customer"), "customer_creation": or(p, "customer_creation", creation),
		"customer_details": nil, "customer_email": orNil(p, "customer_email"), "expires_at": expires, "invoice": nil,
		"invoice_creation": nil, "livemode": c.live, "locale": orNil(p, "locale"), "metadata": meta,
		"mode": p.text("mode"), "payment_intent": nil, "payment_link": nil,
		"payment_method_collection":            or(p, "payment_method_collection", collection),
		"payment_method_configuration_details": nil, "payment_method_options": object{}, "payment_method_types": types,
		"payment_status": "unpaid", "phone_number_collection": object{"enabled": false}, "recovered_from": nil,
		"setup_intent": nil, "shipping_address_collection": nil, "shipping_cost": nil, "shipping_details": nil,
		"shipping_options": []any{}, "status": "open", "submit_type": orNil(p, "submit_type"), "subscription": nil,
		"success_url":   p.text("success_url"),
		"total_details": object{"amount_discount": int64(0), "amount_shipping": int64(0), "amount_tax": int64(0)},
		"ui_mode":       "hosted", "url": public + "/pay/" + id,
	}
}

func orNil(p params, name string) any { return or(p, name, nil) }

func or(p params, name string, otherwise any) any {
	if v, ok := p[name]; ok {
		if _, cleared := v.(unset); !cleared {
			return v
		}
	}
	return otherwise
}

// fill reads the line items and checks that they can be sold together.
func (c *call) fill(k *cart) *apiError {
	recurring := 0
	for i, element := range c.p.list("line_items") {
		in, name := element.(params), "line_items["+strconv.Itoa(i)+"]"
		price, err := c.sellable(in, name)
		if err != nil {
			return err
		}
		if k.currency == "" {
			k.currency = price.Currency
			if c.p.has("currency") {
				if k.currency, err = readCurrency(c.p.text("currency"), "currency"); err != nil {
					return err
				}
			}
		}
		item := cartItem{id: newID("li"), price: price, name: c.products.byID[price.Product].Name}
		switch metered := price.metered(); {
		case metered && in.has("quantity"):
			return invalid(name+"[quantity]", "", "Quantity should not be specified where usage_type is `metered`.")
		case !metered && !in.has("quantity"):
			return parameterMissing(name + "[quantity]")
		case price.Recurring != nil:
			recurring++
			if c.p.text("mode") == "payment" {
				return invalid("mode", "", "You specified `payment` mode but passed a recurring price. Either switch to "+
					"`subscription` mode or use only one-time prices.")
			}
		}
		item.quantity = in.integer("quantity")
		var ok bool
		if item.amount, ok = price.amountOf(item.quantity, k.currency); !ok {
			return refused(name+"[price]", "", "The price specified only supports `%s`. This doesn't match the expected "+
				"currency: `%s`.", price.Currency, k.currency)
		}
		k.items = append(k.items, item)
	}
	if c.p.text("mode") == "subscription" && recurring == 0 {
		return invalid("mode", "", "You must provide at least one recurring price in `subscription` mode when using "+
			"prices.")
	}
	return nil
}

// sellable is the price of a line item, if it can be bought.
func (c *call) sellable(in params, name string) (*Price, *apiError) {
	if in.has("price_data") {
		return nil, invalid(name+"[price_data]", "", "This sandbox sells prices by their id only.")
	}
	if !in.has("price") {
		return nil, parameterMissing(name + "[price]")
	}
	p := c.prices.byID[in.text("price")]
	switch {
	case p == nil:
		return nil, missing(http.StatusBadRequest, name+"[price]", "price", in.text("price"))
	case !p.Active:
		return nil, refused(name+"[price]", "", "The price specified is inactive. This field only accepts active prices.")
	case !c.products.byID[p.Product].Active:
		return nil, refused(name+"[price]", "", "Price `%s` is not available to be purchased because its product is not "+
			"active.", p.ID)
	}
	return p, nil
}

// expiresAt is when a new session ends by the sandbox's clock. Whoever makes one goes by the time outside, or by the
// sandbox's own answers: where the time that is asked for is good outside, it ends when as much has passed by the
// clock.
func (c *call) expiresAt() int64 {
	at := c.p.integer("expires_at")
	clock := c.server.opt.Clock
	if clock == nil {
		return at
	}
	ahead := clock.Ahead()
	if life := time.Unix(at, 0).Sub(c.now().Add(-ahead)); life >= shortestSession-time.Minute &&
		life <= longestSession+time.Minute {
		return at + int64(ahead/time.Second)
	}
	return at
}

// session finds the session of the path, and lets it expire when its time has come.
func (c *call) session() (*resource, *apiError) {
	s := c.table("checkout.session").byID[c.id]
	if s == nil {
		return nil, missing(http.StatusNotFound, "", "checkout.session", c.id)
	}
	c.expireIfDue(s)
	return s, nil
}

func (a *account) expireIfDue(s *resource) {
	if s.text("status") == "open" && s.number("expires_at") <= a.now().Unix() {
		a.expireSession(s, Origin{})
	}
}

func (a *account) expireSession(s *resource, origin Origin) {
	s.object["status"], s.object["url"] = "expired", nil
	a.emit("checkout.session.expired", s.object, nil, origin)
}

func getSession(c *call) (any, *apiError) {
	s, err := c.session()
	if err != nil {
		return nil, err
	}
	return s.object, nil
}

func expireSession(c *call) (any, *apiError) {
	s, err := c.session()
	if err != nil {
		return nil, err
	}
	if status := s.text("status"); status != "open" {
		return nil, refused("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout "+
			"Session has a status of `%s`.", status)
	}
	c.account.expireSession(s, c.origin)
	return s.object, nil
}

func listSessions(c *call) (any, *apiError) {
	t, created := c.table("checkout.session"), c.p.created()
	rows, more, err := page(t, t.rows, c.p, "checkout.session", func(s *resource) bool {
		c.expireIfDue(s)
		if details := c.p.hash("customer_details"); details != nil {
			known, _ := s.object["customer_details"].(object)
			if known.text("email") != details.text("email") {
				return false
			}
		}
		return s.matches(c.p, "customer", "payment_intent", "status", "subscription") &&
			!c.p.has("payment_link") && created.has(s.number("created"))
	})
	if err != nil {
		return nil, err
	}
	return listOf("/v1/checkout/sessions", objectsOf(rows), more), nil
}

// matches compares the named properties with the parameters of the same name that were given.
func (r *resource) matches(p params, names ...string) bool {
	for _, name := range names {
		if p.has(name) && r.text(name) != p.text(name) {
			return false
		}
	}
	return true
}

func objectsOf(rows []*resource) []object {
	out := make([]object, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.object)
	}
	return out
}

func listSessionItems(c *call) (any, *apiError) {
	s, err := c.session()
	if err != nil {
		return nil, err
	}
	return c.sessionItems(s), nil
}

// sessionItems is the whole list of a session's line items.
func (a *account) sessionItems(s *resource) object {
	data := []any{}
	for _, item := range s.cart.items {
		amount := item.amount
		if s.cart.trialEnd != 0 && item.price.Recurring != nil {
			amount = 0
		}
		data = append(data, object{
			"id": item.id, "object": "item", "amount_discount": int64(0), "amount_subtotal": amount,
			"amount_tax": int64(0), "amount_total": amount, "currency": s.cart.currency, "description": item.name,
			"price": objectOf(item.price), "quantity": item.quantity,
		})
	}
	return listObject("/v1/checkout/sessions/"+s.key()+"/line_items", data)
}

// listObject is a complete list within an object.
func listObject(url string, data []any) object {
	return object{"object": "list", "data": data, "has_more": false, "url": url}
}
