package checkoutserver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// fakeAdapter is a provider whose accounts are told apart by their keys: "key-" and the account's name.
type fakeAdapter struct {
	provider.Adapter
	kind     billing.Provider
	accounts map[string]*account
}

// account is what a provider has.
type account struct {
	mu       sync.Mutex
	kind     billing.Provider
	traits   provider.CheckoutTraits
	err      error // of every call
	opened   []provider.CheckoutSpec
	subs     map[string]billing.Subscription
	canceled []bool
	changed  []provider.SubscriptionChange
	keys     []string // that connections were made with
	hold     chan struct{}
	silent   bool // opened is not kept
	archived func(priceID string) bool
	admit    func(context.Context) error // before a list or a purchase
	// listed are those that List has; nil is all.
	listed func(billing.Subscription, provider.User) bool
}

func (a *fakeAdapter) Type() billing.Provider           { return a.kind }
func (a *fakeAdapter) DefaultRate(billing.Mode) float64 { return 100 }
func (a *fakeAdapter) CountsByAddress() bool            { return false }

func (a *fakeAdapter) CheckKey(key string, _ billing.Mode) error {
	if !strings.HasPrefix(key, "key-") {
		return &provider.Error{Class: provider.ClassCredentials, Provider: a.kind, Operation: "check key"}
	}
	return nil
}

func (a *fakeAdapter) CheckClientToken(string, billing.Mode) error { return nil }

func (a *fakeAdapter) Connect(c provider.Config) (provider.Connection, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(c.APIKey, "key-"), "/")
	at := a.accounts[name]
	at.mu.Lock()
	defer at.mu.Unlock()
	at.keys = append(at.keys, c.APIKey)
	if at.subs == nil {
		return &cannotSell{}, nil
	}
	return &connection{account: at}, nil
}

type cannotSell struct{ provider.Connection }

type connection struct {
	provider.Connection
	*account
}

func (c *connection) Checkouts() provider.Checkouts         { return c.account }
func (c *connection) Subscriptions() provider.Subscriptions { return c.account }

func (a *account) Traits() provider.CheckoutTraits { return a.traits }

func (a *account) Open(ctx context.Context, in provider.CheckoutSpec) (provider.Checkout, error) {
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-ctx.Done():
			return provider.Checkout{}, ctx.Err()
		}
	}
	if a.admit != nil {
		if err := a.admit(ctx); err != nil {
			return provider.Checkout{}, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return provider.Checkout{}, a.err
	}
	if a.archived != nil && a.archived(in.PriceID) {
		return provider.Checkout{}, &provider.Error{Class: provider.ClassTerminal, Provider: a.kind, Operation: "open"}
	}
	if !a.silent {
		a.opened = append(a.opened, in)
	}
	id := fmt.Sprintf("cs_%d", len(a.opened))
	return provider.Checkout{ID: id, URL: "https://pay.example.com/" + id, ExpiresAt: in.ExpiresAt}, nil
}

func (a *account) List(ctx context.Context, who provider.User) ([]billing.Subscription, error) {
	if a.admit != nil {
		if err := a.admit(ctx); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []billing.Subscription
	for _, s := range a.subs { // more than the user's: the server looks again
		if a.listed == nil || a.listed(s, who) {
			out = append(out, s)
		}
	}
	return out, a.err
}

func (a *account) Get(_ context.Context, id string) (billing.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.subs[id]
	switch {
	case a.err != nil:
		return s, a.err
	case !ok:
		return s, &provider.Error{Class: provider.ClassNotFound, Provider: a.kind, Operation: "get"}
	}
	return s, nil
}

func (a *account) Cancel(_ context.Context, id string, now bool) (billing.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.canceled = append(a.canceled, now)
	s := a.subs[id]
	s.CancelAtPeriodEnd, s.Status = !now, billing.StatusCanceling
	if now {
		s.Status = billing.StatusCanceled
	}
	a.subs[id] = s
	return s, nil
}

func (a *account) Resume(_ context.Context, id string) (billing.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.subs[id]
	s.CancelAtPeriodEnd, s.Status = false, billing.StatusActive
	a.subs[id] = s
	return s, nil
}

func (a *account) Change(_ context.Context, id string, to provider.SubscriptionChange) (billing.Subscription, error) {
	if a.hold != nil {
		a.hold <- struct{}{}
		<-a.hold
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if to.Proration == billing.FullImmediately {
		return billing.Subscription{}, &provider.RefusalError{Provider: a.kind, Reason: "cannot charge in full"}
	}
	a.changed = append(a.changed, to)
	s := a.subs[id]
	s.PriceID = to.PriceID
	a.subs[id] = s
	return s, nil
}

func (a *account) Portal(_ context.Context, s billing.Subscription, back string) (string, error) {
	return "https://portal.example.com/" + s.CustomerID + "?back=" + back, a.err
}

// checkouts are those that were opened.
func (a *account) checkouts() []provider.CheckoutSpec {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.opened)
}

func (a *account) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func failure(class provider.Class) *provider.Error {
	return &provider.Error{Class: class, Provider: billing.Stripe, Operation: "open checkout", RetryAfter: 7 * time.Second}
}

// plainClients are HTTP clients without a limit.
type plainClients struct{}

func (plainClients) Client(billing.Provider, string, string, float64, int) *http.Client {
	return http.DefaultClient
}
func (plainClients) Keep(string, ...string) {}
