package checkoutserver

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// subscription is one of the answers about subscriptions.
type subscription struct {
	ID                string     `json:"id"`
	Provider          string     `json:"provider"`
	Status            string     `json:"status"`
	Plan              string     `json:"plan,omitempty"`
	Price             string     `json:"price,omitempty"`
	Quantity          int        `json:"quantity,omitempty"`
	Currency          string     `json:"currency,omitempty"`
	CurrentPeriodEnd  *time.Time `json:"currentPeriodEnd,omitempty"`
	CancelAtPeriodEnd bool       `json:"cancelAtPeriodEnd"`
	EndsAt            *time.Time `json:"endsAt,omitempty"`
	TrialEnd          *time.Time `json:"trialEnd,omitempty"`
	CreatedAt         *time.Time `json:"createdAt,omitempty"`
}

func (o *owned) view() subscription {
	return subscription{
		ID: o.id(), Provider: string(o.at.Type), Status: string(o.Status), Plan: o.plan, Price: o.price,
		Quantity: o.Quantity, Currency: string(o.Currency), CurrentPeriodEnd: timeOf(o.CurrentPeriodEnd),
		CancelAtPeriodEnd: o.CancelAtPeriodEnd, EndsAt: timeOf(o.EndsAt), TrialEnd: timeOf(o.TrialEnd),
		CreatedAt: timeOf(o.CreatedAt),
	}
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// listSubscriptions is GET /v1/subscriptions. What a provider that cannot be reached has is missing, and so is what one
// has that cannot know the user. The answer says so: a user who is told of no subscription buys another.
func (s *Server) listSubscriptions(c *call) *answer {
	if c.cfg.spec.Subscriptions == nil && c.cfg.spec.CustomerPortal == nil {
		return notOffered("subscriptions")
	}
	ctx, cancel := within(c.r.Context())
	defer cancel()
	all := s.all(ctx, c)
	if all.failed != nil && len(all.found) == 0 {
		return all.failed
	}
	out := struct {
		Subscriptions []subscription `json:"subscriptions"`
		Incomplete    bool           `json:"incomplete"`
	}{Subscriptions: []subscription{}, Incomplete: all.failed != nil || all.unasked}
	for _, o := range all.found {
		out.Subscriptions = append(out.Subscriptions, o.view())
	}
	return jsonAnswer(http.StatusOK, out)
}

// listing is what is known of a user's subscriptions at every provider.
type listing struct {
	found   []*owned // the newest first
	failed  *answer  // of a provider that could not tell; nil when all could
	unasked bool     // there is a provider that cannot know the user
}

func (s *Server) all(ctx context.Context, c *call) listing {
	var out listing
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, at := range c.cfg.sites {
		if at.down == "" && !at.knows(c.user) {
			out.unasked = true
			continue
		}
		wg.Go(func() {
			some, refused := s.listAt(ctx, c, at)
			mu.Lock()
			defer mu.Unlock()
			out.found = append(out.found, some...)
			out.failed = cmp.Or(refused, out.failed)
		})
	}
	wg.Wait()
	slices.SortFunc(out.found, func(a, b *owned) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.id(), b.id()))
	})
	return out
}

// listAt asks a provider that knows the user.
func (s *Server) listAt(ctx context.Context, c *call, at *site) ([]*owned, *answer) {
	if at.down != "" {
		return nil, providerUnavailable(0)
	}
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	list, err := at.subscriptions.List(ctx, provider.User{ID: c.user.ID, Email: c.user.Email})
	s.metrics.changes.WithLabelValues(string(at.Type), "list", outcome(err, "ok")).Inc()
	if err != nil {
		return nil, s.refusal(c, at, "list", err)
	}
	var out []*owned
	for _, sub := range list {
		if o, ok := c.cfg.own(at, sub, c.user); ok && !o.Status.Ended() {
			out = append(out, o)
		}
	}
	return out, nil
}

// owned reads the user's subscription afresh. Whatever is not the user's, and whatever does not exist, has one answer.
func (s *Server) owned(ctx context.Context, c *call, id string) (*owned, *answer) {
	at, own := c.cfg.find(id)
	if at == nil {
		return nil, noSubscription()
	}
	if at.down != "" {
		return nil, providerUnavailable(0)
	}
	sub, err := at.subscriptions.Get(ctx, own)
	if provider.IsNotFound(err) {
		return nil, noSubscription()
	}
	if err != nil {
		s.metrics.changes.WithLabelValues(string(at.Type), "get", outcome(err, "ok")).Inc()
		if refused := s.refusal(c, at, "get", err); refused.status != http.StatusBadGateway {
			return nil, refused
		}
		return nil, noSubscription() // an id that the provider takes for none
	}
	if o, ok := c.cfg.own(at, sub, c.user); ok && sub.ID == own {
		return o, nil
	}
	return nil, noSubscription()
}

// operate changes the user's subscription and answers with it as it is then.
func (s *Server) operate(c *call, name string, do func(context.Context, *owned) (billing.Subscription, error)) *answer {
	ctx, cancel := within(c.r.Context())
	defer cancel()
	o, refused := s.owned(ctx, c, c.r.PathValue("id"))
	if refused != nil {
		return refused
	}
	changed, err := do(ctx, o)
	s.metrics.changes.WithLabelValues(string(o.at.Type), name, outcome(err, "ok")).Inc()
	if provider.IsNotFound(err) {
		return noSubscription()
	}
	if err != nil {
		return s.refusal(c, o.at, name, err)
	}
	after := &owned{Subscription: changed, at: o.at, plan: o.plan, price: o.price}
	if known, ok := c.cfg.sold[soldID{o.at.Key(), changed.PriceID}]; ok {
		after.plan, after.price = known.plan, known.price
	}
	return jsonAnswer(http.StatusOK, after.view())
}
