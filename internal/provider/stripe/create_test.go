package stripe

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

// TestCreateReplays: what Stripe remembers under a key may be older than the world.
func TestCreateReplays(t *testing.T) {
	replayed := func(r reply) reply { return r.with("Idempotent-Replayed", "true") }
	made, outage := ok(priceJSON("price_1")), failure(500, "api_error", "")
	gone := failure(404, "invalid_request_error", "resource_missing")
	cases := []struct {
		reason  string
		answers map[string]reply // by key; the last one for all others
		get     reply
		keys    []string
		class   provider.Class // when there is an error
		fails   bool
	}{
		{reason: "made at once", answers: map[string]reply{"k": made}, keys: []string{"k"}},
		{reason: "the answer was lost, the price is there", answers: map[string]reply{"k": replayed(made)},
			get: ok(markedPriceJSON("price_1", testOwner, "monthly")), keys: []string{"k"}},
		{reason: "the price of the answer lost its marks", answers: map[string]reply{"k": replayed(made), "k-r1": made},
			get: ok(priceJSON("price_1")), keys: []string{"k", "k-r1"}},
		{reason: "the price of the answer is gone", answers: map[string]reply{"k": replayed(made), "k-r1": made}, get: gone,
			keys: []string{"k", "k-r1"}},
		{reason: "nobody knows whether the price is there", answers: map[string]reply{"k": replayed(made)}, get: outage,
			keys: []string{"k"}, fails: true, class: provider.ClassUnavailable},
		{reason: "an outage that is over", answers: map[string]reply{"k": replayed(outage), "k-r1": replayed(outage),
			"k-r2": made}, keys: []string{"k", "k-r1", "k-r2"}},
		{reason: "an outage that is not over", answers: map[string]reply{"k": outage}, keys: []string{"k"}, fails: true,
			class: provider.ClassUnavailable},
		{reason: "a refusal of earlier", answers: map[string]reply{
			"k": replayed(failure(400, "invalid_request_error", "")), "k-r1": made}, keys: []string{"k", "k-r1"}},
		{reason: "the key was used for something else", answers: map[string]reply{
			"k": failure(400, "idempotency_error", ""), "k-r1": made}, keys: []string{"k", "k-r1"}},
		{reason: "the repeated answer is cut short", answers: map[string]reply{
			"k": replayed(ok(priceJSON("price_1")[:90])), "k-r1": made}, keys: []string{"k"}, fails: true,
			class: provider.ClassUnavailable},
		{reason: "the connection breaks within the repeated answer", answers: map[string]reply{
			"k": {status: 200, body: "{", header: map[string]string{
				"Idempotent-Replayed": "true", "Content-Length": "500",
			}}, "k-r1": made}, keys: []string{"k"}, fails: true, class: provider.ClassUnavailable},
		{reason: "the repeated answer is something else", answers: map[string]reply{
			"k": replayed(ok(listJSON(false))), "k-r1": made}, keys: []string{"k"}, fails: true,
			class: provider.ClassUnavailable},
		{reason: "an outage's page that is repeated", answers: map[string]reply{
			"k": replayed(reply{status: 503, body: "<html>"}), "k-r1": made}, keys: []string{"k", "k-r1"}},
		{reason: "another process is at it", answers: map[string]reply{
			"k": failure(409, "idempotency_error", "idempotency_key_in_use")}, keys: []string{"k"}, fails: true,
			class: provider.ClassConflict},
		{reason: "refused", answers: map[string]reply{"k": failure(400, "invalid_request_error", "")}, keys: []string{"k"},
			fails: true, class: provider.ClassTerminal},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			conn, f := connect(t, func(s sent) reply {
				if s.method == "GET" {
					return c.get
				}
				return c.answers[s.key]
			})
			p, err := conn.Catalog().CreatePrice(t.Context(), createPrice())
			g.Expect(keysOf(f)).To(Equal(c.keys))
			if c.fails {
				g.Expect(err).To(HaveOccurred())
				g.Expect(provider.ClassOf(err).String()).To(Equal(c.class.String()))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.ID).To(Equal("price_1"))
		})
	}
}

// TestCreateReplaysAPriceWithoutItsKey: a price that gave its lookup key away since is not the one that was asked for.
func TestCreateReplaysAPriceWithoutItsKey(t *testing.T) {
	holding := func(key string) reply {
		return ok(strings.TrimSuffix(markedPriceJSON("price_1", testOwner, "monthly"), "}") + `,"lookup_key":` + key + "}")
	}
	for there, want := range map[string][]string{
		`"kassa:u1:monthly"`: {"k"}, `null`: {"k", "k-r1"}, `"his"`: {"k", "k-r1"},
	} {
		g := NewWithT(t)
		conn, f := connect(t, func(s sent) reply {
			switch {
			case s.method == http.MethodGet:
				return holding(there)
			case s.key == "k":
				return ok(priceJSON("price_1")).with("Idempotent-Replayed", "true")
			}
			return ok(priceJSON("price_2"))
		})
		in := createPrice()
		in.LookupKey = "kassa:u1:monthly"
		_, err := conn.Catalog().CreatePrice(t.Context(), in)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(keysOf(f)).To(Equal(want), there)
	}
}

func createPrice() provider.CreatePrice {
	in := provider.CreatePrice{Owner: testOwner, ProductID: "prod_1", Name: "monthly", IdempotencyKey: "k"}
	in.Spec.Terms.Money = usd(2900)
	return in
}

func keysOf(f *fake) []string {
	var keys []string
	for _, s := range f.requests() {
		if s.method == "POST" {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// TestCreateIsBounded: keys that are all used up by an outage stop the create, and a key that changes every hour
// lets it through later.
func TestCreateIsBounded(t *testing.T) {
	g := NewWithT(t)
	hourly := regexp.MustCompile(`^k-h\d+$`)
	over := false
	conn, f := connect(t, func(s sent) reply {
		if over && hourly.MatchString(s.key) {
			return ok(priceJSON("price_1"))
		}
		return failure(500, "api_error", "").with("Idempotent-Replayed", "true")
	})
	_, err := conn.Catalog().CreatePrice(t.Context(), createPrice())
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	keys := keysOf(f)
	g.Expect(keys).To(HaveLen(10))
	g.Expect(keys[:9]).To(Equal([]string{"k", "k-r1", "k-r2", "k-r3", "k-r4", "k-r5", "k-r6", "k-r7", "k-r8"}))
	g.Expect(keys[9]).To(MatchRegexp(hourly.String()))
	over = true
	_, err = conn.Catalog().CreatePrice(t.Context(), createPrice())
	g.Expect(err).NotTo(HaveOccurred())
}

func TestCreateProductThatExists(t *testing.T) {
	id := (&catalog{}).ProductID(testOwner)
	exists := failure(400, "invalid_request_error", "resource_already_exists")
	cases := []struct {
		reason string
		there  reply
		class  provider.Class
		want   error
		ok     bool
	}{
		{reason: "an earlier create's", there: ok(productJSON(id, testOwner)), ok: true},
		{reason: "another Plan's", there: ok(productJSON(id, hisOwner)), class: provider.ClassConflict,
			want: provider.ErrOwnedByAnother},
		{reason: "somebody removed the marks", there: ok(`{"id":"` + id + `","object":"product"}`),
			class: provider.ClassConflict},
		{reason: "gone meanwhile", there: failure(404, "invalid_request_error", "resource_missing"),
			class: provider.ClassNotFound},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			conn, _ := connect(t, func(s sent) reply {
				if s.method == "POST" {
					return exists
				}
				return c.there
			})
			p, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{Owner: testOwner, IdempotencyKey: "k"})
			if c.ok {
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(p.ID).To(Equal(id))
				return
			}
			g.Expect(err).To(HaveOccurred())
			g.Expect(provider.ClassOf(err).String()).To(Equal(c.class.String()))
			if c.want != nil {
				g.Expect(err).To(MatchError(c.want))
			}
		})
	}
}
