package instrument

import (
	"context"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func answer(status int) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, nil
	}
}

func send(ctx context.Context, c *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// All who talk to one account share a client, the smallest rate holds, and who leaves takes his rate along.
func TestBucketsAreShared(t *testing.T) {
	g := NewWithT(t)
	b := &Buckets{Base: answer(200)}
	first := b.Client(billing.Stripe, "ns/a", "acct_1", 50, 100)
	g.Expect(b.Client(billing.Stripe, "ns/b", "acct_1", 10, 20)).To(BeIdenticalTo(first))
	other := b.Client(billing.Stripe, "ns/a", "acct_2", 50, 100)
	g.Expect(other).NotTo(BeIdenticalTo(first))
	g.Expect(b.scopes["acct_1"].bucket.all.Limit()).To(BeEquivalentTo(10))
	g.Expect(b.scopes["acct_1"].bucket.all.Burst()).To(Equal(20))
	g.Expect(b.scopes["acct_1"].bucket.background.Limit()).To(BeEquivalentTo(8))

	b.Keep("ns/b", "acct_9")
	g.Expect(b.scopes["acct_1"].bucket.all.Limit()).To(BeEquivalentTo(50))
	g.Expect(b.Client(billing.Stripe, "ns/b", "acct_1", 10, 20)).To(BeIdenticalTo(first))
	b.Keep("ns/a", "acct_1")
	g.Expect(b.scopes).NotTo(HaveKey("acct_2"), "nobody has a part in it")
	b.Keep("ns/a")
	b.Keep("ns/b")
	g.Expect(b.scopes).To(BeEmpty())
}

// However much of the background waits, a request that somebody waits for finds a token.
func TestBackgroundLeavesRoom(t *testing.T) {
	g := NewWithT(t)
	b := &Buckets{Base: answer(200)}
	c := b.Client(billing.Stripe, "a", "s", 0.001, 10) // nothing is refilled during the test
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	soon, stop := context.WithTimeout(provider.WithBackground(ctx), 20*time.Millisecond)
	defer stop()
	sent := 0
	for send(soon, c) == nil {
		sent++
	}
	g.Expect(sent).To(Equal(8))
	for range 2 {
		g.Expect(send(ctx, c)).To(Succeed())
	}
}

// A 429 that names no time, or none that can be waited for, makes a pause for the whole account, which grows while they
// go on.
func TestAPauseThatNobodyNames(t *testing.T) {
	now := time.Now()
	for _, named := range []string{"", "0", "-1", "soon", "1.5", now.Add(-time.Hour).UTC().Format(http.TimeFormat)} {
		g, p, longest := NewWithT(t), pause{}, time.Duration(0)
		limited := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {named}}}
		for range 200 {
			p.note(limited, now)
			longest = max(longest, p.until.Sub(now))
			g.Expect(p.until.Sub(now)).To(BeNumerically(">=", minPause), named)
			g.Expect(p.until.Sub(now)).To(BeNumerically("<", minPause+lastBound), named)
		}
		g.Expect(longest).To(BeNumerically(">", firstBound+minPause), named)
		p.note(&http.Response{StatusCode: http.StatusOK}, now)
		g.Expect(p.refused).To(BeZero())
	}
	g := NewWithT(t)
	c := Client(Options{Provider: billing.Stripe, Base: answer(http.StatusTooManyRequests)})
	g.Expect(send(t.Context(), c)).To(Succeed())
	g.Expect(provider.RetryAfter(send(t.Context(), c))).To(BeNumerically(">", 0), "the next one is not sent")
}
