package stripe

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestIdentifiers(t *testing.T) {
	g := NewWithT(t)
	c := &catalog{}
	// Changing either would orphan every object that Kassa has created.
	g.Expect(c.ProductID(testOwner)).To(Equal("kassa_61d3d711e376549c0bb80067b5ea4f81"))
	g.Expect(c.LookupKey(testOwner, "monthly")).To(Equal("kassa:u1:monthly"))
	g.Expect(c.ProductID(hisOwner)).NotTo(Equal(c.ProductID(testOwner)))
}

func TestSnapshot(t *testing.T) {
	g := NewWithT(t)
	pages := map[string]string{
		"/v1/products  ":       listJSON(true, productJSON("p1", testOwner), productJSON("p2", hisOwner)),
		"/v1/products  p2":     listJSON(false, `{"id":"p3","object":"product","name":"his own","metadata":{"a":"b"}}`),
		"/v1/prices true ":     listJSON(true, priceJSON("r1")),
		"/v1/prices true r1":   listJSON(false, priceJSON("r2")),
		"/v1/prices false ":    listJSON(true, strings.Replace(priceJSON("r2"), "true", "false", 1), priceJSON("r3")),
		"/v1/prices false r3":  listJSON(false),
		"/v1/prices false  ":   "",
		"/v1/products  p3":     "",
		"/v1/prices true r2":   "",
		"/v1/prices false r99": "",
	}
	conn, f := connect(t, func(s sent) reply {
		return ok(pages[s.path+" "+s.form.Get("active")+" "+s.form.Get("starting_after")])
	})
	got, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Calls).To(Equal(6))
	g.Expect(f.requests()).To(HaveLen(6))
	var ids []string
	for _, p := range got.Products {
		ids = append(ids, p.ID+" "+p.Owner.UID)
	}
	for _, p := range got.Prices {
		ids = append(ids, fmt.Sprint(p.ID, p.Active))
	}
	g.Expect(ids).To(Equal([]string{"p1 u1", "p2 u2", "p3 ", "r1true", "r2false", "r3true"}))
	for _, s := range f.requests() {
		g.Expect(s.form.Get("limit")).To(Equal("100"))
	}
}

func TestListsThatMakeNoSense(t *testing.T) {
	for reason, body := range map[string]string{
		"more, but nothing to go on from": listJSON(true),
		"an element of another kind":      listJSON(false, `{"id":"c","object":"customer"}`),
		"a hole":                          listJSON(false, "null"),
		"not a list":                      productJSON("p1", testOwner),
		"the same page for ever":          listJSON(true, productJSON("p1", testOwner)),
	} {
		conn, f := connect(t, func(sent) reply { return ok(body) })
		_, err := conn.Catalog().Snapshot(t.Context())
		g := NewWithT(t)
		g.Expect(err).To(HaveOccurred(), reason)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), reason)
		g.Expect(len(f.requests())).To(BeNumerically("<=", 2), reason)
	}
}

func TestObserve(t *testing.T) {
	g := NewWithT(t)
	own := (&catalog{}).ProductID(testOwner)
	there := map[string]string{}
	conn, _ := connect(t, func(s sent) reply {
		switch {
		case s.path == "/v1/prices" && s.form.Get("active") == "true":
			return ok(listJSON(false, priceJSON("r-of-"+s.form.Get("product"))))
		case s.path == "/v1/prices":
			return ok(listJSON(false))
		case there[s.path] != "":
			return ok(there[s.path])
		}
		return failure(404, "invalid_request_error", "resource_missing")
	})
	see := func(id string) string {
		o, err := conn.Catalog().Observe(t.Context(), testOwner, provider.Known{ProductID: id})
		g.Expect(err).NotTo(HaveOccurred())
		if o.Product == nil {
			g.Expect(o.Prices).To(BeEmpty())
			return ""
		}
		return o.Product.ID + " " + o.Prices[0].ID
	}
	g.Expect(see("")).To(BeEmpty())
	g.Expect(see("prod_1")).To(BeEmpty())
	there["/v1/products/"+own] = productJSON(own, testOwner)
	g.Expect(see("")).To(Equal(own + " r-of-" + own))
	g.Expect(see("prod_1")).To(Equal(own+" r-of-"+own), "a known product that is gone")
	there["/v1/products/prod_1"] = productJSON("prod_1", testOwner)
	g.Expect(see("prod_1")).To(Equal("prod_1 r-of-prod_1"))
	there["/v1/products/prod_1"] = `{"id":"prod_1","object":"product","deleted":true}`
	g.Expect(see("prod_1")).To(Equal(own + " r-of-" + own))
}

// TestObserveOfAPriceInNoList: a price that is made active after the active ones were listed, and before the archived
// ones are, is in neither list. Without it Kassa would make another.
func TestObserveOfAPriceInNoList(t *testing.T) {
	g := NewWithT(t)
	byID, list := map[string]reply{}, listJSON(false)
	conn, f := connect(t, func(s sent) reply {
		switch {
		case s.path == "/v1/products/prod_1":
			return ok(productJSON("prod_1", testOwner))
		case s.path == "/v1/prices" && s.form.Get("active") == "true":
			return ok(listJSON(false))
		case s.path == "/v1/prices":
			return ok(list)
		}
		return byID[strings.TrimPrefix(s.path, "/v1/prices/")]
	})
	observe := func() ([]string, error) {
		o, err := conn.Catalog().Observe(t.Context(), testOwner, provider.Known{
			ProductID: "prod_1", PriceIDs: []string{"r1", "gone", "his"},
		})
		var ids []string
		for _, p := range o.Prices {
			ids = append(ids, p.ID)
		}
		return ids, err
	}
	byID["r1"], byID["gone"] = ok(priceJSON("r1")), failure(404, "invalid_request_error", "resource_missing")
	byID["his"] = ok(strings.Replace(priceJSON("his"), "prod_1", "prod_2", 1))
	g.Expect(observe()).To(Equal([]string{"r1"}))

	byID["gone"] = failure(500, "api_error", "")
	_, err := observe()
	g.Expect(err).To(HaveOccurred(), "nobody knows whether it is there")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))

	before := len(f.requests())
	list = listJSON(false, priceJSON("r1"), priceJSON("gone"), priceJSON("his"))
	g.Expect(observe()).To(Equal([]string{"r1", "gone", "his"}))
	g.Expect(f.requests()).To(HaveLen(before+3), "what is listed is not read again")
}

func TestProductPatch(t *testing.T) {
	current := billing.Product{Spec: billing.ProductSpec{Metadata: map[string]string{"old": "1", "kept": "2"}}}
	cases := []struct {
		reason string
		patch  provider.ProductPatch
		want   map[string]string
	}{
		{"everything is cleared", provider.ProductPatch{Current: current, Spec: &billing.ProductSpec{Name: "Pro"}},
			map[string]string{"name": "Pro", "description": "", "unit_label": "", "tax_code": "", "features": "", "images": "",
				"metadata[old]": "", "metadata[kept]": ""}},
		{"everything is set; a user's key never forges a mark", provider.ProductPatch{
			Current: current, Spec: &billing.ProductSpec{
				Name: "Pro", Description: "d", UnitLabel: "seat", Features: []string{"a", "b"},
				TaxCode: "txcd_10103001", ImageURLs: []string{"https://x/1"},
				Metadata: map[string]string{"kept": "3", "kassa_uid": "forged"},
			}}, map[string]string{
			"name": "Pro", "description": "d", "tax_code": "txcd_10103001", "unit_label": "seat",
			"features[0][name]": "a", "features[1][name]": "b",
			"images[0]": "https://x/1", "metadata[old]": "", "metadata[kept]": "3"}},
		{"only the marks", provider.ProductPatch{Current: current, Owner: &testOwner}, map[string]string{
			"metadata[kassa_cluster]": "c1", "metadata[kassa_uid]": "u1", "metadata[kassa_plan]": "shop/pro"}},
		{"only archived", provider.ProductPatch{Current: current, Active: ptr(false)},
			map[string]string{"active": "false"}},
		{"only the default", provider.ProductPatch{DefaultPriceID: ptr("price_1")},
			map[string]string{"default_price": "price_1"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			conn, f := connect(t, func(sent) reply { return ok(productJSON("prod_1", testOwner)) })
			if _, err := conn.Catalog().UpdateProduct(t.Context(), "prod_1", c.patch); err != nil {
				t.Fatal(err)
			}
			compareForm(t, f.requests()[0], c.want)
		})
	}
}

func compareForm(t *testing.T, s sent, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for k, v := range s.form {
		got[k] = strings.Join(v, "|")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCreateProductForm(t *testing.T) {
	conn, f := connect(t, func(sent) reply { return ok(productJSON("prod_1", testOwner)) })
	_, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: testOwner, IdempotencyKey: "key", Spec: billing.ProductSpec{
			Name: "Pro", TaxCode: "txcd_10302000", Metadata: map[string]string{"team": "red"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	compareForm(t, f.requests()[0], map[string]string{
		"id": (&catalog{}).ProductID(testOwner), "name": "Pro", "tax_code": "txcd_10302000", "metadata[team]": "red",
		"metadata[kassa_cluster]": "c1", "metadata[kassa_uid]": "u1", "metadata[kassa_plan]": "shop/pro",
	})
	NewWithT(t).Expect(f.requests()[0].key).To(Equal("key"))
}

func TestEndpointForms(t *testing.T) {
	g := NewWithT(t)
	conn, f := connect(t, func(s sent) reply {
		if s.method == http.MethodDelete {
			return failure(404, "invalid_request_error", "resource_missing")
		}
		return ok(`{"id":"we_1","object":"webhook_endpoint","url":"https://x/h","status":"enabled","secret":"whsec_1",
			"enabled_events":["price.updated","invoice.paid"],"livemode":true,
			"metadata":{"kassa_cluster":"c1","kassa_uid":"u1","kassa_receiver":"shop/hooks"}}`)
	})
	owner := billing.Owner{Cluster: "c1", Namespace: "shop", Name: "hooks", UID: "u1"}
	spec := provider.EndpointSpec{Owner: owner, URL: "https://x/h", Events: []string{"invoice.paid", "price.updated"}}
	e := conn.Endpoints()
	got, err := e.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(provider.Endpoint{
		ID: "we_1", URL: "https://x/h", Owner: owner, Events: spec.Events, Active: true, Mode: billing.Live,
		Secret: "whsec_1",
	}))
	_, err = e.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = e.Update(t.Context(), "we_1", spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Delete(t.Context(), "we_1")).To(Succeed(), "gone already")

	want := map[string]string{
		"url": "https://x/h", "enabled_events[0]": "invoice.paid", "enabled_events[1]": "price.updated",
		"metadata[kassa_cluster]": "c1", "metadata[kassa_uid]": "u1", "metadata[kassa_receiver]": "shop/hooks",
	}
	seen := f.requests()
	want["disabled"] = "false"
	compareForm(t, seen[2], want)
	delete(want, "disabled")
	want["api_version"], want["description"] = stripe.APIVersion, "Kassa WebhookReceiver shop/hooks"
	compareForm(t, seen[0], want)
	g.Expect(seen[0].key).NotTo(Equal(seen[1].key), "a remembered answer may be of an endpoint that is gone")

	for reason, events := range map[string][]string{
		"at least one": nil, `no event "invoice.overdue"`: {"invoice.overdue"},
	} {
		spec.Events = events
		_, err = e.Create(t.Context(), spec)
		g.Expect(err).To(MatchError(ContainSubstring(reason)))
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
	}
	g.Expect(f.requests()).To(HaveLen(4))
}
