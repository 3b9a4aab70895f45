package checkout

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/stack"
)

// app is an application that remembers the events that it was given.
type app struct {
	url string

	mu     sync.Mutex
	events []event
}

type event struct {
	Type string
	Data struct {
		Customer     struct{ UserID string }
		Subscription *struct{ ID, Status, Plan, Price string }
	}
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e event
		if json.NewDecoder(r.Body).Decode(&e) == nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.events = append(a.events, e)
		}
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *app) of(kind string) func() []event {
	return func() (out []event) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, e := range a.events {
			if e.Type == "dev.kassa."+kind {
				out = append(out, e)
			}
		}
		return out
	}
}

// shop is the deployed server as the application's own server calls it.
type shop struct {
	g      Gomega
	client *http.Client
	url    string
}

// ask makes a request for a user and returns status and answer.
func (s *shop) ask(method, path, user, body string) (int, map[string]any) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	s.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+shopToken)
	req.Header.Set("Content-Type", "application/json")
	if user != "" {
		req.Header.Set("Kassa-User-Id", user)
		req.Header.Set("Kassa-User-Email", user+"@example.com")
	}
	res, err := s.client.Do(req)
	s.g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	s.g.Expect(err).NotTo(HaveOccurred())
	out := map[string]any{}
	s.g.Expect(json.Unmarshal(raw, &out)).To(Succeed(), "%d %s", res.StatusCode, raw)
	return res.StatusCode, out
}

const shopToken = "token-of-the-shop"

// market is a provider that the shop sells at.
type market struct {
	name string
	// open makes the PaymentProvider, and says how the Plan is sold there.
	open func(t *testing.T, s *stack.Stack) v1alpha1.PlanProvider
	// page is where the sandbox takes the card for a checkout.
	page func(g Gomega, s *stack.Stack, client *http.Client, checkout *url.URL) string
}

func peer(name string) stack.Peer {
	return stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == name })]
}

func itself(_ Gomega, _ *stack.Stack, _ *http.Client, checkout *url.URL) string {
	return checkout.String()
}

var markets = []market{
	{name: "stripe", page: itself, open: func(_ *testing.T, s *stack.Stack) v1alpha1.PlanProvider {
		s.CreateProvider()
		return v1alpha1.PlanProvider{Name: "stripe"}
	}},
	{name: "paddle", open: func(_ *testing.T, s *stack.Stack) v1alpha1.PlanProvider {
		p := peer("paddle").Provider("paddle", s.SandboxURL)
		p.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
		s.Create(stack.Secret("paddle", "key", peer("paddle").Key(s.Namespace)),
			stack.Secret("browser", "token", "test_"+strings.Repeat("7d2", 9)), p)
		return v1alpha1.PlanProvider{Name: "paddle"}
	}, page: func(g Gomega, s *stack.Stack, client *http.Client, checkout *url.URL) string {
		g.Expect(checkout.Path).To(Equal("/paddle"), "a page of the shop's opens Paddle's script")
		res, err := client.Get(checkout.String())
		g.Expect(err).NotTo(HaveOccurred())
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).To(ContainSubstring(s.SandboxURL + "/paddle/paddle.js"))
		return s.SandboxURL + "/paddle-checkout/" + checkout.Query().Get("_ptxn")
	}},
	{name: "lemonsqueezy", page: itself, open: func(t *testing.T, s *stack.Stack) v1alpha1.PlanProvider {
		t.Helper()
		amount, unit, once, store := int64(2900), "month", int64(1), s.Sandbox.LemonSqueezy()
		store.AddStore(lemonsqueezy.Store{ID: lemonStore, Name: "Shop"})
		product, variants, err := store.AddProduct(lemonsqueezy.Draft{
			StoreID: lemonStore, Name: "Plan pro", Variants: []lemonsqueezy.DraftVariant{{
				Name:  "monthly",
				Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once},
			}},
		})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		s.Create(stack.Secret("lemonsqueezy", "key", "eyJ0"+s.Namespace), &v1alpha1.PaymentProvider{
			ObjectMeta: metav1.ObjectMeta{Name: "lemonsqueezy"},
			Spec: v1alpha1.PaymentProviderSpec{
				Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL + "/lemonsqueezy",
				LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
					APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemonsqueezy", Key: "key"},
					StoreID:         strconv.Itoa(lemonStore),
				},
			},
		})
		return v1alpha1.PlanProvider{Name: "lemonsqueezy", Adopt: &v1alpha1.Adopt{
			ProductID: strconv.FormatInt(product, 10),
			Prices:    []v1alpha1.AdoptPrice{{Name: "monthly", ID: strconv.FormatInt(variants[0], 10)}},
		}}
	}},
}

const lemonStore = 77

// A user buys a subscription at the deployed server, the event of it comes to the application with the user's id, and
// the user, and nobody else, ends the subscription.
func TestSale(t *testing.T) {
	for _, m := range markets {
		t.Run(m.name, func(t *testing.T) { sell(t, m) })
	}
}

func sell(t *testing.T, m market) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	plan := stack.Plan("pro")
	plan.Spec.Prices = plan.Spec.Prices[:1]
	plan.Spec.Providers = []v1alpha1.PlanProvider{m.open(t, s)}
	s.Create(plan)
	app := newApp(t)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name = m.name
		r.Spec.Delivery.Sinks[0].HTTP.URI = app.url
	})
	e := endpoint("pro")
	e.Spec.URL = "http://shop-checkout." + s.Namespace + ".svc"
	e.Spec.Subscriptions = &v1alpha1.SubscriptionOptions{}
	e.Spec.PricingPage = &v1alpha1.PricingPage{Title: "Prices of the shop"}
	s.Create(stack.Secret("shop-token", "token", shopToken), e)
	hooks.AwaitReady(2)
	s.AwaitState(e, "Current True "+v1alpha1.ReasonSucceeded)
	shop := &shop{g: g, client: hooks.Through, url: e.Spec.URL}

	status, refused := shop.ask("POST", "/v1/checkouts", "user-1", `{"plan":"pro","price":"monthly","amount":"0.01"}`)
	g.Expect(status).To(Equal(http.StatusBadRequest), "%v", refused)
	status, opened := shop.ask("POST", "/v1/checkouts", "user-1",
		`{"plan":"pro","price":"monthly","email":"user-1@example.com"}`)
	g.Expect(status).To(Equal(http.StatusCreated), "%v", opened)
	at, err := url.Parse(opened["url"].(string))
	g.Expect(err).NotTo(HaveOccurred())
	pay(g, m.page(g, s, shop.client, at))

	g.Eventually(app.of("checkout.completed"), stack.Patience, often).ShouldNot(BeEmpty())
	g.Eventually(app.of("subscription.created"), stack.Patience, often).ShouldNot(BeEmpty())
	for _, kind := range []string{"checkout.completed", "subscription.created"} {
		g.Expect(app.of(kind)()[0].Data.Customer.UserID).To(Equal("user-1"), kind)
	}
	made := app.of("subscription.created")()[0].Data.Subscription
	g.Expect(made).To(And(HaveField("Plan", "pro"), HaveField("Price", "monthly")))

	subscriptions := func(user string) []any {
		status, list := shop.ask("GET", "/v1/subscriptions", user, "")
		g.Expect(status).To(Equal(http.StatusOK), "%v", list)
		return list["subscriptions"].([]any)
	}
	g.Eventually(subscriptions, stack.Patience, often).WithArguments("user-1").Should(HaveLen(1))
	g.Expect(subscriptions("user-2")).To(BeEmpty())
	id := url.PathEscape(m.name + "." + made.ID)
	status, answer := shop.ask("POST", "/v1/subscriptions/"+id+"/cancel", "user-2", "{}")
	g.Expect(status).To(Equal(http.StatusNotFound), "%v", answer)
	status, answer = shop.ask("POST", "/v1/subscriptions/"+id+"/cancel", "user-1", "{}")
	g.Expect(status).To(Equal(http.StatusOK), "%v", answer)
	g.Eventually(app.of("subscription.cancel_scheduled"), stack.Patience, often).ShouldNot(BeEmpty())

	page, err := shop.client.Get(shop.url + "/")
	g.Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(page.Body)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(page.Body.Close()).To(Succeed())
	g.Expect(string(text)).To(ContainSubstring("Prices of the shop"))
}

// pay at the sandbox's page with the test card that succeeds.
func pay(g Gomega, page string) { payAs(g, page, "user-1@example.com") }

func payAs(g Gomega, page, email string) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(page, url.Values{
		"number": {"4242424242424242"}, "exp": {"12/34"}, "cvc": {"123"}, "email": {email},
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(res.StatusCode).To(BeElementOf(http.StatusOK, http.StatusSeeOther), "%s", text)
}
