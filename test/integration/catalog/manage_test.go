package catalog

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

// byHand changes an object at Stripe as somebody does in the dashboard.
func byHand(s *stack.Stack, path string, form url.Values) {
	s.T.Helper()
	g := NewWithT(s.T)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.SandboxURL+path,
		strings.NewReader(form.Encode()))
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+s.APIKey())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = resp.Body.Close() }()
	g.Expect(resp.StatusCode).To(Equal(http.StatusOK), path+" "+form.Encode())
}

// rich is a Plan with a value in every managed field.
func rich(name string) *v1alpha1.Plan {
	p := stack.Plan(name)
	p.Spec.Description = "For growing teams"
	p.Spec.Features = []string{"One", "Two"}
	p.Spec.UnitLabel = "seat"
	p.Spec.ImageURLs = []string{"https://example.com/a.png"}
	p.Spec.Metadata = map[string]v1alpha1.MetadataValue{"team": "growth"}
	return p
}

// product and prices of a Plan at Stripe.
func there(s *stack.Stack, name string) (stripe.Product, map[string]stripe.Price) {
	s.T.Helper()
	list := products(s, name)
	NewWithT(s.T).Expect(list).To(HaveLen(1), name)
	prices := map[string]stripe.Price{}
	for _, p := range s.Sandbox.Stripe().Account(s.APIKey()).Prices() {
		if p.Product == list[0].ID && p.Active {
			prices[p.Metadata["kassa_price"]] = p
		}
	}
	return list[0], prices
}

// Every field that somebody changes elsewhere is found by the next snapshot. Enforce puts it right, Observe and Preview
// report it and write nothing.
func TestDriftOfEveryField(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	kinds := []v1alpha1.Management{v1alpha1.ManagementEnforce, v1alpha1.ManagementObserve, v1alpha1.ManagementPreview}
	for i, c := range []struct {
		field string
		of    string // the object to change: product or the name of a price
		form  url.Values
	}{
		{"displayName", "product", url.Values{"name": {"X"}}},
		{"description", "product", url.Values{"description": {"X"}}},
		{"description", "product", url.Values{"description": {""}}},
		{"features", "product", url.Values{"features[0][name]": {"X"}}},
		{"unitLabel", "product", url.Values{"unit_label": {"X"}}},
		{"imageURLs", "product", url.Values{"images[0]": {"https://example.com/x.png"}}},
		{"metadata[team]", "product", url.Values{"metadata[team]": {"X"}}},
		{"metadata[team]", "product", url.Values{"metadata[team]": {""}}},
		{"metadata[added]", "product", url.Values{"metadata[added]": {"X"}}},
		{"active", "product", url.Values{"active": {"false"}}},
		{"prices[yearly].active", "yearly", url.Values{"active": {"false"}}},
		{"prices[yearly].displayName", "yearly", url.Values{"nickname": {"X"}}},
		{"prices[yearly].lookupKey", "yearly", url.Values{"lookup_key": {""}}},
		{"prices[yearly].taxBehavior", "yearly", url.Values{"tax_behavior": {"inclusive"}}},
	} {
		t.Run(fmt.Sprintf("%s %s", c.field, c.form.Encode()), func(t *testing.T) {
			g := NewWithT(t)
			plans := map[v1alpha1.Management]*v1alpha1.Plan{}
			writes := map[string]bool{} // paths of what must not be written to
			for _, kind := range kinds {
				name := fmt.Sprintf("%s-%d", strings.ToLower(string(kind)), i)
				p := rich(name)
				s.Create(p)
				eventually(s, planSays(s, name)).Should(Equal(planReady))
				if kind != v1alpha1.ManagementEnforce {
					change(s, p, func(p *v1alpha1.Plan) { p.Spec.Management = kind })
					g.Eventually(func() int64 { return plan(s, name).Status.ObservedGeneration }, stack.Patience, often).
						Should(Equal(p.Generation))
				}
				plans[kind] = p
			}
			s.Quiet()
			for _, kind := range kinds {
				product, prices := there(s, plans[kind].Name)
				path := "/v1/products/" + product.ID
				if c.of != "product" {
					path = "/v1/prices/" + prices[c.of].ID
				}
				byHand(s, path, c.form)
				if kind != v1alpha1.ManagementEnforce {
					for _, p := range prices {
						writes["/v1/prices/"+p.ID] = true
					}
					writes["/v1/products/"+product.ID] = true
				}
			}
			before := len(s.Sandbox.Requests())
			touch(s, account(s))

			eventually(s, planSays(s, plans[v1alpha1.ManagementObserve].Name)).
				Should(Equal("Failed False " + v1alpha1.ReasonDrifted))
			eventually(s, planSays(s, plans[v1alpha1.ManagementPreview].Name)).
				Should(Equal("Failed False " + v1alpha1.ReasonPendingChanges))
			for _, kind := range kinds[1:] {
				at := plan(s, plans[kind].Name).Status.Providers[0]
				g.Expect(at.Drift).To(HaveLen(1), "%+v", at.Drift)
				g.Expect(at.Drift[0].Field).To(Equal(c.field))
				g.Expect(at.Drift[0].Since).NotTo(BeNil())
				g.Expect(at.Pending).To(HaveLen(map[v1alpha1.Management]int{
					v1alpha1.ManagementObserve: 0, v1alpha1.ManagementPreview: steps(c.field),
				}[kind]), "%+v", at.Pending)
			}
			g.Eventually(func() []string { return differing(s, plans[v1alpha1.ManagementEnforce].Name) }, stack.Patience, often).
				Should(BeEmpty())
			s.Quiet()
			for _, r := range s.Sandbox.Requests()[before:] {
				g.Expect(r.Method == http.MethodPost && writes[r.Path]).To(BeFalse(), "%s %s", r.Method, r.Path)
			}
			g.Expect(posts(s, before)).To(Equal(steps(c.field)), "only the enforced Plan is written")
			for _, kind := range kinds {
				change(s, plans[kind], func(p *v1alpha1.Plan) { p.Spec.DeletionPolicy = v1alpha1.DeletionOrphan })
				remove(s, plans[kind])
			}
		})
	}
}

// steps is how many operations put a field right: a changed term needs a new price, and the old one archived.
func steps(field string) int {
	if strings.HasSuffix(field, "taxBehavior") {
		return 2
	}
	return 1
}

func posts(s *stack.Stack, from int) (n int) {
	for _, r := range s.Sandbox.Requests()[from:] {
		if r.Method == http.MethodPost {
			n++
		}
	}
	return n
}

// differing are the fields in which Stripe differs from a rich Plan, looked at from outside.
func differing(s *stack.Stack, name string) (fields []string) {
	note := func(field string, ok bool) {
		if !ok {
			fields = append(fields, field)
		}
	}
	product, prices := there(s, name)
	note("name", product.Name == "Plan "+name)
	note("description", product.Description != nil && *product.Description == "For growing teams")
	note("features", len(product.Features) == 2 && product.Features[0].Name == "One")
	note("unit label", product.UnitLabel != nil && *product.UnitLabel == "seat")
	note("images", len(product.Images) == 1 && product.Images[0] == "https://example.com/a.png")
	note("team", product.Metadata["team"] == "growth")
	note("added", product.Metadata["added"] == "")
	note("active", product.Active)
	for _, price := range []string{"monthly", "yearly"} {
		p, ok := prices[price]
		note(price, ok && p.Nickname != nil && *p.Nickname == price && p.LookupKey != nil && p.TaxBehavior == "unspecified")
	}
	return fields
}

// A Plan that is only previewed writes nothing at all, and then does exactly what it said.
func TestPreviewThenEnforce(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	p := rich("pro")
	p.Spec.Management = v1alpha1.ManagementPreview
	s.Create(p)
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonPendingChanges))
	g.Expect(s.Quiet().Writes).To(BeZero())
	var said []string
	for _, op := range plan(s, "pro").Status.Providers[0].Pending {
		g.Expect(op.Detail).NotTo(BeEmpty())
		said = append(said, op.Operation)
	}
	g.Expect(said).To(Equal([]string{"CreateProduct", "CreatePrice", "SetDefault", "CreatePrice"}))
	change(s, p, func(p *v1alpha1.Plan) { p.Spec.Management = v1alpha1.ManagementEnforce })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	g.Expect(s.Quiet().Writes).To(BeEquivalentTo(len(said)))
	at := plan(s, "pro").Status.Providers[0]
	g.Expect(at.Pending).To(BeEmpty())
	g.Expect(at.Drift).To(BeEmpty())
	g.Expect(differing(s, "pro")).To(BeEmpty())

	// Deleted while it is only observed, it is left on sale.
	change(s, p, func(p *v1alpha1.Plan) { p.Spec.Management = v1alpha1.ManagementObserve })
	writes := s.Sandbox.Counts().Writes
	remove(s, p)
	g.Eventually(gone(s, p), stack.Patience, often).Should(BeTrue())
	g.Expect(s.Sandbox.Counts().Writes).To(Equal(writes))
	expectOneOfEach(s, "pro")
}

// In Live mode a change that would replace more prices than the guardrails admit is refused as a whole.
func TestReplacementBudget(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	pp := s.Provider()
	one := int32(1)
	pp.Spec.Guardrails.MaxReplacementsPerHour = &one
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), pp)
	p, q := stack.Plan("pro"), stack.Plan("team")
	s.Create(p, q)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	eventually(s, planSays(s, "team")).Should(Equal(planReady))
	exhausted := "Failed False " + v1alpha1.ReasonBudgetExhausted

	writes := s.Quiet().Writes
	change(s, p, func(p *v1alpha1.Plan) {
		p.Spec.Prices[0].Amount, p.Spec.Prices[1].Amount = "39.00", "390.00"
	})
	eventually(s, planSays(s, "pro")).Should(Equal(exhausted))
	g.Expect(stack.Message(plan(s, "pro"))).To(ContainSubstring("2 prices would be replaced"))
	g.Expect(s.Quiet().Writes).To(Equal(writes), "not even a part of it")
	g.Expect(plan(s, "pro").Status.Providers[0].Pending).NotTo(BeEmpty())
	g.Expect(plan(s, "pro").Status.Providers[0].Prices).To(And(HaveLen(2),
		HaveEach(HaveField("State", v1alpha1.PriceOutdated))), "no price on sale has the wanted terms")

	change(s, p, func(p *v1alpha1.Plan) { p.Spec.Prices[1].Amount = "290.00" })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	change(s, q, func(p *v1alpha1.Plan) { p.Spec.Prices[0].Amount = "39.00" })
	eventually(s, planSays(s, "team")).Should(Equal(exhausted))
	g.Expect(stack.Message(plan(s, "team"))).To(ContainSubstring("1 were within the last hour"))

	two := int32(2)
	change(s, pp, func(pp *v1alpha1.PaymentProvider) { pp.Spec.Guardrails.MaxReplacementsPerHour = &two })
	eventually(s, planSays(s, "team")).Should(Equal(planReady))
}
