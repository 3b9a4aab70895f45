package webhookserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/provider"
)

// memoryLedger is a ledger of one process with switches for what may go wrong.
type memoryLedger struct {
	mu        sync.Mutex
	states    map[string]ledger.State
	abandoned map[string]bool // claims whose holder is gone
	claimErr  error
	settleErr error
	claims    int
}

func newMemoryLedger() *memoryLedger {
	return &memoryLedger{states: map[string]ledger.State{}, abandoned: map[string]bool{}}
}

func (l *memoryLedger) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (l *memoryLedger) Ready() error                  { return nil }

func (l *memoryLedger) Claim(_ context.Context, e ledger.Event) (ledger.Claim, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimErr != nil {
		return ledger.Claim{}, l.claimErr
	}
	l.claims++
	state, known := l.states[e.ID]
	now := time.Now()
	switch {
	case !known:
		l.states[e.ID] = ledger.Claimed
		return ledger.Claim{Outcome: ledger.Won, ReceivedAt: now}, nil
	case state == ledger.Claimed && l.abandoned[e.ID]:
		delete(l.abandoned, e.ID)
		return ledger.Claim{Outcome: ledger.Resumed, ReceivedAt: now}, nil
	case state == ledger.Claimed:
		return ledger.Claim{Outcome: ledger.Busy, RetryAfter: 7 * time.Second}, nil
	default:
		return ledger.Claim{Outcome: ledger.Duplicate, State: state}, nil
	}
}

func (l *memoryLedger) Settle(_ context.Context, id string, s ledger.State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settleErr != nil {
		return l.settleErr
	}
	switch have := l.states[id]; {
	case have == s:
	case have == ledger.Claimed && l.abandoned[id]:
		return ledger.ErrLost
	case have == ledger.Claimed, have == ledger.Deferred:
		l.states[id] = s
	default:
		return ledger.ErrLost
	}
	return nil
}

func (l *memoryLedger) Unknown(_ context.Context, ids []string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimErr != nil {
		return nil, l.claimErr
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		_, known := l.states[id]
		return known && !l.abandoned[id]
	}), nil
}

func (l *memoryLedger) state(id string) ledger.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states[id]
}

func (l *memoryLedger) do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// testCodec signs with HMAC over "<t>.<body>", like the real ones, and reads {id, type, livemode, created,
// subscription, status, price, product}.
type testCodec struct{}

const signatureHeader = "Test-Signature"

func sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("%d,%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

func (testCodec) Verify(h http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration) error {
	value := h.Get(signatureHeader)
	if value == "" {
		return provider.ErrSignatureMissing
	}
	t, _, found := strings.Cut(value, ",")
	seconds, err := strconv.ParseInt(t, 10, 64)
	if !found || err != nil {
		return fmt.Errorf("%w: no time", provider.ErrSignatureMalformed)
	}
	at := time.Unix(seconds, 0)
	for _, s := range secrets {
		if hmac.Equal([]byte(sign(s, at, body)), []byte(value)) {
			if now.Sub(at).Abs() > tolerance {
				return provider.ErrSignatureTime
			}
			return nil
		}
	}
	return provider.ErrSignatureMismatch
}

func (testCodec) Sign(body []byte, secret string, now time.Time) http.Header {
	return http.Header{signatureHeader: {sign(secret, now, body)}}
}

func (testCodec) Parse(body []byte) (billing.Event, error) {
	var in struct {
		ID, Type, Subscription, Status, Price, Product string
		Livemode                                       bool
		Created                                        int64
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return billing.Event{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	if err := provider.CheckIdentity(in.ID, in.Type); err != nil {
		return billing.Event{}, err
	}
	e := billing.Event{ID: in.ID, NativeType: in.Type, Mode: billing.Test, Native: body, CatalogProductID: in.Product}
	if in.Livemode {
		e.Mode = billing.Live
	}
	if in.Created != 0 {
		e.Time = time.Unix(in.Created, 0)
	}
	if in.Subscription != "" {
		e.Subscription = &billing.EventSubscription{
			ID: in.Subscription, Status: billing.SubscriptionStatus(in.Status), PriceID: in.Price,
		}
	}
	switch in.Type {
	case "invoice.paid":
		e.Type = billing.PaymentSucceeded
	case "invoice.payment_failed":
		e.Type = billing.PaymentFailed
	case "price.updated":
		e.Type = billing.CatalogPriceChanged
	case "customer.subscription.updated":
		e.Type = billing.SubscriptionUpdated
	}
	return e, nil
}

func (testCodec) NativeEvents([]string) (names, unknown []string) { return nil, nil }

// testAdapter is an adapter of which only the codec is used.
type testAdapter struct{ provider.Adapter }

func (testAdapter) Type() billing.Provider       { return billing.Stripe }
func (testAdapter) Codec() provider.WebhookCodec { return testCodec{} }

// brokenClient refuses to create objects while fail is true.
type brokenClient struct {
	client.WithWatch
	fail atomic.Bool
}

func (c *brokenClient) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	if c.fail.Load() {
		return errors.New("switched off")
	}
	return c.WithWatch.Create(ctx, o, opts...)
}

// undeletable refuses to delete objects while it is on.
type undeletable struct {
	client.WithWatch
	on atomic.Bool
}

func (c *undeletable) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	if c.on.Load() {
		return errors.New("switched off")
	}
	return c.WithWatch.Delete(ctx, o, opts...)
}
