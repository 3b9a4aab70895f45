package account

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// A resync of an account costs the pages of its catalogue, however many Plans there are, and no write anywhere.
func aResyncOfAnIdleAccount(t *testing.T) {
	s := deploy(t, stack.Options{}, "pro")
	pages := []string{"GET /v1/prices", "GET /v1/prices", "GET /v1/products"}
	g := NewWithT(t)
	var asked *v1alpha1.PaymentProvider
	cost := func() []string {
		t.Helper()
		a := watch(s)
		asked = resync(s)
		g.Eventually(func() int { return len(a.all()) }, stack.Patience, often).Should(BeNumerically(">=", len(pages)))
		s.Quiet()
		return a.paths()
	}
	g.Expect(cost()).To(Equal(pages))

	const plans = 20
	names := []string{"pro"}
	for i := range plans - 1 {
		names = append(names, fmt.Sprintf("more-%d", i))
		s.Create(stack.Plan(names[i+1]))
	}
	for _, name := range names {
		s.AwaitState(plan(name), planReady)
	}
	g.Expect(cost()).To(Equal(pages)) // and shows the new figures in the account's status
	versions := func() map[string]string {
		v := map[string]string{}
		for _, name := range names {
			p := plan(name)
			g.Expect(s.State(p)).To(Equal(planReady))
			v[name] = p.ResourceVersion
		}
		return v
	}
	before := versions()
	g.Expect(cost()).To(Equal(pages))
	g.Expect(versions()).To(Equal(before))
	pp := account()
	g.Expect(s.State(pp)).To(Equal(accountReady))
	g.Expect(pp.ResourceVersion).To(Equal(asked.ResourceVersion))
	g.Expect(pp.Status.Catalog).To(And(
		HaveField("Products", BeEquivalentTo(plans)), HaveField("Prices", BeEquivalentTo(2*plans)),
		HaveField("SnapshotCalls", BeEquivalentTo(len(pages)))))
}

// edit changes something at the provider behind Kassa's back.
func edit(s *stack.Stack, path, form string) {
	s.T.Helper()
	req, err := http.NewRequest(http.MethodPost, s.SandboxURL+path, strings.NewReader(form))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.APIKey())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.T.Fatal(path, res.Status)
	}
}

// What was changed at the provider is put right with the objects that are there: when the user asks for a resync, and
// when nobody does after the interval.
func drift(t *testing.T) {
	s := deploy(t, stack.Options{}, "pro")
	pro := plan("pro")
	s.AwaitState(pro, planReady)
	was := pro.Status.Providers[0]
	g := NewWithT(t)
	for _, ask := range []bool{true, false} {
		if !ask {
			pp := account()
			s.Change(pp, func() { pp.Spec.DriftCheckInterval = &metav1.Duration{Duration: 10 * time.Second} })
			s.AwaitState(pp, accountReady)
			s.Quiet()
		}
		edit(s, "/v1/products/"+was.ProductID, "name=Cheap&description=Cheap")
		edit(s, "/v1/prices/"+was.Prices[1].ID, "active=false&nickname=Cheap")
		if ask {
			resync(s)
		}
		g.Eventually(func() catalogue { return sold(s, s.APIKey(), "pro") }, stack.Patience, often).
			Should(Equal(wanted("pro")))
		s.Quiet()
		g.Expect(sold(s, s.APIKey(), "pro")).To(Equal(wanted("pro")))
		for _, p := range s.Sandbox.Stripe().Account(s.APIKey()).Products() {
			g.Expect(p.Description).To(BeNil())
		}
		s.AwaitState(pro, planReady)
		g.Expect(pro.Status.Providers[0].Prices).To(Equal(was.Prices))
		g.Expect(pro.Status.Providers[0].RetiredPrices).To(BeEmpty())
	}
}
