package instrument

import (
	"maps"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// foreground is the share of a bucket that background requests leave to the others, as one part in so many.
const foreground = 5

// Buckets gives everybody who talks to one account the same client: one token bucket, one pause. A scope names what the
// provider counts by; an owner is a PaymentProvider. The zero value is ready; it is safe for concurrent use.
type Buckets struct {
	Metrics *Metrics          // may be nil
	Tracer  *telemetry.Tracer // may be nil
	// Base carries the requests; nil: a transport for each scope.
	Base http.RoundTripper

	mu     sync.Mutex
	scopes map[string]*shared
}

// shared is the client of one scope.
type shared struct {
	provider string
	client   *http.Client
	bucket   *bucket
	rates    map[string]limit // by owner
}

type limit struct {
	perSecond float64
	burst     int
}

// Client is the client of a scope. Where its owners want different rates, the smallest holds. A rate of 0 or less means
// no limit.
func (b *Buckets) Client(p billing.Provider, owner, scope string, perSecond float64, burst int) *http.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.scopes == nil {
		b.scopes = map[string]*shared{}
	}
	s := b.scopes[scope]
	if s == nil {
		s = &shared{provider: string(p), bucket: newBucket(), rates: map[string]limit{}}
		s.client = client(Options{Provider: p, Metrics: b.Metrics, Tracer: b.Tracer, Base: b.Base}, s.bucket)
		b.scopes[scope] = s
	}
	s.rates[owner] = limit{perSecond, burst}
	s.tune()
	return s.client
}

// Keep ends an owner's part in every other scope than those given. A scope that nobody has a part in is forgotten.
func (b *Buckets) Keep(owner string, scopes ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range b.scopes {
		if slices.Contains(scopes, name) {
			continue
		}
		delete(s.rates, owner)
		if len(s.rates) == 0 {
			s.client.CloseIdleConnections()
			delete(b.scopes, name)
			continue
		}
		s.tune()
	}
}

func (s *shared) tune() {
	least := limit{}
	for _, owner := range slices.Sorted(maps.Keys(s.rates)) {
		if l := s.rates[owner]; l.perSecond > 0 && (least.perSecond <= 0 || l.perSecond < least.perSecond) {
			least = l
		}
	}
	s.bucket.set(least)
}

// bucket limits what is asked of an account. Background requests go through a smaller one first, so that however many
// of them wait, the others find tokens.
type bucket struct {
	all, background *rate.Limiter
	pause           pause
	use             use
}

func newBucket() *bucket {
	return &bucket{all: rate.NewLimiter(rate.Inf, 0), background: rate.NewLimiter(rate.Inf, 0)}
}

func (b *bucket) set(l limit) {
	if l.perSecond <= 0 {
		b.all.SetLimit(rate.Inf)
		b.background.SetLimit(rate.Inf)
		return
	}
	burst := max(l.burst, 1)
	b.all.SetBurst(burst)
	b.background.SetBurst(max(burst-burst/foreground, 1))
	b.all.SetLimit(rate.Limit(l.perSecond))
	b.background.SetLimit(rate.Limit(l.perSecond * (foreground - 1) / foreground))
}
