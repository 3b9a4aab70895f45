package checkout

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// While amounts change, whoever buys is sold the old price or the new one. Between the old price's end at the provider
// and the servers' hearing of the new one there is no moment.
func TestSaleGoesOnWhilePricesAreReplaced(t *testing.T) {
	for _, m := range markets[:2] {
		for _, prices := range []int{1, 6} {
			t.Run(fmt.Sprintf("%s, %d prices", m.name, prices), func(t *testing.T) { replace(t, m, prices) })
		}
	}
}

func replace(t *testing.T, m market, prices int) {
	t.Helper()
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	plan := stack.Plan("pro")
	monthly := plan.Spec.Prices[0]
	plan.Spec.Providers, plan.Spec.Prices = []v1alpha1.PlanProvider{m.open(t, s)}, nil
	slow(s, m.name)
	for i := range prices {
		p := monthly
		p.Name = fmt.Sprintf("monthly-%d", i)
		p.Amount = v1alpha1.Amount(fmt.Sprintf("%d.00", 20+i))
		plan.Spec.Prices = append(plan.Spec.Prices, p)
	}
	s.Create(plan)
	e := endpoint("pro")
	e.Spec.URL = "http://shop-checkout." + s.Namespace + ".svc"
	e.Spec.RateLimit = &v1alpha1.ClientRateLimit{RequestsPerMinute: 10_000, Burst: 1000}
	s.Create(stack.Secret("shop-token", "token", shopToken), e)
	s.AwaitState(e, "Current True "+v1alpha1.ReasonSucceeded)
	proxy, err := url.Parse(s.Node.ProxyURL())
	g.Expect(err).NotTo(HaveOccurred())
	shop := &shop{g: g, url: e.Spec.URL, client: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}, Timeout: 30 * time.Second,
	}}

	s.Change(plan, func() {
		for i := range plan.Spec.Prices {
			plan.Spec.Prices[i].Amount = v1alpha1.Amount(fmt.Sprintf("%d.00", 40+i))
		}
	})
	changed := time.Now()
	inSync := func() bool {
		s.State(plan)
		return plan.Status.ObservedGeneration == plan.Generation
	}
	asked, slowest := 0, time.Duration(0)
	for last := false; !last; asked++ {
		last = inSync() // one more after that
		g.Expect(time.Since(changed)).To(BeNumerically("<", stack.Patience))
		name, began := fmt.Sprintf("monthly-%d", asked%prices), time.Now()
		status, answer := shop.ask("POST", "/v1/checkouts", "user-1", `{"plan":"pro","price":"`+name+`"}`)
		g.Expect(status).To(Equal(http.StatusCreated), "%s after %s: %v", name, time.Since(changed), answer)
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("%d checkouts in %s while prices were replaced, the slowest took %s", asked, time.Since(changed), slowest)
	for i := range prices {
		g.Eventually(func() string { return price(s, "pro", fmt.Sprintf("monthly-%d", i)) }, stack.Patience, often).
			Should(HavePrefix(fmt.Sprintf("%d at", 4000+i*100)))
	}
	g.Expect(strings.Count(s.OperatorLog(), "catalogue changed")).To(Equal(2), "made once, and changed once")
}

// slow has Kassa ask a provider less often than it could in Test mode, so that a plan's changes take some seconds.
func slow(s *stack.Stack, name string) {
	s.T.Helper()
	pp := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: name}}
	s.Change(pp, func() { pp.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 10, Burst: 10} })
}
