// Package instrument is what every request to a provider passes through, whichever adapter sends it: one token
// bucket for the account, the pauses that the provider asks for, a timeout, metrics, and a bound on the answer's size.
package instrument

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	// DefaultTimeout is for one request, from sending it to the last byte of the answer. The wait for the rate
	// limit does not count.
	DefaultTimeout = 30 * time.Second
	// MaxBody is the largest answer that is read, in bytes. A longer one is an error, never cut short silently.
	MaxBody = 8 << 20
)

// Options of a client.
type Options struct {
	Provider billing.Provider
	// RequestsPerSecond and Burst are the token bucket of the account. A rate of 0 or less means no limit.
	RequestsPerSecond float64
	Burst             int
	Metrics           *Metrics          // may be nil
	Tracer            *telemetry.Tracer // may be nil
	// Timeout replaces DefaultTimeout where it is not 0.
	Timeout time.Duration
	// Base carries the requests; nil: a transport of its own, with the proxy of the environment and TLS 1.2 or
	// later.
	Base http.RoundTripper
}

// Client makes the HTTP client of one account. Everything that talks to the account shares it, and with it the
// bucket and the pauses. Redirects are not followed: a key goes only to the address that was configured.
func Client(o Options) *http.Client {
	b := newBucket()
	b.set(limit{o.RequestsPerSecond, o.Burst})
	return client(o, b)
}

func client(o Options, b *bucket) *http.Client {
	t := &transport{
		base: o.Base, metrics: o.Metrics, tracer: o.Tracer, provider: string(o.Provider), timeout: o.Timeout, bucket: b,
	}
	if t.base == nil {
		t.base = newTransport()
	}
	if t.timeout == 0 {
		t.timeout = DefaultTimeout
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        16,
		MaxIdleConnsPerHost: 8,
		MaxConnsPerHost:     32,
		IdleConnTimeout:     60 * time.Second,
		// Bounds what a header can cost; the body has its own bound.
		MaxResponseHeaderBytes: 64 << 10,
	}
}

type transport struct {
	base     http.RoundTripper
	metrics  *Metrics
	tracer   *telemetry.Tracer
	bucket   *bucket
	provider string
	timeout  time.Duration
}

// RoundTrip makes the request a span as long as it waits and until the answer's header. The provider is told nothing of
// the trace.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.tracer == nil {
		return t.send(req, nil)
	}
	ctx, span := t.tracer.Call(req.Context(), t.provider+" "+provider.OperationOf(req.Context()))
	defer span.End()
	span.Text("kassa.provider", t.provider)
	span.Text("kassa.operation", provider.OperationOf(ctx))
	span.Text("http.request.method", req.Method)
	resp, err := t.send(req.WithContext(ctx), span)
	if resp != nil {
		span.Number("http.response.status_code", resp.StatusCode)
	}
	if class := classOf(ctx, resp, err); class != classOK {
		span.Failed(class)
	}
	return resp, err
}

func (t *transport) send(req *http.Request, span *telemetry.Span) (*http.Response, error) {
	outer, operation := req.Context(), provider.OperationOf(req.Context())
	start := time.Now()
	if err := t.admit(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always closes it; nothing was read
		}
		t.count(operation, classOf(outer, nil, err))
		return nil, err
	}
	sent := time.Now()
	span.Seconds("kassa.rate_limit.wait", sent.Sub(start))

	ctx, cancel := context.WithTimeout(outer, t.timeout)
	resp, err := t.base.RoundTrip(req.WithContext(ctx))
	class := classOf(outer, resp, err)
	t.count(operation, class)
	if t.metrics != nil {
		t.metrics.wait.WithLabelValues(t.provider).Observe(sent.Sub(start).Seconds())
		t.metrics.duration.WithLabelValues(t.provider, operation, class).Observe(time.Since(sent).Seconds())
	}
	if err != nil {
		cancel()
		return nil, err
	}
	t.bucket.pause.note(resp, time.Now())
	resp.Body = &body{ReadCloser: http.MaxBytesReader(nil, resp.Body, MaxBody), cancel: cancel}
	return resp, nil
}

// admit waits for the rate limit. A request that the provider asked not to send is refused at once: its caller knows
// better than to hold a worker for minutes.
func (t *transport) admit(req *http.Request) error {
	if err := t.bucket.pause.refuse(req, billing.Provider(t.provider), time.Now()); err != nil {
		return err
	}
	if provider.IsBackground(req.Context()) {
		if err := t.bucket.background.Wait(req.Context()); err != nil {
			return t.waitError(req.Context(), err)
		}
	}
	if err := t.bucket.all.Wait(req.Context()); err != nil {
		return t.waitError(req.Context(), err)
	}
	now := time.Now()
	t.bucket.use.note(now) // its token is gone, whatever comes of it
	// The pause may have begun during the wait.
	return t.bucket.pause.refuse(req, billing.Provider(t.provider), now)
}

// CloseIdleConnections serves http.Client.CloseIdleConnections.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *transport) count(operation, class string) {
	if t.metrics != nil {
		t.metrics.requests.WithLabelValues(t.provider, operation, class).Inc()
	}
}

// waitError is of a request that was not sent. The limiter gives up as soon as it knows that a token would come after
// the deadline: then nothing is wrong with the provider, and the error is as if the time had passed. Otherwise the
// caller's time was over before, or the caller does not wait any more.
func (t *transport) waitError(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("not sent: %w", cause)
	}
	return &provider.Error{
		Class: provider.ClassRateLimited, Provider: billing.Provider(t.provider), Operation: provider.OperationOf(ctx),
		Message: "not sent, because Kassa's own limit of requests leaves no time for it",
		Err:     fmt.Errorf("%w: %w", context.DeadlineExceeded, err),
	}
}

// body ends the request's timeout when the answer is read or dropped.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
