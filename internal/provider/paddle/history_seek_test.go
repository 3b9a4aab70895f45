package paddle_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

const (
	tenDays = 240 * time.Hour
	every   = 10 * time.Minute
)

// past is an account to which something happened every ten minutes of the last ten days. times has the events' ids by
// when that was. From the first day on somebody was notified, unless nobody is to be.
func past(t *testing.T, notified bool) (history provider.History, times map[string]time.Time) {
	t.Helper()
	g := NewWithT(t)
	now := time.Now().Add(-tenDays).Truncate(time.Second)
	sb := sandbox.New(sandbox.Options{
		Now:              func() time.Time { return now },
		WebhookTransport: transport(func(*http.Request) (int, string) { return http.StatusOK, "" }),
	})
	srv := httptest.NewServer(sb.Handler())
	t.Cleanup(func() {
		srv.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = sb.Close(ctx)
	})
	conn, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key("sdbx"), BaseURL: srv.URL + "/paddle", HTTP: srv.Client(),
	})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Account(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	if notified {
		_, err = conn.Endpoints().Create(t.Context(), provider.EndpointSpec{
			Owner: billing.Owner{Cluster: "c", Namespace: "shop", Name: "hooks", UID: "u"},
			URL:   "https://hooks.example.com/paddle", Events: []string{"customer.created"},
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	times = map[string]time.Time{}
	for range int(tenDays / every) {
		e, err := sb.Paddle().Account(key("sdbx")).Emit("customer.created", nil)
		g.Expect(err).NotTo(HaveOccurred())
		times[e.EventID] = now
		now = now.Add(every)
	}
	return conn.(provider.History), times
}

// A day of long ago is read without what came after it, and from its begin on, if there is an event to begin from.
func TestHistoryOfLongAgo(t *testing.T) {
	for notified, calls := range map[bool]int{true: 2, false: 6} {
		g := NewWithT(t)
		history, times := past(t, notified)
		from := time.Now().Add(-6 * 24 * time.Hour)
		span := provider.Span{From: from, To: from.Add(24 * time.Hour)}
		var want []string
		for id, at := range times {
			if span.Has(at) {
				want = append(want, id)
			}
		}
		g.Expect(len(want)).To(BeNumerically("~", 144, 1))
		ids, made := providertest.ReadHistory(t, history, span)
		g.Expect(made).To(Equal(calls))
		g.Expect(ids).To(ContainElements(want))
		ascending := times[ids[0]].Before(times[ids[1]])
		g.Expect(ascending).To(Equal(notified), "and what happened first comes first")
	}
}

// Without an end it is read up to the newest event.
func TestHistorySinceLongAgo(t *testing.T) {
	g := NewWithT(t)
	history, times := past(t, true)
	from := time.Now().Add(-9 * 24 * time.Hour)
	ids, _ := providertest.ReadHistory(t, history, provider.Span{From: from})
	got := map[string]bool{}
	for i, id := range ids {
		got[id] = true
		g.Expect(i == 0 || times[ids[i-1]].Before(times[id])).To(BeTrue(), "each is read once, in order")
	}
	for id, at := range times {
		g.Expect(got[id] || at.Before(from)).To(BeTrue(), at.String())
	}
}

// The list is read from an event only that is before the span, and not long before it. Of a replay's that is not sure.
func TestWhereToBegin(t *testing.T) {
	from := time.Now().Add(-100 * time.Hour).UTC()
	notification := func(id, origin string, ago time.Duration) string {
		const form = `{"origin":%q,"payload":{"event_id":%q,"event_type":"transaction.paid","occurred_at":%q,"data":{}}}`
		return fmt.Sprintf(form, origin, id, from.Add(-ago).Format(time.RFC3339))
	}
	right := notification("evt_1", "event", time.Hour)
	for why, c := range map[string]struct {
		listed []string
		want   string
	}{
		"nothing":          {nil, "newest"},
		"an event":         {[]string{right}, "oldest:evt_1"},
		"the newest":       {[]string{right, notification("evt_2", "event", 2*time.Hour)}, "oldest:evt_1"},
		"a replay":         {[]string{notification("evt_2", "replay", time.Hour), right}, "oldest:evt_1"},
		"in the span":      {[]string{notification("evt_2", "event", -time.Second), right}, "oldest:evt_1"},
		"long before":      {[]string{notification("evt_2", "event", 11*time.Hour)}, "newest"},
		"no notification":  {[]string{`{}`, `1`, right}, "oldest:evt_1"},
		"an id of its own": {[]string{notification("evt 2", "event", time.Hour)}, "newest"},
	} {
		g := NewWithT(t)
		conn := through(t, transport(func(r *http.Request) (int, string) {
			q := r.URL.Query()
			g.Expect(r.URL.Path).To(Equal("/notifications"))
			g.Expect(time.Parse(time.RFC3339, q.Get("to"))).To(BeTemporally("~", from.Add(-time.Minute), time.Second))
			g.Expect(time.Parse(time.RFC3339, q.Get("from"))).To(BeTemporally("~", from.Add(-10*time.Hour), 2*time.Second))
			return http.StatusOK, fmt.Sprintf(`{"data":[%s],"meta":{"pagination":{}}}`, strings.Join(c.listed, ","))
		}))
		got, err := conn.(provider.History).Events(t.Context(), provider.Span{From: from}, "")
		g.Expect(err).NotTo(HaveOccurred(), why)
		g.Expect(got).To(Equal(provider.PastEvents{Next: c.want}), why)
	}
}
