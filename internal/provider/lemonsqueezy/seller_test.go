package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// asked is a request that a peer was sent.
type asked struct {
	method, path string
	query        url.Values
	body         map[string]any
}

// peer is a LemonSqueezy that gives these answers by method and path, in turn where there are several, and notes what
// it was asked. Its store 77 is in EUR.
type peer struct {
	answers map[string][]string
	asked   []asked
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := asked{method: r.Method, path: r.URL.Path, query: r.URL.Query()}
	if text, err := io.ReadAll(r.Body); err == nil && len(text) > 0 {
		_ = json.Unmarshal(text, &got.body)
	}
	p.asked = append(p.asked, got)
	at := r.Method + " " + r.URL.Path
	answers := p.answers[at]
	if len(answers) == 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errors":[{"title":"Not Found","detail":"The requested resource does not exist."}]}`)
		return
	}
	if len(answers) > 1 {
		p.answers[at] = answers[1:]
	}
	_, _ = io.WriteString(w, answers[0])
}

// seller connects to store 77 of a peer in test mode.
func seller(t *testing.T, answers map[string][]string) (provider.Seller, *peer) {
	t.Helper()
	p := &peer{answers: answers}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	s, ok := dial(t, billing.Test, testKey, srv.URL).(provider.Seller)
	NewWithT(t).Expect(ok).To(BeTrue())
	return s, p
}

// refused says that an error is a refusal for these words.
func refused(g *WithT, err error, words string) {
	var refusal *provider.RefusalError
	g.Expect(err).To(BeAssignableToTypeOf(refusal), "%v", err)
	g.Expect(err).To(MatchError(And(HavePrefix("LemonSqueezy "), ContainSubstring(words))))
}

// documentOf is the answer about one object.
func documentOf(kind, id, attributes string) string {
	return `{"jsonapi":{"version":"1.0"},"data":` + object(kind, id, attributes) + `}`
}

// shapedSubscription has all attributes that LemonSqueezy's API tells of a subscription; more begins with a comma and
// overrides.
func shapedSubscription(more string) string {
	return `"store_id":77,"customer_id":9,"order_id":501,"order_item_id":502,"product_id":3,"variant_id":88,` +
		`"product_name":"Pro","variant_name":"Monthly","user_name":"Jane Doe","user_email":"jane@example.com",` +
		`"status":"active","status_formatted":"Active","card_brand":"visa","card_last_four":"4242",` +
		`"payment_processor":"stripe","pause":null,"cancelled":false,"trial_ends_at":null,"billing_anchor":1,` +
		`"first_subscription_item":{"id":5,"subscription_id":601,"price_id":4000,"quantity":2,"is_usage_based":false,` +
		`"created_at":"2026-02-01T10:00:01.000000Z","updated_at":"2026-02-01T10:00:01.000000Z"},` +
		`"urls":{"update_payment_method":"https://shop.example.com/subscription/601/payment-details?signature=x",` +
		`"customer_portal":"https://shop.example.com/billing?signature=x",` +
		`"customer_portal_update_subscription":"https://shop.example.com/billing/601/update?signature=x"},` +
		`"renews_at":"2026-04-01T10:00:00.000000Z","ends_at":null,"created_at":"2026-02-01T10:00:00.000000Z",` +
		`"updated_at":"2026-03-01T10:00:00.000000Z","test_mode":true` + more
}

func subscriptionDoc(more string) string {
	return documentOf("subscriptions", "601", shapedSubscription(more))
}

const (
	at601        = "/v1/subscriptions/601"
	willEnd      = `,"status":"cancelled","cancelled":true,"ends_at":"2026-03-20T10:00:00.000000Z"`
	hasEnded     = `,"status":"expired","cancelled":true,"ends_at":"2026-03-20T10:00:00.000000Z"`
	secondItem   = `,"first_subscription_item":{"id":6,"subscription_id":601,"quantity":2}`
	resizedItem  = `,"first_subscription_item":{"id":6,"subscription_id":601,"quantity":5}`
	anotherPlan  = `,"variant_id":89`
	byPayPal     = `,"payment_processor":"paypal"`
	anotherStore = `,"store_id":78`
)

// patched is the body of a change.
func patched(kind, id string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": kind, "id": id, "attributes": attributes}}
}

func pageOf(number, last int, objects string) string {
	return fmt.Sprintf(`{"data":[%s],"meta":{"page":{"currentPage":%d,"lastPage":%d}}}`, objects, number, last)
}
