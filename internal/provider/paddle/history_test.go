package paddle_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

// Every event is read once, and the list is not read any further than the span goes back.
func TestHistory(t *testing.T) {
	g := NewWithT(t)
	conn, account := inSandbox(t)
	_, err := conn.Account(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	begin, want := time.Now().Add(-time.Second), []string{}
	for range 450 {
		e, err := account.Emit("transaction.completed", nil)
		g.Expect(err).NotTo(HaveOccurred())
		want = append(want, e.EventID)
	}
	history := conn.(provider.History)
	ids, calls := providertest.ReadHistory(t, history, provider.Span{From: begin})
	g.Expect(calls).To(Equal(3))
	g.Expect(ids).To(ConsistOf(want))
	_, calls = providertest.ReadHistory(t, history, provider.Span{From: time.Now().Add(time.Minute)})
	g.Expect(calls).To(Equal(1))
}

// Answers that lead nowhere, or nowhere else, are errors, and what is no event is left out.
func TestHistoryOfALiar(t *testing.T) {
	event := func(id string) string {
		const form = `{"event_id":%q,"event_type":"transaction.paid","occurred_at":"2026-11-26T12:00:00Z","data":{}}`
		return fmt.Sprintf(form, id)
	}
	for body, want := range map[string]string{
		`[]`:                             "",
		`{"data":[]}`:                    "",
		`{"data":[],"meta":{}}`:          "",
		page("evt_1"):                    "",
		page("evt_0", event("evt_1")):    "",
		page("evt_1", event("evt_1")):    "1 0 newest:evt_1",
		page("evt_1", `{}`):              "",
		page("e", `{}`, event("evt_1")):  "1 1 newest:evt_1",
		strings.Repeat(page("evt_1"), 2): "",
	} {
		conn := through(t, transport(func(r *http.Request) (int, string) {
			if r.URL.Path != "/events" || r.Header.Get("Authorization") == "" {
				return http.StatusNotFound, "{}"
			}
			return http.StatusOK, body
		}))
		got, err := conn.(provider.History).Events(t.Context(), provider.Span{}, "newest:evt_0")
		g := NewWithT(t)
		if want == "" {
			g.Expect(err).To(HaveOccurred(), body)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), body)
		g.Expect(fmt.Sprintf("%d %d %s", len(got.Events), got.Malformed, got.Next)).To(Equal(want), body)
	}
}
