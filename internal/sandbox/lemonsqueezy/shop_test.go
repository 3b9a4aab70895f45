package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const (
	goodCard  = "4242424242424242"
	badCard   = "4000000000000002"
	askedCard = "4000002500003155"
	fadesCard = "4000000000000341"
	buyer     = "jane@example.com"
)

// shop is a world with a store, a product, and a webhook for every event. Its clock stands still unless it is advanced.
type shop struct {
	*world
	in       *inbox
	store    string
	variants []string
	seen     int
}

var began = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// openShop has variants at 10.00 a month, at 30.00 a month, at 5.00 once, and at 10.00 a month after a week's trial.
func openShop(t *testing.T) *shop {
	t.Helper()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return began }})
	s := &shop{world: w, in: newInbox(t, http.StatusOK), store: w.store("Shop", "EUR")}
	const monthly = `"renewal_interval_unit":"month","renewal_interval_quantity":1`
	status, out := w.dashboard("POST", "/products", `{"store_id":`+s.store+`,"name":"Pro","variants":[
		{"name":"Small","price":{"unit_price":1000,`+monthly+`}},
		{"name":"Large","price":{"unit_price":3000,`+monthly+`}},
		{"name":"Once","price":{"category":"one_time","unit_price":500}},
		{"name":"Tried","price":{"unit_price":1000,"trial_interval_unit":"week","trial_interval_quantity":1,`+monthly+`}}]}`)
	w.g.Expect(status).To(Equal(http.StatusOK), out.Error)
	for _, v := range out.Variants {
		s.variants = append(s.variants, v.String())
	}
	s.hook(s.store, s.in.URL, "order_created", "subscription_created", "subscription_updated", "subscription_cancelled",
		"subscription_resumed", "subscription_expired", "subscription_paused", "subscription_unpaused",
		"subscription_payment_success", "subscription_payment_failed", "subscription_payment_recovered")
	return s
}

const (
	small = iota
	large
	once
	tried
)

// checkout asks for one; attributes begin without a comma.
func (s *shop) checkout(variant int, attributes string) answer {
	s.t.Helper()
	return s.send("POST", "/v1/checkouts", fmt.Sprintf(`{"data":{"type":"checkouts","attributes":{%s},"relationships":{
		"store":{"data":{"type":"stores","id":%q}},"variant":{"data":{"type":"variants","id":%q}}}}}`,
		attributes, s.store, s.variants[variant]))
}

// open is the address of a new checkout.
func (s *shop) open(variant int, attributes string) string {
	s.t.Helper()
	a := s.checkout(variant, attributes)
	s.g.Expect(a.status).To(Equal(http.StatusCreated), "%v", a.Errors)
	var o object
	s.g.Expect(json.Unmarshal(a.Data, &o)).To(Succeed())
	return o.Attributes["url"].(string)
}

const custom = `"checkout_data":{"custom":{"user_id":"u7","seats":6}}`

// visit fetches a page, or posts a form to it.
func (s *shop) visit(at string, form url.Values, accept string) *httptest.ResponseRecorder {
	s.t.Helper()
	req := httptest.NewRequest(http.MethodGet, at, http.NoBody)
	if form != nil {
		req = httptest.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", accept)
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, req)
	return rec
}

type step struct {
	Status   string            `json:"status"`
	Redirect string            `json:"redirect"`
	Error    map[string]string `json:"error"`
}

func form(card string) url.Values {
	return url.Values{"number": {card}, "exp": {"12/34"}, "cvc": {"123"}, "email": {buyer}}
}

func (s *shop) pay(at, card string) (int, step) {
	s.t.Helper()
	rec := s.visit(at, form(card), "application/json")
	var out step
	s.g.Expect(json.Unmarshal(rec.Body.Bytes(), &out)).To(Succeed(), rec.Body.String())
	return rec.Code, out
}

// subscribe buys a variant with a card, takes the events, and returns the subscription's id.
func (s *shop) subscribe(variant int, card string) string {
	s.t.Helper()
	_, out := s.pay(s.open(variant, custom), card)
	s.g.Expect(out.Status).To(Equal("complete"))
	ids := s.ids(s.get("/v1/subscriptions"))
	n := 3
	if variant == tried {
		n = 2
	}
	s.events(n)
	return ids[0]
}

// events are the next so many events. No more came.
func (s *shop) events(n int) []event {
	s.t.Helper()
	s.g.Eventually(func() int { return len(s.in.all()) }).Should(BeNumerically(">=", s.seen+n))
	s.g.Consistently(func() int { return len(s.in.all()) }, "30ms").Should(Equal(s.seen+n), "%v", s.in.names(s.seen))
	var out []event
	for _, d := range s.in.all()[s.seen:] {
		out = append(out, eventIn(s.t, d))
	}
	s.seen += n
	return out
}

func (in *inbox) names(from int) []string {
	var out []string
	for _, d := range in.all()[from:] {
		out = append(out, d.header.Get("X-Event-Name"))
	}
	return out
}

// happened says that the next events are these, in whatever order they came, each with the purchase's custom data.
func (s *shop) happened(want ...string) map[string]event {
	s.t.Helper()
	var got []string
	out := map[string]event{}
	for _, e := range s.events(len(want)) {
		got = append(got, e.Meta.EventName)
		out[e.Meta.EventName] = e
		s.g.Expect(e.Meta.CustomData).To(Equal(map[string]any{"user_id": "u7", "seats": "6"}), e.Meta.EventName)
		s.g.Expect(e.Meta.WebhookID).NotTo(BeEmpty())
	}
	slices.Sort(got)
	slices.Sort(want)
	s.g.Expect(got).To(Equal(want))
	return out
}

// attributes are those of a subscription now.
func (s *shop) attributes(id string) map[string]any {
	s.t.Helper()
	return s.one(s.get("/v1/subscriptions/" + id)).Attributes
}

func (s *shop) patch(id, attributes string) answer {
	s.t.Helper()
	return s.send("PATCH", "/v1/subscriptions/"+id,
		fmt.Sprintf(`{"data":{"type":"subscriptions","id":%q,"attributes":{%s}}}`, id, attributes))
}

const day = 24 * time.Hour
