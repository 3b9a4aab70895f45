package paddle_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	sandboxpaddle "github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

func TestCheckKey(t *testing.T) {
	old := strings.Repeat("0a", 25)
	for _, c := range []struct {
		key  string
		mode billing.Mode
		want string // part of the message; empty: accepted
	}{
		{key("sdbx"), billing.Test, ""},
		{key("live"), billing.Live, ""},
		{old, billing.Test, ""},
		{old, billing.Live, ""},
		{"", billing.Test, "the key is empty"},
		{key("sdbx"), billing.Live, "this is a sdbx key, but mode is Live"},
		{key("live"), billing.Test, "this is a live key, but mode is Test"},
		{key("sdbx") + "\n", billing.Test, "white space"},
		{key("sdbx")[:60], billing.Test, "this is no Paddle API key"},
		{"pdl_ntfset_" + strings.Repeat("a", 26) + "_x", billing.Test, "secret of a notification destination"},
		{"test_" + strings.Repeat("a", 27), billing.Test, "client-side token"},
		{"sk_" + "test_" + strings.Repeat("a", 24), billing.Test, "this is no Paddle API key"},
	} {
		g := NewWithT(t)
		err := paddle.Adapter{}.CheckKey(c.key, c.mode)
		if c.want == "" {
			g.Expect(err).NotTo(HaveOccurred(), c.key)
			continue
		}
		g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassCredentials))
		g.Expect(errors.Is(err, provider.ErrModeMismatch)).To(Equal(strings.Contains(c.want, "but mode is")))
		if len(c.key) > 20 {
			g.Expect(err.Error()).NotTo(ContainSubstring(c.key[:20]), "the key is in the message")
		}
	}
}

func TestTaxCode(t *testing.T) {
	g := NewWithT(t)
	for code, want := range map[string]string{"": "standard", "saas": "saas", "ebook": "ebooks", "ebooks": "ebooks"} {
		g.Expect(paddle.Adapter{}.TaxCode(code)).To(Equal(want))
	}
	_, err := paddle.Adapter{}.TaxCode("txcd_10103001")
	g.Expect(err).To(MatchError(ContainSubstring("is no tax category")))
}

// answering is an account behind an address with a path, that gives one answer to everything.
func answering(t *testing.T, status int, header http.Header, body string, seen *[]*http.Request) provider.Catalog {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r)
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	c, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key("sdbx"), BaseURL: srv.URL + "/proxy/",
		HTTP: instrument.Client(instrument.Options{Provider: billing.Paddle}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.Catalog()
}

// Whatever comes back is an error with a class, or the object: never a panic, and never a quoted body.
func TestAnswersThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  provider.Class
		text   string
	}{
		{"not JSON", 200, nil, "<html>secret", provider.ClassUnavailable, "not what was asked for"},
		{"nothing", 200, nil, "", provider.ClassUnavailable, ""},
		{"another object", 200, nil, `{"data":{"id":"cus_1"}}`, provider.ClassUnavailable, ""},
		{"no object", 200, nil, `{"data":null}`, provider.ClassUnavailable, ""},
		{"a list of numbers", 200, nil, `{"data":[1],"meta":{"pagination":{"has_more":false}}}`,
			provider.ClassUnavailable, ""},
		{"a list of nothing", 200, nil, `{"data":[null],"meta":{"pagination":{"has_more":false}}}`,
			provider.ClassUnavailable, ""},
		{"a list without pages", 200, nil, `{"data":[]}`, provider.ClassUnavailable, ""},
		{"more without an address", 200, nil, `{"data":[` + productJSON(1) + `],"meta":{"pagination":{"has_more":true}}}`,
			provider.ClassUnavailable, ""},
		{"more after nothing", 200, nil, page("pro_9"), provider.ClassUnavailable, "not what was asked for"},
		{"more of the same", 200, nil, page("pro_9", productJSON(1)), provider.ClassUnavailable, "not what was asked for"},
		{"a redirect", 302, http.Header{"Location": {"https://elsewhere.example.com"}}, "", provider.ClassUnavailable,
			"HTTP 302"},
		{"a gateway's page", 502, nil, "<html>secret", provider.ClassUnavailable, "HTTP 502"},
		{"a proxy that knows no such page", 404, nil, "<html>secret", provider.ClassUnavailable, "HTTP 404"},
		{"a firewall's page", 403, nil, "<html>secret", provider.ClassUnavailable, "HTTP 403"},
		{"a proxy that wants a password", 407, nil, "<html>secret", provider.ClassUnavailable, "HTTP 407"},
		{"another API's refusal", 401, nil, `{"error":"secret"}`, provider.ClassUnavailable, "HTTP 401"},
		{"another API's document", 400, nil, `{"error":{"message":"secret"}}`, provider.ClassUnavailable, "HTTP 400"},
		{"a proxy that is asked too much", 429, http.Header{"Retry-After": {"7"}}, "<html>secret",
			provider.ClassRateLimited, "HTTP 429"},
		{"a pause", 429, http.Header{"Retry-After": {"7"}}, `{"error":{"code":"too_many_requests","detail":"Slow down"},` +
			`"meta":{"request_id":"req-1"}}`, provider.ClassRateLimited, "too_many_requests: Slow down (request req-1)"},
		{"a key that is refused", 403, nil, `{"error":{"code":"invalid_token","detail":"key pdl_sdbx_apikey_x is wrong"}}`,
			provider.ClassCredentials, "invalid_token: key [redacted] is wrong"},
		{"a field that is refused", 400, nil, `{"error":{"code":"invalid_field","detail":"No.","errors":[{"field":"name",` +
			`"message":"too long"}]}}`, provider.ClassTerminal, "invalid_field: No.; name: too long"},
		{"a wrong address", 404, nil, `{"error":{"code":"invalid_url","detail":"Nothing here"}}`, provider.ClassTerminal, ""},
		{"two at once", 409, nil, `{"error":{"code":"concurrent_modification","detail":"x"}}`, provider.ClassConflict, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []*http.Request
			var catalog provider.Catalog
			owner := billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
			yes, id := true, "pro_"+strings.Repeat("0", 26)
			for name, call := range map[string]func() error{
				"snapshot": func() error { _, err := catalog.Snapshot(t.Context()); return err },
				"observe":  func() error { _, err := catalog.Observe(t.Context(), owner, provider.Known{}); return err },
				"get": func() error {
					_, err := catalog.Observe(t.Context(), owner, provider.Known{ProductID: id})
					return err
				},
				"create": func() error {
					_, err := catalog.CreateProduct(t.Context(), provider.CreateProduct{
						Owner: owner, Spec: billing.ProductSpec{Name: "Pro"},
					})
					return err
				},
				"update": func() error {
					_, err := catalog.UpdateProduct(t.Context(), id, provider.ProductPatch{Active: &yes})
					return err
				},
			} {
				g := NewWithT(t)
				catalog = answering(t, c.status, c.header, c.body, &seen) // a pause is over with the client
				err := call()
				if strings.HasPrefix(c.name, "a list") || strings.HasPrefix(c.name, "more") {
					if name != "snapshot" && name != "observe" {
						g.Expect(err).To(HaveOccurred(), name)
						continue
					}
				}
				var e *provider.Error
				g.Expect(errors.As(err, &e)).To(BeTrue(), "%s: %v", name, err)
				g.Expect(e.Class.String()).To(Equal(c.class.String()), name)
				g.Expect(err.Error()).To(ContainSubstring(c.text), name)
				g.Expect(err.Error()).NotTo(ContainSubstring("secret"), name)
				g.Expect(e.RetryAfter.Seconds()).To(BeEquivalentTo(map[int]int{429: 7}[c.status]))
			}
			g := NewWithT(t)
			for _, r := range seen {
				g.Expect(r.URL.Path).To(HavePrefix("/proxy/pro"), "the path of the base URL is kept")
				g.Expect(r.Header.Get("Paddle-Version")).To(Equal("1"))
				for k, v := range r.URL.Query() {
					g.Expect(v).To(HaveLen(1), "%s is repeated", k)
				}
			}
		})
	}
}

// What somebody else keeps in custom_data survives every change, whatever its type and to the last digit.
func TestForeignCustomDataIsKept(t *testing.T) {
	g := NewWithT(t)
	conn, account := inSandbox(t)
	owner := billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
	p, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro", Metadata: map[string]string{"team": "a", "old": "x"}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(account.EditProduct(p.ID, func(p *sandboxpaddle.Product) {
		maps.Copy(p.CustomData, foreign())
	})).To(Succeed())
	next := p.Spec
	next.Metadata = map[string]string{"team": "b"}
	other := owner
	other.Name = "renamed"
	p, err = conn.Catalog().UpdateProduct(t.Context(), p.ID, provider.ProductPatch{Current: p, Spec: &next, Owner: &other})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Spec.Metadata).To(Equal(map[string]string{"team": "b"}))
	g.Expect(p.Owner).To(Equal(other))
	data := account.Products()[0].CustomData
	for k, v := range foreign() {
		g.Expect(data).To(HaveKeyWithValue(k, Equal(v)))
	}
	g.Expect(data).NotTo(HaveKey("old"))

	price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
		Owner: owner, ProductID: p.ID, Name: "monthly", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 100, Currency: "USD"}, TaxBehavior: billing.TaxUnspecified,
		}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(account.EditPrice(price.ID, func(p *sandboxpaddle.Price) {
		maps.Copy(p.CustomData, foreign())
		p.CustomData["note"] = "his"
	})).To(Succeed())
	name := "yearly"
	price, err = conn.Catalog().UpdatePrice(t.Context(), price.ID, provider.PricePatch{Owner: &other, Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(price.Owner).To(Equal(other))
	g.Expect(price.Name).To(Equal("yearly"))
	data = account.Prices()[0].CustomData
	for k, v := range foreign() {
		g.Expect(data).To(HaveKeyWithValue(k, Equal(v)))
	}
	g.Expect(data).To(HaveKeyWithValue("note", "his"))
}

// foreign has 2^53+1, which no float64 is.
func foreign() map[string]any {
	large := json.Number("9007199254740993")
	return map[string]any{
		"count": large, "list": []any{"a", large}, "map": map[string]any{"n": large, "<": nil}, "rate": json.Number("1.10"),
		"list of none": []any{nil}, "yes": true,
	}
}

// The account is named after its oldest product, whatever else is made, and archived.
func TestAccountOfTheOldestProduct(t *testing.T) {
	g := NewWithT(t)
	conn, _ := inSandbox(t)
	none, err := conn.Account(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(none.Provisional).To(BeTrue())
	no, first := false, ""
	for _, name := range []string{"Basic", "Pro", "Team"} {
		p, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
			Owner: billing.Owner{Cluster: "c", UID: name}, Spec: billing.ProductSpec{Name: name},
		})
		g.Expect(err).NotTo(HaveOccurred())
		if first == "" {
			first = p.ID
			_, err = conn.Catalog().UpdateProduct(t.Context(), p.ID, provider.ProductPatch{Active: &no})
			g.Expect(err).NotTo(HaveOccurred())
		}
		g.Expect(conn.Account(t.Context())).To(Equal(billing.Account{
			ID: "acc_" + strings.TrimPrefix(first, "pro_"), Mode: billing.Test,
		}))
	}
}
