package stripe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// historyOf connects to a handler in place of Stripe.
func historyOf(t *testing.T, h http.Handler) provider.History {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	conn, err := stripe.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: lifeKey, BaseURL: server.URL, HTTP: server.Client(),
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return conn.(provider.History)
}

// Many events of one second are read each once, however pages part them, and what was not delivered comes first.
func TestHistory(t *testing.T) {
	g := NewWithT(t)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	sb := sandbox.New(sandbox.Options{WebhookTransport: offline{}, Now: func() time.Time { return noon }})
	history := historyOf(t, sb.Handler())
	_, err := history.Events(t.Context(), provider.Span{From: noon}, "")
	g.Expect(err).NotTo(HaveOccurred())
	account, want := sb.Stripe().Account(lifeKey), []string{}
	for range 250 {
		e, err := account.Emit("invoice.paid", nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		want = append(want, e.ID)
	}
	exactly := provider.Span{From: noon, To: noon}
	all, calls := providertest.ReadHistory(t, history, exactly)
	g.Expect(calls).To(Equal(4), "one for what was not delivered, and three pages")
	g.Expect(all).To(ConsistOf(want))
	before := provider.Span{From: noon.Add(-time.Hour), To: noon.Add(-time.Second)}
	all, _ = providertest.ReadHistory(t, history, before)
	g.Expect(all).To(BeEmpty())
	all, _ = providertest.ReadHistory(t, history, provider.Span{From: noon.Add(time.Second)})
	g.Expect(all).To(BeEmpty())
}

// Answers that lead nowhere, or nowhere else, are errors, and what is no event is left out.
func TestHistoryOfALiar(t *testing.T) {
	const event = `{"id":"evt_1","type":"invoice.paid","created":1769853600}`
	for body, want := range map[string]string{
		`[]`:                                   "",
		`{"object":"list"}`:                    "0 0 all",
		`{"object":"list","has_more":true}`:    "",
		`{"object":"list","data":["x"]}`:       "0 1 all",
		`{"object":"list","data":[` + event:    "",
		`{"object":"event","data":[]}`:         "",
		list(true, event):                      "1 0 undelivered:evt_1",
		list(true, event, `{}`):                "",
		list(true, `{"id":"a b"}`):             "",
		list(false, `{"id":"evt_2"}`, event):   "1 1 all",
		list(true, `{"id":"evt_same"}`, event): "1 1 undelivered:evt_1",
	} {
		history := historyOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(body))
		}))
		page, err := history.Events(t.Context(), provider.Span{}, "")
		g := NewWithT(t)
		if want == "" {
			g.Expect(err).To(HaveOccurred(), body)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), body)
		g.Expect(fmt.Sprintf("%d %d %s", len(page.Events), page.Malformed, page.Next)).To(Equal(want), body)
	}
	history := historyOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(list(true, event)))
	}))
	_, err := history.Events(t.Context(), provider.Span{}, "all:evt_1")
	NewWithT(t).Expect(err).To(HaveOccurred(), "the page leads to itself")
}

func list(more bool, events ...string) string {
	return fmt.Sprintf(`{"object":"list","has_more":%t,"data":[%s]}`, more, strings.Join(events, ","))
}
