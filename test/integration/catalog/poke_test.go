package catalog

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// newPoked is a stack with a receiver that is ready, whose account would be read again after an hour.
func newPoked(t *testing.T) *stack.Stack {
	t.Helper()
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	pp := s.Provider()
	pp.Spec.DriftCheckInterval = &metav1.Duration{Duration: time.Hour}
	pp.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesAll}
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), pp)
	receive(s)
	return s
}

// receive makes a receiver of which no application wants anything, least of all the catalogue's events.
func receive(s *stack.Stack, edit ...func(*v1alpha1.WebhookReceiver)) {
	s.T.Helper()
	edit = append(edit, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery, r.Spec.Events = nil, []string{"payment.*"}
	})
	s.CreateReceiver("hooks", stack.NewSink(s.T), edit...).AwaitReady(2)
}

func priceID(p *v1alpha1.Plan, name string) string {
	for _, price := range p.Status.Providers[0].Prices {
		if price.Name == name {
			return price.ID
		}
	}
	return ""
}

// onSale says whether a price is active and has the nickname that Kassa gives it.
func onSale(s *stack.Stack, id string) func() bool {
	return func() bool {
		for _, p := range s.Sandbox.Stripe().Account(s.APIKey()).Prices() {
			if p.ID == id {
				return p.Active && p.Nickname != nil && *p.Nickname == p.Metadata["kassa_price"]
			}
		}
		return false
	}
}

// What somebody edits at the provider is found as soon as the receiver is told of it, though the next snapshot is an
// hour away: put right, or shown where Kassa may only look. It costs the plan's own calls and no others.
func TestForeignEditIsFoundAtOnce(t *testing.T) {
	s := newPoked(t)
	g := NewWithT(t)
	abroad := stack.Plan("abroad")
	abroad.Namespace = s.Plane.Namespace(t)
	abroad.Spec.Providers[0].Namespace = s.Namespace
	g.Expect(s.Client.Create(t.Context(), abroad)).To(Succeed())
	// Another PaymentProvider of the same account.
	twin := s.Provider()
	twin.Name = "twin"
	other := stack.Plan("other")
	other.Spec.Providers[0].Name = "twin"
	s.Create(twin, stack.Plan("pro"), stack.Plan("watched"), stack.Plan("previewed"), stack.Plan("bystander"), other)
	for _, name := range []string{"pro", "watched", "previewed", "bystander", "other"} {
		eventually(s, planSays(s, name)).Should(Equal(planReady))
	}
	eventually(s, func() string { return s.State(abroad) }).Should(Equal(planReady))
	for name, kind := range map[string]v1alpha1.Management{
		"watched": v1alpha1.ManagementObserve, "previewed": v1alpha1.ManagementPreview,
	} {
		change(s, plan(s, name), func(p *v1alpha1.Plan) { p.Spec.Management = kind })
		g.Eventually(func() bool {
			p := plan(s, name)
			return p.Status.ObservedGeneration == p.Generation
		}, stack.Patience, often).Should(BeTrue())
	}
	quiet(s)

	for _, c := range []struct {
		reason string
		path   string
		form   url.Values
		right  func() bool
	}{
		{"a price's text", "/v1/prices/" + priceID(plan(s, "pro"), "monthly"), url.Values{"nickname": {"X"}},
			onSale(s, priceID(plan(s, "pro"), "monthly"))},
		{"a price taken off sale", "/v1/prices/" + priceID(plan(s, "pro"), "yearly"), url.Values{"active": {"false"}},
			onSale(s, priceID(plan(s, "pro"), "yearly"))},
		{"the product's name", "/v1/products/" + plan(s, "pro").Status.Providers[0].ProductID, url.Values{"name": {"X"}},
			func() bool { return products(s, "pro")[0].Name == "Plan pro" }},
		{"a Plan of another namespace", "/v1/prices/" + priceID(abroad, "monthly"), url.Values{"nickname": {"X"}},
			onSale(s, priceID(abroad, "monthly"))},
		{"a Plan at another PaymentProvider of the account", "/v1/prices/" + priceID(plan(s, "other"), "monthly"),
			url.Values{"nickname": {"X"}}, onSale(s, priceID(plan(s, "other"), "monthly"))},
	} {
		t.Run(c.reason, func(t *testing.T) {
			began := time.Now()
			byHand(s, c.path, c.form)
			NewWithT(t).Expect(c.right()).To(BeFalse(), "it was put right before anybody could look: nothing is tested")
			NewWithT(t).Eventually(c.right, stack.Patience, often).Should(BeTrue())
			t.Logf("put right after %s", time.Since(began).Round(10*time.Millisecond))
		})
	}
	for name, reason := range map[string]string{
		"watched": v1alpha1.ReasonDrifted, "previewed": v1alpha1.ReasonPendingChanges,
	} {
		t.Run(name, func(t *testing.T) {
			g, began := NewWithT(t), time.Now()
			price := priceID(plan(s, name), "monthly")
			byHand(s, "/v1/prices/"+price, url.Values{"nickname": {"X"}})
			g.Eventually(planSays(s, name), stack.Patience, often).Should(Equal("Failed False " + reason))
			t.Logf("shown after %s", time.Since(began).Round(10*time.Millisecond))
			g.Expect(plan(s, name).Status.Providers[0].Drift).To(ConsistOf(HaveField("Got", "X")))
			byHand(s, "/v1/prices/"+price, url.Values{"nickname": {"monthly"}})
			g.Eventually(planSays(s, name), stack.Patience, often).Should(Equal(planReady))
		})
	}

	t.Run("an edit of what is not Kassa's costs nothing", func(t *testing.T) {
		quiet(s)
		version := func(name string) string { return plan(s, name).ResourceVersion }
		calls, versions := len(s.Sandbox.Requests()), []string{version("pro"), version("watched"), version("bystander")}
		byHand(s, "/v1/products", url.Values{"name": {"Somebody's"}, "id": {"somebodys"}})
		g := NewWithT(t)
		g.Eventually(func() []v1alpha1.CatalogChange { return changes(s) }, stack.Patience, often).
			Should(ContainElement(HaveField("ProductID", "somebodys")))
		quiet(s)
		g.Expect(s.Sandbox.Requests()[calls:]).To(HaveLen(1), "that of the edit itself")
		g.Expect([]string{version("pro"), version("watched"), version("bystander")}).To(Equal(versions))
	})
}

// The same at Paddle, through a PaymentProvider of another namespace.
func TestForeignEditAtPaddleIsFoundAtOnce(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	g := NewWithT(t)
	peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
	a := paddleAccount{s, peer.Key(s.Namespace)}
	abroad := s.Plane.Namespace(t)
	pp, secret := peer.Provider("paddle", s.SandboxURL), stack.Secret("paddle", "key", a.key)
	pp.Namespace, secret.Namespace = abroad, abroad
	pp.Spec.DriftCheckInterval = &metav1.Duration{Duration: time.Hour}
	pp.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesAll}
	g.Expect(s.Client.Create(t.Context(), secret)).To(Succeed())
	g.Expect(s.Client.Create(t.Context(), pp)).To(Succeed())
	pro := stack.Plan("pro")
	pro.Spec.Providers = []v1alpha1.PlanProvider{{Name: "paddle", Namespace: abroad}}
	s.Create(pro)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	receive(s, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef = v1alpha1.ProviderReference{Name: "paddle", Namespace: abroad}
	})
	quiet(s)

	began := time.Now()
	product, prices := a.there("pro")
	a.byHand("/paddle/prices/"+prices["monthly"][0].ID, object{"unit_price": money("100", "USD")})
	g.Eventually(func() []string { return peer.Shelf(s.Sandbox, a.key, s.Namespace+"/pro").Amounts["monthly"] },
		stack.Patience, often).Should(Equal([]string{"2900"}))
	t.Logf("the price was put right after %s", time.Since(began).Round(10*time.Millisecond))
	a.byHand("/paddle/products/"+product.ID, object{"name": "X"})
	g.Eventually(func() string { p, _ := a.there("pro"); return p.Name }, stack.Patience, often).Should(Equal("Plan pro"))
}

// changes are what the receiver tells of the catalogue.
func changes(s *stack.Stack) []v1alpha1.CatalogChange {
	return s.Receiver("hooks").Object().Status.CatalogChanges
}

// quiet waits until nobody calls the provider any more, not even because of what was called last.
func quiet(s *stack.Stack) {
	s.T.Helper()
	last, since := s.Sandbox.Counts(), time.Now()
	NewWithT(s.T).Eventually(func() bool {
		if now := s.Sandbox.Counts(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 6*time.Second
	}, stack.Patience, often).Should(BeTrue())
}

// Whenever somebody edits a plan that Kassa is writing, or has just written, it is found: news that are likely of what
// Kassa did itself are never dropped.
func TestForeignEditBesideKassasOwnWritesIsFound(t *testing.T) {
	s := newPoked(t)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	const plans = 12
	for i := range plans {
		s.Create(stack.Plan(fmt.Sprintf("plan-%d", i)))
	}
	for round := range 3 {
		for i := range plans {
			name := fmt.Sprintf("plan-%d", i)
			eventually(s, planSays(s, name)).Should(Equal(planReady))
			if round > 0 {
				change(s, plan(s, name), func(p *v1alpha1.Plan) { p.Spec.Description = fmt.Sprint("round ", round) })
			}
			<-time.After(time.Duration(random.Int64N(int64(150 * time.Millisecond))))
			byHand(s, "/v1/prices/"+priceID(plan(s, name), "yearly"), url.Values{"nickname": {"X"}})
		}
		for i := range plans {
			p := plan(s, fmt.Sprintf("plan-%d", i))
			NewWithT(t).Eventually(onSale(s, priceID(p, "yearly")), stack.Patience, often).Should(BeTrue(), p.Name)
		}
	}
}

// What Kassa writes comes back as events. That costs a look at what was written, of many plans together, and no write.
func TestOwnWritesComeBackCheaply(t *testing.T) {
	const plans = 150
	made := func(s *stack.Stack) float64 {
		before := s.Sandbox.Counts()
		for i := range plans {
			s.Create(stack.Plan(fmt.Sprintf("plan-%03d", i)))
		}
		for i := range plans {
			eventually(s, planSays(s, fmt.Sprintf("plan-%03d", i))).Should(Equal(planReady))
		}
		quiet(s)
		after := s.Sandbox.Counts()
		NewWithT(s.T).Expect(after.Writes-before.Writes).To(BeEquivalentTo(4*plans), "written once, and not again")
		return float64(callsBetween(before, after)) / plans
	}
	var alone, received float64
	t.Run("without a receiver", func(t *testing.T) {
		s := stack.New(t, stack.Options{})
		s.Operator()
		s.CreateProvider()
		eventually(s, accountSays(s)).Should(Equal(accountReady))
		alone = made(s)
	})
	t.Run("with one", func(t *testing.T) {
		s := newPoked(t)
		received = made(s)
		g, writes := NewWithT(t), s.Writes()
		calls := s.Sandbox.Counts()
		quiet(s)
		g.Expect(s.Sandbox.Counts()).To(Equal(calls))
		g.Expect(s.Writes()).To(Equal(writes))
		g.Expect(changes(s)).To(HaveLen(64))

		// More edits at once than the receiver's status has room for.
		for i := range plans {
			byHand(s, "/v1/prices/"+priceID(plan(s, fmt.Sprintf("plan-%03d", i)), "yearly"), url.Values{"nickname": {"X"}})
		}
		for i := range plans {
			p := plan(s, fmt.Sprintf("plan-%03d", i))
			NewWithT(t).Eventually(onSale(s, priceID(p, "yearly")), stack.Patience, often).Should(BeTrue(), p.Name)
		}
	})
	t.Logf("%.2f calls for a Plan, with a receiver %.2f", alone, received)
	if alone == 0 || received == 0 {
		t.Skip("one of the two alone compares nothing")
	}
	NewWithT(t).Expect(received).To(BeNumerically("<", 2*alone))
}
