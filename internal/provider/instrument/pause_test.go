package instrument

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// One answer's Retry-After keeps all of the account's requests back, and no other answer does.
func TestPause(t *testing.T) {
	for _, c := range []struct {
		status     int
		retryAfter string
		paused     bool
	}{
		{http.StatusTooManyRequests, "60", true},
		{http.StatusServiceUnavailable, "60", true},
		{http.StatusServiceUnavailable, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), true},
		{http.StatusServiceUnavailable, "0", false},
		{http.StatusInternalServerError, "60", false},
		{http.StatusCreated, "60", false},
	} {
		g, sent := NewWithT(t), 0
		client := Client(Options{Provider: billing.Stripe, Base: roundTripper(func(*http.Request) (*http.Response, error) {
			sent++
			h := http.Header{}
			if c.retryAfter != "" {
				h.Set("Retry-After", c.retryAfter)
			}
			return &http.Response{StatusCode: c.status, Header: h, Body: http.NoBody}, nil
		})})
		for range 3 {
			body := &closeRecorder{Reader: strings.NewReader("a=b")}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x", body)
			g.Expect(err).NotTo(HaveOccurred())
			resp, err := client.Do(req)
			if err == nil {
				_ = resp.Body.Close()
				continue
			}
			var e *provider.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			g.Expect(e.Class).To(Equal(provider.ClassRateLimited))
			g.Expect(e.RetryAfter).To(BeNumerically(">", 30*time.Second))
			g.Expect(body.closed.Load()).To(BeTrue())
		}
		g.Expect(sent).To(Equal(map[bool]int{true: 1, false: 3}[c.paused]), "%+v", c)
	}
}
