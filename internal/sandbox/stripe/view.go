package stripe

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
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

// Emit announces an event of that type to the account's endpoints as if its object had changed. Without an object it is
// about the latest that the account has, or one that is made up, in the state that the event tells of. What the account
// has does not change.
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
