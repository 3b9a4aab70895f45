package checkoutserver

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// buyerOf is what a buyer's provider follows from: the user, or else what a buyer without an account most likely sends
// again.
func buyerOf(who signin.User, email, key string) string {
	return cmp.Or(who.ID, billing.LowerEmail(cmp.Or(who.Email, email)), key, rand.Text())
}

// failsOver says that a purchase may be made at another provider than the buyer's own.
func (c *settings) failsOver() bool { return c.spec.Failover != v1alpha1.FailoverDisabled }

// candidates are the providers that a purchase is tried at, in this order. Without failover it is the buyer's own one
// or, while nothing can be sold there, none: what has become of that one must not move anybody.
func (s *Server) candidates(c *call, buyer string, price *storefront.Price) []*site {
	sites := c.cfg.choose(buyer, price)
	if !c.cfg.failsOver() {
		sites = sites[:min(1, len(sites))]
	}
	sites = slices.DeleteFunc(sites, func(at *site) bool { return !at.sells() })
	if !c.cfg.failsOver() {
		return sites
	}
	return s.resting.last(sites, c.now)
}

// choose are all providers that share the sales of a price, a buyer's own one first.
func (c *settings) choose(buyer string, price *storefront.Price) []*site {
	var shares []share
	for _, at := range price.At {
		if s := c.site(at.Provider); s != nil {
			shares = append(shares, share{s.Key(), s.Weight})
		}
	}
	var out []*site
	for _, key := range order(buyer, shares) {
		out = append(out, c.site(key))
	}
	return out
}

// elsewhere says that a purchase is tried at the next provider: also what this one does not sell, such as a currency or
// so many at once, another one may.
func elsewhere(err error) bool { return isRefusal(err) || away(err) }

// rather is which of two providers' answers is given: that of one that may sell later, or else the first one.
func rather(before, now *answer) *answer {
	if before == nil || before.status == http.StatusUnprocessableEntity && now.status != before.status {
		return now
	}
	if now.status == http.StatusUnprocessableEntity {
		return before
	}
	return now
}

// away says that another provider may be able to do what this one could not.
func away(err error) bool {
	if isRefusal(err) {
		return false
	}
	switch provider.ClassOf(err) {
	case provider.ClassUnavailable, provider.ClassCredentials, provider.ClassRateLimited:
		return true
	default:
		return false
	}
}

// rests says that the next buyers would fare no better at this provider. A limit of requests is none of that: it leaves
// room for some, and what it keeps back costs no time. Nor is a key that may not do what one purchase needs: it may do
// what others need.
func rests(err error) bool {
	return !isRefusal(err) && (provider.ClassOf(err) == provider.ClassUnavailable || refusesKey(err))
}

// refusesKey says that the provider refused the key itself.
func refusesKey(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.KeyRefused()
}

// A provider that could not be reached, or that refused the key, is the last choice for so long: otherwise every buyer
// would wait for that first. A key is refused until somebody does something about it. Where there is no other provider
// it is asked all the same.
const (
	restTime    = 5 * time.Second
	refusedTime = 30 * time.Second
)

// resting are the providers that could not be reached lately, or refused the key that they are asked with.
type resting struct {
	mu    sync.Mutex
	until map[string]repose
}

// repose is that of a connection: with another key there is no reason for it.
type repose struct {
	of    connectionID
	until time.Time
}

func (r *resting) fails(at *site, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]repose{}
	}
	pause := restTime
	if refusesKey(err) {
		pause = refusedTime
	}
	r.until[at.Key()] = repose{at.connection, now.Add(pause)}
}

func (r *resting) works(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.until, key)
}

// last puts those that rest behind the others, and leaves the order as it is otherwise.
func (r *resting) last(sites []*site, now time.Time) []*site {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) == 0 {
		return sites
	}
	var awake, asleep []*site
	for _, s := range sites {
		if why := r.until[s.Key()]; why.of == s.connection && now.Before(why.until) {
			asleep = append(asleep, s)
		} else {
			awake = append(awake, s)
		}
	}
	return append(awake, asleep...)
}
