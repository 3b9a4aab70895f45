package instrument

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func get(ctx context.Context, c *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer sk_"+"test_hunter2")
	return c.Do(req)
}

func TestMetrics(t *testing.T) {
	g := NewWithT(t)
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}))
	defer srv.Close()
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry)
	g.Expect(err).NotTo(HaveOccurred())
	ctx := provider.WithOperation(t.Context(), "create price")
	for _, c := range []struct {
		status int
		class  string
	}{
		{200, "ok"}, {204, "ok"}, {302, "unavailable"}, {400, "terminal"}, {401, "credentials"}, {404, "not_found"},
		{409, "conflict"}, {429, "rate_limited"}, {503, "unavailable"}, {0, "unavailable"},
	} {
		counter := m.requests.WithLabelValues("Stripe", "create price", c.class)
		before := testutil.ToFloat64(counter)
		status = c.status
		client := Client(Options{Provider: billing.Stripe, Metrics: m}) // a pause is over with the client
		if resp, err := get(ctx, client, srv.URL); err == nil {
			_ = resp.Body.Close()
			g.Expect(resp.StatusCode).To(Equal(c.status))
		}
		g.Expect(testutil.ToFloat64(counter)).To(Equal(before+1), "%d", c.status)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = get(canceled, Client(Options{Provider: billing.Stripe, Metrics: m}), srv.URL)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(testutil.ToFloat64(m.requests.WithLabelValues("Stripe", "other", "canceled"))).To(Equal(1.0))

	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		g.Expect(f.String()).NotTo(ContainSubstring("hunter2"))
		g.Expect(f.String()).NotTo(ContainSubstring("127.0.0.1"))
	}
	_, err = NewMetrics(registry)
	g.Expect(err).To(HaveOccurred(), "registered twice")
}

func TestRateLimit(t *testing.T) {
	g := NewWithT(t)
	var sent atomic.Int32
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		sent.Add(1)
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	client := Client(Options{RequestsPerSecond: 0.001, Burst: 2, Base: base})
	for range 2 {
		_, err := get(t.Context(), client, "http://x")
		g.Expect(err).NotTo(HaveOccurred())
	}
	// The next token comes in a quarter of an hour.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := get(ctx, client, "http://x")
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassRateLimited), "nothing is wrong with the provider")
	_, err = get(provider.WithBackground(ctx), client, "http://x")
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassRateLimited))

	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := get(ctx, client, "http://x")
		done <- err
	}()
	cancel()
	var gaveUp error
	g.Eventually(done, 10*time.Second).Should(Receive(&gaveUp))
	g.Expect(gaveUp).To(MatchError(context.Canceled))
	g.Expect(provider.ClassOf(gaveUp)).To(Equal(provider.ClassUnavailable), "it is no matter of the limit")
	g.Expect(sent.Load()).To(Equal(int32(2)))

	body := &closeRecorder{Reader: strings.NewReader("a=b")}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://x", body)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = client.Do(req)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(body.closed.Load()).To(BeTrue())
}

type closeRecorder struct {
	io.Reader
	closed atomic.Bool
}

func (c *closeRecorder) Close() error {
	c.closed.Store(true)
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBodyIsBounded(t *testing.T) {
	g := NewWithT(t)
	size := MaxBody
	client := Client(Options{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(io.LimitReader(zeroes{}, int64(size)))}, nil
	})})
	read := func() (int, error) {
		resp, err := get(t.Context(), client, "http://x")
		g.Expect(err).NotTo(HaveOccurred())
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		return len(b), err
	}
	n, err := read()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(n).To(Equal(MaxBody))
	size++
	_, err = read()
	var tooLarge *http.MaxBytesError
	g.Expect(errors.As(err, &tooLarge)).To(BeTrue())
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

func TestTimeoutCoversTheBody(t *testing.T) {
	g := NewWithT(t)
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("a"))
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	defer srv.Close()
	defer close(release)
	client := Client(Options{Timeout: 50 * time.Millisecond})
	resp, err := get(t.Context(), client, srv.URL)
	if err == nil { // the timeout may also end the wait for the header
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	g := NewWithT(t)
	var elsewhere atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer target.Close()
	srv := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	resp, err := get(t.Context(), Client(Options{}), srv.URL)
	g.Expect(err).NotTo(HaveOccurred())
	_ = resp.Body.Close()
	g.Expect(resp.StatusCode).To(Equal(http.StatusTemporaryRedirect))
	g.Expect(elsewhere.Load()).To(BeFalse())
}

func TestTransport(t *testing.T) {
	g := NewWithT(t)
	tr := newTransport()
	g.Expect(tr.TLSClientConfig.MinVersion).To(BeEquivalentTo(tls.VersionTLS12))
	g.Expect(tr.Proxy).NotTo(BeNil())
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	srv.StartTLS()
	defer srv.Close()
	_, err := get(t.Context(), Client(Options{Base: tr}), srv.URL)
	g.Expect(err).To(MatchError(ContainSubstring("protocol version")))
}
