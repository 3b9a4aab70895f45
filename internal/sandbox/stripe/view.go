package stripe

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// View reads one account in one mode, for tests and for the sandbox's own door. What it returns are copies.
type View struct{ a *account }

// Account is the account that an API key addresses, also when the key has been revoked. A text that is no key
// gives an account of its own without data.
func (s *Server) Account(key string) View {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.opt.meaning(key)
	if err != nil {
		return View{newAccount(s, accountID(key), false)}
	}
	return View{s.accountLocked(at)}
}

// Accounts are all accounts that have been used, sorted by id, test before live.
func (s *Server) Accounts() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, a := range s.accounts {
		out = append(out, View{a})
	}
	slices.SortFunc(out, func(x, y View) int {
		if x.a.id == y.a.id && x.a.live != y.a.live {
			if y.a.live {
				return -1
			}
			return 1
		}
		return strings.Compare(x.a.id, y.a.id)
	})
	return out
}

// ID is the account's id (acct_…).
func (v View) ID() string { return v.a.id }

// Live is the mode.
func (v View) Live() bool { return v.a.live }

// Products are all products, active or not, oldest first.
func (v View) Products() []Product {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	out := []Product{}
	for _, p := range v.a.products.rows {
		out = append(out, p.copy())
	}
	return out
}

// Prices are all prices, active or not, oldest first.
func (v View) Prices() []Price {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	out := []Price{}
	for _, p := range v.a.prices.rows {
		out = append(out, p.copy())
	}
	return out
}

// Endpoints are all webhook endpoints with their secrets, oldest first.
func (v View) Endpoints() []WebhookEndpoint {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	out := []WebhookEndpoint{}
	for _, e := range v.a.endpoints.rows {
		out = append(out, e.copy())
	}
	return out
}

// Events are the events that are kept, oldest first.
func (v View) Events() []Event {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	out := []Event{}
	for _, e := range v.a.events.rows {
		out = append(out, *e)
	}
	return out
}

// ErrNotFound: there is no such object.
var ErrNotFound = errors.New("no such object in this account")

// ErrRefused: the object's state forbids what was asked.
var ErrRefused = errors.New("refused")

// ErrUnknownEvent: Stripe has no event type of that name in API version 2023-10-16.
var ErrUnknownEvent = errors.New("unknown event type")

// Emit announces an event of that type to the account's endpoints as if its object had changed. Without an
// object, one that the account has, or a small made-up one, is taken.
func (v View) Emit(kind string, data, previous json.RawMessage) (Event, error) {
	if !slices.Contains(eventNames, kind) {
		return Event{}, ErrUnknownEvent
	}
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	subject, before := v.a.sample(kind), object(nil)
	if len(data) > 0 {
		given := object{}
		if err := json.Unmarshal(data, &given); err != nil {
			return Event{}, err
		}
		subject = given
	}
	if len(previous) > 0 {
		if err := json.Unmarshal(previous, &before); err != nil {
			return Event{}, err
		}
	}
	return *v.a.emit(kind, subject, before, Origin{}), nil
}

// Renew brings a subscription into its next period, or repeats the charge of an open invoice.
func (v View) Renew(subscription string) error {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	sub := v.a.table("subscription").byID[subscription]
	if sub == nil {
		return ErrNotFound
	}
	if err := v.a.renew(sub); err != nil {
		return ErrRefused
	}
	return nil
}

// sample is an object that an event of the type can be about.
func (a *account) sample(kind string) any {
	noun := kind[:strings.LastIndex(kind, ".")]
	noun = strings.TrimPrefix(noun, "customer.")
	switch {
	case noun == "product" && len(a.products.rows) > 0:
		return a.products.rows[len(a.products.rows)-1]
	case noun == "price" && len(a.prices.rows) > 0:
		return a.prices.rows[len(a.prices.rows)-1]
	}
	if rows := a.table(noun).rows; len(rows) > 0 {
		return rows[len(rows)-1].object
	}
	now := a.now()
	product := &Product{
		ID: newID("prod"), Object: "product", Active: true, Created: now.Unix(), Updated: now.Unix(), Name: "Sample",
		Features: []Feature{}, Images: []string{}, Livemode: a.live, Metadata: map[string]string{},
	}
	amount, digits := int64(2900), "2900"
	price := &Price{
		ID: newID("price"), Object: "price", Active: true, BillingScheme: "per_unit", Created: now.Unix(), Currency: "usd",
		Livemode: a.live, Metadata: map[string]string{}, Product: product.ID, TaxBehavior: "unspecified",
		Type: "recurring", UnitAmount: &amount, UnitAmountDecimal: &digits,
		Recurring: &Recurring{Interval: "month", IntervalCount: 1, UsageType: "licensed"},
	}
	switch noun {
	case "product":
		return product
	case "price":
		return price
	case "subscription", "invoice":
		return a.sampleBilling(noun, price, now)
	}
	return object{
		"id": newID(initials(noun)), "object": noun, "created": now.Unix(), "livemode": a.live, "currency": "usd",
		"amount": amount, "metadata": map[string]string{},
	}
}

func (a *account) sampleBilling(noun string, price *Price, now time.Time) object {
	customer := a.newCustomer("buyer@example.com")
	item := cartItem{id: newID("li"), price: price, name: "Sample", quantity: 1, amount: *price.UnitAmount}
	sub := a.newSubscription(&cart{items: []cartItem{item}, currency: price.Currency}, customer, nil)
	sub.object["status"] = "active"
	in := a.newInvoice(sub, customer, []invoiceLine{{item, item.amount}}, "subscription_cycle", now.Unix(),
		sub.number("current_period_end"))
	sub.object["latest_invoice"] = in.key()
	if noun == "invoice" {
		return in.object
	}
	return sub.object
}

func initials(noun string) string {
	switch noun {
	case "customer":
		return "cus"
	case "charge":
		return "ch"
	case "checkout.session":
		return "cs_test_a"
	}
	var out strings.Builder
	for _, word := range strings.FieldsFunc(noun, func(r rune) bool { return r == '_' || r == '.' }) {
		out.WriteByte(word[0])
	}
	return out.String()
}

// State is a dump of the catalogue and the endpoints, without secrets.
type State struct {
	Account   string            `json:"account"`
	Live      bool              `json:"livemode"`
	Products  []Product         `json:"products"`
	Prices    []Price           `json:"prices"`
	Endpoints []WebhookEndpoint `json:"webhook_endpoints"`
}

// State dumps the account.
func (v View) State() State {
	return State{
		Account: v.ID(), Live: v.Live(), Products: v.Products(), Prices: v.Prices(), Endpoints: v.Endpoints(),
	}
}
