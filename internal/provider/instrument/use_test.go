package instrument

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/billing"
)

// A steady rate shows as its share after a while, and fades when nothing is sent any more.
func TestUse(t *testing.T) {
	g := NewWithT(t)
	var u use
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	g.Expect(u.perSecond(now)).To(BeZero())
	for range 4 * 5 * 60 {
		now = now.Add(200 * time.Millisecond)
		u.note(now)
	}
	g.Expect(u.perSecond(now)).To(BeNumerically("~", 5, 0.15))
	g.Expect(u.perSecond(now.Add(3 * time.Minute))).To(BeNumerically("~", 0.25, 0.02))
}

// The account that is nearest to its limit is shown, without its name; one without a limit uses nothing of it.
func TestBucketsTellTheirUse(t *testing.T) {
	g := NewWithT(t)
	b := &Buckets{Base: answering{}}
	busy := b.Client(billing.Stripe, "shop/stripe", "acct_1", 1, 60)
	b.Client(billing.Stripe, "shop/other", "acct_2", 1, 60)
	free := b.Client(billing.Paddle, "shop/paddle", "acct_3", 0, 0)
	for range 30 {
		for _, c := range []*http.Client{busy, free} {
			res, err := c.Get("http://provider.example")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(res.Body.Close()).To(Succeed())
		}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(b)
	families, err := r.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(families).To(HaveLen(1))
	share := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		g.Expect(m.GetLabel()).To(HaveLen(1))
		share[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
	}
	g.Expect(share).To(HaveLen(2))
	g.Expect(share["Stripe"]).To(BeNumerically("~", 0.5, 0.05))
	g.Expect(share["Paddle"]).To(BeZero())
}

type answering struct{}

func (answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}, nil
}
