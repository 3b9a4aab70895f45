package sandbox

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/clock"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// Options of a Sandbox. The zero value is ready to use.
type Options struct {
	// PublicURL is where buyers reach the sandbox, such as http://127.0.0.1:12111. Empty takes the host that a
	// checkout session was created through.
	PublicURL string
	// Keys are the Stripe API keys that mean something else than their text says.
	Keys map[string]stripe.Key
	// PaddleKeys are the Paddle API keys that mean something else than their text says.
	PaddleKeys map[string]paddle.Key
	// PaddleListLag is how long after its creation an object is missing from Paddle's lists.
	PaddleListLag time.Duration
	// RateLimit is how many reads and how many writes a second each account may make; 0 is no limit. Paddle counts both
	// together, of all accounts of a mode that one IP address uses, and LemonSqueezy both together by the minute.
	RateLimit float64
	// WebhookSpeed is how many times shorter than at the providers the waits between a webhook's attempts are. 0 takes
	// delivery.Quick for Stripe and Paddle, whose own waits last for hours, and LemonSqueezy's own for LemonSqueezy.
	WebhookSpeed float64
	// WebhookRetries, unless nil, are the waits of all providers instead.
	WebhookRetries delivery.Schedule
	// WebhookTransport carries the webhooks; nil is net/http's, which honours the proxy variables.
	WebhookTransport http.RoundTripper
	// Hook is called for every API request; see OnRequest.
	Hook traffic.Hook
	// Now is what the clock shows while nobody has changed it; nil is the system's time.
	Now func() time.Time
}

// lemonPath is where LemonSqueezy is.
const lemonPath = "/lemonsqueezy"

// Sandbox is the set of stand-in providers. It is safe for concurrent use.
type Sandbox struct {
	stripe   *stripe.Server
	paddle   *paddle.Server
	lemon    *lemonsqueezy.Server
	webhooks *delivery.Queue
	clock    *clock.Clock
	log      traffic.Log
	faults   traffic.Faults
	hook     atomic.Pointer[traffic.Hook]
	handler  http.Handler
}

// New starts a sandbox. Close stops its deliveries.
func New(opt Options) *Sandbox {
	s := &Sandbox{clock: clock.New(opt.Now)}
	s.webhooks = delivery.New(delivery.Options{Transport: opt.WebhookTransport, Clock: s.clock})
	s.OnRequest(opt.Hook)
	s.stripe = stripe.New(stripe.Options{
		Keys: opt.Keys, RateLimit: opt.RateLimit, PublicURL: strings.TrimSuffix(opt.PublicURL, "/"),
		Webhooks: s.webhooks, Clock: s.clock,
		Retries: func(live bool) delivery.Schedule { return opt.retries(stripe.Retries(live), delivery.Quick) },
	})
	s.paddle = paddle.New(paddle.Options{
		Keys: opt.PaddleKeys, RateLimit: opt.RateLimit, ListLag: opt.PaddleListLag,
		PublicURL: strings.TrimSuffix(opt.PublicURL, "/"),
		Webhooks:  s.webhooks, Now: s.clock.Now, Outside: s.clock.Outside,
		Retries: func(live bool) delivery.Schedule { return opt.retries(paddle.Retries(live), delivery.Quick) },
	})
	s.clock.OnChange(s.paddle.CatchUp)
	lemon := lemonsqueezy.Options{
		RateLimit: int(60 * opt.RateLimit), Webhooks: s.webhooks, Clock: s.clock,
		Retries: opt.retries(lemonsqueezy.Retries(), lemonsqueezy.Retries()),
	}
	if opt.PublicURL != "" {
		lemon.PublicURL = strings.TrimSuffix(opt.PublicURL, "/") + lemonPath
	}
	s.lemon = lemonsqueezy.New(lemon)
	s.handler = s.routes()
	return s
}

// retries are the waits of a provider: its own at some speed, or the usual ones.
func (o *Options) retries(own, usual delivery.Schedule) delivery.Schedule {
	switch {
	case o.WebhookRetries != nil:
		return o.WebhookRetries
	case o.WebhookSpeed > 0:
		return own.Faster(o.WebhookSpeed)
	default:
		return usual
	}
}

func (s *Sandbox) routes() http.Handler {
	api := &traffic.Handler{
		Provider: "stripe", API: s.stripe, Log: &s.log, Faults: &s.faults, ErrorBody: stripe.ErrorBody,
		Hook: func() traffic.Hook { return *s.hook.Load() },
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/stripe/v1/", http.StripPrefix("/stripe", api))
	mux.Handle("/paddle/", &traffic.Handler{
		Provider: "paddle", API: http.StripPrefix("/paddle", s.paddle), Log: &s.log, Faults: &s.faults,
		ErrorBody: paddle.ErrorBody, Hook: func() traffic.Hook { return *s.hook.Load() },
	})
	mux.Handle("/lemonsqueezy/", &traffic.Handler{
		Provider: "lemonsqueezy", API: http.StripPrefix("/lemonsqueezy", s.lemon), Log: &s.log, Faults: &s.faults,
		ErrorBody: lemonsqueezy.ErrorBody, Hook: func() traffic.Hook { return *s.hook.Load() },
	})
	mux.Handle("/pay/", s.stripe.Pages())
	mux.Handle(lemonPath+"/checkout/", http.StripPrefix(lemonPath, s.lemon.Pages()))
	mux.Handle(lemonPath+"/billing", http.StripPrefix(lemonPath, s.lemon.Pages()))
	for _, path := range paddle.PagePaths() {
		mux.Handle(path, s.paddle.Pages())
	}
	mux.Handle("/_kassa/", s.door())
	return mux
}

// Handler serves the providers, the hosted page and the door for tests.
func (s *Sandbox) Handler() http.Handler { return s.handler }

// Stripe is the stand-in of Stripe.
func (s *Sandbox) Stripe() *stripe.Server { return s.stripe }

// Paddle is the stand-in of Paddle.
func (s *Sandbox) Paddle() *paddle.Server { return s.paddle }

// LemonSqueezy is the stand-in of LemonSqueezy.
func (s *Sandbox) LemonSqueezy() *lemonsqueezy.Server { return s.lemon }

// Faults is the script of faults.
func (s *Sandbox) Faults() *traffic.Faults { return &s.faults }

// Requests are the API requests so far.
func (s *Sandbox) Requests() []traffic.Request { return s.log.Requests() }

// Counts are the numbers of API requests so far.
func (s *Sandbox) Counts() traffic.Counts { return s.log.Counts() }

// Deliveries are the attempts to deliver webhooks so far.
func (s *Sandbox) Deliveries() []delivery.Attempt { return s.webhooks.Attempts() }

// Webhooks is the queue of deliveries: what became of them, and how to repeat them or change their order.
func (s *Sandbox) Webhooks() *delivery.Queue { return s.webhooks }

// Clock is the clock of all providers.
func (s *Sandbox) Clock() *clock.Clock { return s.clock }

// OnRequest sets the hook that is called before and after the work of every API request, on the request's own
// goroutine: a hook that blocks holds the request up. nil removes it.
func (s *Sandbox) OnRequest(hook traffic.Hook) { s.hook.Store(&hook) }

// Reset forgets all data, logs, faults, waiting deliveries and changes of the clock. The hook stays.
func (s *Sandbox) Reset() {
	s.webhooks.Discard()
	s.stripe.Reset()
	s.paddle.Reset()
	s.lemon.Reset()
	s.log.Reset()
	s.faults.Clear()
	s.clock.Reset()
}

// Close gives every webhook that waits one last attempt, and returns when they are done or the context ends.
func (s *Sandbox) Close(ctx context.Context) error { return s.webhooks.Close(ctx) }
