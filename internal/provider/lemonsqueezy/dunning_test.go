package lemonsqueezy_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	at900  = "/v1/subscription-invoices/900"
	failed = `{"meta":{"event_name":"subscription_payment_failed"},"data":{"type":"subscription-invoices","id":"900"}}`
	paused = `,"status":"paused","pause":{"mode":"void","resumes_at":null}`
)

func invoiceDoc(more string) string {
	return documentOf("subscription-invoices", "900",
		`"store_id":77,"subscription_id":601,"status":"pending","test_mode":true`+more)
}

func TestArrears(t *testing.T) {
	for more, want := range map[string]provider.Arrears{
		"":                       {InvoiceID: "900", SubscriptionID: "601", Open: true},
		`,"status":"paid"`:       {InvoiceID: "900", SubscriptionID: "601"},
		`,"status":"void"`:       {InvoiceID: "900", SubscriptionID: "601"},
		`,"subscription_id":602`: {InvoiceID: "900", SubscriptionID: "602", Open: true},
	} {
		g := NewWithT(t)
		s, _ := seller(t, map[string][]string{"GET " + at900: {invoiceDoc(more)}})
		got, err := s.(provider.Dunner).Dunning().Arrears(t.Context(), &billing.Event{Native: []byte(failed)})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(want), more)
	}
	g := NewWithT(t)
	s, p := seller(t, map[string][]string{"GET " + at900: {invoiceDoc(`,"store_id":78`)}})
	d := s.(provider.Dunner).Dunning()
	g.Expect(d.Traits()).To(Equal(provider.DunningTraits{NoCancelNow: true, NoCount: true, MaxFailures: 5}))
	_, err := d.Arrears(t.Context(), &billing.Event{Native: []byte(failed)})
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "another store's")
	n := len(p.asked)
	g.Expect(d.Arrears(t.Context(), &billing.Event{Native: []byte(`{"data":{"type":"orders","id":"1"}}`)})).To(BeZero())
	g.Expect(p.asked).To(HaveLen(n))
}

func TestPause(t *testing.T) {
	for reason, c := range map[string]struct {
		before, after string
		asked         int
		refusal       string
	}{
		"runs":              {"", paused, 2, ""},
		"is paused already": {paused, "", 1, ""},
		"has ended":         {hasEnded, "", 1, "has ended"},
		"is paid by PayPal": {byPayPal, "", 1, "PayPal"},
		"is not changed":    {"", "", 2, "did not make the change"},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			s, p := seller(t, map[string][]string{
				"GET " + at601: {subscriptionDoc(c.before)}, "PATCH " + at601: {subscriptionDoc(c.after)},
			})
			got, err := s.(provider.Dunner).Dunning().Pause(t.Context(), "601")
			g.Expect(p.asked).To(HaveLen(c.asked))
			if c.refusal != "" {
				refused(g, err, c.refusal)
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Status).To(Equal(billing.StatusPaused))
			if c.asked == 2 {
				g.Expect(p.asked[1].body).To(Equal(patched("subscriptions", "601", map[string]any{
					"pause": map[string]any{"mode": "void"},
				})))
			}
		})
	}
}
