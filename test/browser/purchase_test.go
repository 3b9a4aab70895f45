package browser_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 20 * time.Millisecond

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

// markets make the PaymentProvider of their name.
var markets = map[string]func(s *stack.Stack){
	"stripe": func(s *stack.Stack) { s.CreateProvider() },
	"paddle": func(s *stack.Stack) {
		peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
		p := peer.Provider("paddle", s.SandboxURL)
		p.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
		s.Create(stack.Secret("paddle", "key", peer.Key(s.Namespace)),
			stack.Secret("browser", "token", "test_"+strings.Repeat("7d2", 9)), p)
	},
}

// deploy sells the plan pro to everybody, and returns the pricing page's address.
func deploy(s *stack.Stack, a *app, market string) string {
	s.T.Helper()
	s.Operator()
	markets[market](s)
	plan := stack.Plan("pro")
	plan.Spec.Providers = []v1alpha1.PlanProvider{{Name: market}}
	s.Create(plan)
	hooks := s.CreateReceiver("hooks", stack.NewSink(s.T), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name = market
		r.Spec.Delivery.Sinks[0].HTTP.URI = a.url
	})
	e := &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: v1alpha1.CheckoutEndpointSpec{
			URL: "http://shop-checkout." + s.Namespace + ".svc", AllowInsecureHTTP: true,
			SuccessURL: a.url + "/done", AllowedOrigins: []string{a.url},
			Auth:        v1alpha1.CheckoutAuth{Anonymous: &v1alpha1.AnonymousAuth{}},
			Plans:       []v1alpha1.CheckoutPlan{{Name: "pro"}},
			PricingPage: &v1alpha1.PricingPage{Title: "Prices of the shop", Description: "One plan, two ways to pay for it."},
		},
	}
	s.Create(e)
	hooks.AwaitReady(2)
	s.AwaitState(e, "Current True "+v1alpha1.ReasonSucceeded)
	return e.Spec.URL + "/"
}

// pay pays on the sandbox's page with a card.
func (b *tab) pay(status int64, card string) {
	b.g.THelper()
	var fields []step
	for _, f := range [][2]string{
		{"#email", "jane@example.com"}, {"#number", card}, {"#exp", "12/34"}, {"#cvc", "123"},
	} {
		field := chromedp.CSS(f[0])
		fields = append(fields, chromedp.Clear(field), chromedp.SendKeys(field, f[1]))
	}
	b.do(fields...)
	b.follow(status, chromedp.Click(chromedp.CSS(`section[aria-label="Payment"] button`)))
}

// A visitor chooses a price and pays for it. A declined card is said on the page and leads nowhere; one that is good
// leads back to the application, which hears of the sale. The browser has nothing to complain about.
func TestPurchase(t *testing.T) {
	path := chromium(t)
	for market := range markets {
		t.Run(market, func(t *testing.T) { purchase(t, path, market) })
	}
}

func purchase(t *testing.T, path, market string) {
	t.Helper()
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	a := newApp(t)
	pricing := deploy(s, a, market)
	b := open(t, path, s.Node.ProxyURL())

	b.visit(pricing)
	g.Expect(b.text("h1")).To(Equal("Prices of the shop"))
	b.picture("pricing")
	b.follow(http.StatusOK, chromedp.Click(chromedp.Search(`//nav//a[normalize-space()="Monthly"]`)))
	g.Expect(b.text(".amount")).To(Equal("$29"))
	b.do(chromedp.Click(chromedp.CSS("article form button")))
	b.do(chromedp.WaitVisible(chromedp.CSS("#number"))) // Paddle's is a page further, which ends the first
	g.Expect(b.address()).To(HavePrefix(s.SandboxURL + "/"))
	g.Expect(b.text("main")).To(ContainSubstring("29.00 USD"))
	b.picture("checkout")
	g.Expect(b.takeTrouble()).To(BeEmpty())

	b.pay(http.StatusPaymentRequired, "4000 0000 0000 0002")
	g.Expect(b.text("#problem")).To(Equal("Your card was declined."))
	g.Expect(a.landed()).To(BeZero())
	b.picture("declined")
	g.Expect(b.takeTrouble()).To(HaveEach(HavePrefix("network: ")), "the status of the answer alone")

	b.pay(http.StatusOK, "4242 4242 4242 4242")
	g.Expect(b.text("#thanks")).To(Equal("Thank you"))
	g.Expect(b.address()).To(HavePrefix(a.url + "/done"))
	g.Eventually(a.count("checkout.completed"), stack.Patience, often).Should(Equal(1))
	g.Eventually(a.count("subscription.created"), stack.Patience, often).Should(Equal(1))
	g.Expect(a.landed()).To(Equal(1))
	g.Expect(b.takeTrouble()).To(BeEmpty())
}
