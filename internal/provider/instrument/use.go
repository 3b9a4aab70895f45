package instrument

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// useWindow is the time over which the use of a rate limit is averaged.
const useWindow = time.Minute

// use counts requests, of which older ones weigh less. What comes at a steady rate adds up to as many as come within
// useWindow.
type use struct {
	mu     sync.Mutex
	weight float64
	at     time.Time
}

func (u *use) note(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.weight = u.faded(now) + 1
	u.at = now
}

// perSecond is how many requests were sent lately.
func (u *use) perSecond(now time.Time) float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.faded(now) / useWindow.Seconds()
}

func (u *use) faded(now time.Time) float64 {
	if u.weight == 0 {
		return 0
	}
	return u.weight * math.Exp(-now.Sub(u.at).Seconds()/useWindow.Seconds())
}

var usedRatio = prometheus.NewDesc("kassa_provider_rate_limit_used_ratio",
	"Share of Kassa's own rate limit that was used within about a minute, of the provider's account that used most.",
	[]string{"provider"}, nil)

// Describe and Collect make Buckets a collector of how much of the limits is used. Accounts have no names in it.
func (b *Buckets) Describe(out chan<- *prometheus.Desc) { out <- usedRatio }

// Collect is explained at Describe.
func (b *Buckets) Collect(out chan<- prometheus.Metric) {
	now, most := time.Now(), map[string]float64{}
	b.mu.Lock()
	for _, s := range b.scopes {
		share := 0.0
		if limit := float64(s.bucket.all.Limit()); limit > 0 && !math.IsInf(limit, 1) && limit < math.MaxFloat64 {
			share = s.bucket.use.perSecond(now) / limit
		}
		most[s.provider] = max(most[s.provider], share)
	}
	b.mu.Unlock()
	for provider, share := range most {
		out <- prometheus.MustNewConstMetric(usedRatio, prometheus.GaugeValue, share, provider)
	}
}
