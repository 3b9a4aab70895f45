package lemonsqueezy_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]string{
		testKey: "", "": "empty", testKey + "\n": "white space", "sk_" + "test_a": "another provider (sk_)",
		"pdl_" + "sdbx_a": "another provider (pdl_)",
	} {
		g := NewWithT(t)
		err := lemonsqueezy.Adapter{}.CheckKey(key, billing.Test)
		if want == "" {
			g.Expect(err).NotTo(HaveOccurred())
			continue
		}
		g.Expect(err).To(MatchError(ContainSubstring(want)))
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassCredentials))
	}
}

// The newest price of a variant counts, drafts are not on sale, and other stores and modes do not show.
func TestWhatIsCurrent(t *testing.T) {
	g := NewWithT(t)
	conn, s := connect(t)
	add := func(d dashboard.Draft) (string, []int64) {
		d.Name = "Pro"
		d.Variants = append(d.Variants, dashboard.DraftVariant{Price: month(dashboard.Price{UnitPrice: ptr(int64(2900))})})
		id, variants, err := s.AddProduct(d)
		g.Expect(err).NotTo(HaveOccurred())
		return strconv.FormatInt(id, 10), variants
	}
	id, variants := add(dashboard.Draft{StoreID: storeID})
	draft, _ := add(dashboard.Draft{StoreID: storeID, Status: "draft"})
	other, _ := add(dashboard.Draft{StoreID: 78})
	live, _ := add(dashboard.Draft{StoreID: storeID, Live: true})
	observe := func(id string) billing.Observed {
		o, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: id, Only: true})
		g.Expect(err).NotTo(HaveOccurred())
		return o
	}
	g.Expect(observe(other).Product).To(BeNil(), "another store")
	g.Expect(observe(live).Product).To(BeNil(), "another mode")
	g.Expect(observe(draft).Product.Active).To(BeFalse())
	g.Expect(observe(draft).Prices[0].Active).To(BeFalse())
	snap, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(snap.Products).To(HaveLen(2))

	g.Expect(s.SetPrice(variants[0], month(dashboard.Price{UnitPrice: ptr(int64(3900))}))).To(Succeed())
	g.Expect(observe(id).Prices[0].Spec.Terms.Money.Minor).To(BeEquivalentTo(3900))

	g.Expect(s.EditVariant(variants[0], func(v *dashboard.Variant) { v.Status = "pending" })).To(Succeed())
	g.Expect(observe(id).Prices[0].Active).To(BeTrue(), "a lone pending variant is as its product is")
}

// A pending variant beside others is not sold.
func TestAPendingVariantAmongOthers(t *testing.T) {
	g := NewWithT(t)
	conn, s := connect(t)
	price := month(dashboard.Price{UnitPrice: ptr(int64(2900))})
	id, variants, err := s.AddProduct(dashboard.Draft{
		StoreID: storeID, Name: "Pro",
		Variants: []dashboard.DraftVariant{{Name: "Default", Status: "pending", Price: price}, {Name: "Pro", Price: price}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	want := map[string]bool{text(variants[0]): false, text(variants[1]): true}
	o, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: text(id), Only: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(onSale(o.Prices)).To(Equal(want))
	snap, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(onSale(snap.Prices)).To(Equal(want))
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

// onSale tells by their ids which prices are.
func onSale(prices []billing.Price) map[string]bool {
	out := map[string]bool{}
	for _, p := range prices {
		out[p.ID] = p.Active
	}
	return out
}

// Whatever comes back is an error with a class, never a panic and never a quoted body or key.
func TestAnswersThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name, body, text string
		status           int
		class            provider.Class
	}{
		{"not JSON", "<html>" + testKey, "", 200, provider.ClassUnavailable},
		{"nothing", "", "", 200, provider.ClassUnavailable},
		{"another object", `{"data":{"type":"orders","id":"1"}}`, "", 200, provider.ClassUnavailable},
		{"a gateway's page", "<html>", "HTTP 502", 502, provider.ClassUnavailable},
		{"a proxy's 401", "<html>", "a proxy or firewall", 401, provider.ClassUnavailable},
		{"a firewall's 403", "<html>", "a proxy or firewall", 403, provider.ClassUnavailable},
		{"a proxy's 404", "<html>", "a proxy or firewall", 404, provider.ClassUnavailable},
		{"a proxy's 413", "", "a proxy or firewall", 413, provider.ClassUnavailable},
		{"a firewall's 429", "<html>", "HTTP 429", 429, provider.ClassRateLimited},
		{"a gateway's 403", `{"message":"Forbidden"}`, "a proxy or firewall", 403, provider.ClassUnavailable},
		{"a gateway's 404", `{"message":"no Route matched"}`, "a proxy or firewall", 404, provider.ClassUnavailable},
		{"another API's 404", `{"errors":[{"message":"Not found"}]}`, "a proxy or firewall", 404,
			provider.ClassUnavailable},
		{"no errors at all", `{"jsonapi":{"version":"1.0"},"errors":[]}`, "a proxy or firewall", 404,
			provider.ClassUnavailable},
		{"JSON:API's 403", `{"errors":[{"title":"Forbidden","detail":"No"}]}`, "Forbidden: No", 403,
			provider.ClassCredentials},
		{"JSON:API's errors", `{"errors":[{"title":"Unprocessable","detail":"No","code":"x1"}]}`, "x1: Unprocessable: No",
			422, provider.ClassTerminal},
		{"another shape", `{"error":"No such key ` + testKey + `"}`, "No such key [redacted]", 401,
			provider.ClassCredentials},
		{"a third shape", `{"message":"Too Many Attempts."}`, "Too Many Attempts.", 429, provider.ClassRateLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				g.Expect(r.URL.Path).To(HavePrefix("/proxy/v1/"))
				g.Expect(r.Header.Get("Accept")).To(Equal("application/vnd.api+json"))
				g.Expect(r.Header.Get("Content-Type")).To(Equal("application/vnd.api+json"))
				g.Expect(r.Method).To(Equal(http.MethodGet))
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer srv.Close()
			for name, call := range map[string]func(provider.Connection) error{
				"account":  func(c provider.Connection) error { _, err := c.Account(t.Context()); return err },
				"snapshot": func(c provider.Connection) error { _, err := c.Catalog().Snapshot(t.Context()); return err },
				"observe": func(c provider.Connection) error {
					_, err := c.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: "5"})
					return err
				},
			} {
				err := call(dial(t, billing.Test, testKey+"longer", srv.URL+"/proxy/"))
				var e *provider.Error
				g.Expect(errors.As(err, &e)).To(BeTrue(), "%s: %v", name, err)
				g.Expect(e.Class.String()).To(Equal(c.class.String()), name)
				g.Expect(err.Error()).To(ContainSubstring(c.text), name)
				g.Expect(strings.Contains(err.Error(), testKey)).To(BeFalse(), name)
			}
		})
	}
}

// A list that may lack something is none: what it lacks would count as gone.
func TestListsThatAreNone(t *testing.T) {
	pro := object("products", "5", `"store_id":77,"test_mode":true`)
	for name, body := range map[string]string{
		"":                           listOf(pro),
		"without products":           `{"data":[],"meta":{"page":{"currentPage":1,"lastPage":0}}}`,
		"of another page":            `{"data":[` + pro + `],"meta":{"page":{"currentPage":2,"lastPage":2}}}`,
		"of pages without an end":    `{"data":[` + pro + `],"meta":{"page":{"currentPage":1}}}`,
		"without pages":              `{"data":[` + pro + `]}`,
		"of nothing":                 `{"meta":{"page":{"currentPage":1,"lastPage":1}}}`,
		"of something else":          listOf(object("orders", "5", "")),
		"of something without an id": listOf(object("products", "", "")),
	} {
		g := NewWithT(t)
		conn := raw(t, billing.Test, map[string]string{
			"/v1/products": body, "/v1/variants": listOf(), "/v1/prices": listOf(),
		})
		_, err := conn.Catalog().Snapshot(t.Context())
		if name == "" || name == "without products" {
			g.Expect(err).NotTo(HaveOccurred(), name)
			continue
		}
		g.Expect(err).To(HaveOccurred(), name)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), name)
	}
}
