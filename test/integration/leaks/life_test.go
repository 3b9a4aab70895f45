package leaks

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/signin/signintest"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/localnode"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	often      = 50 * time.Millisecond
	lemonStore = 77
)

// life is everything that Kassa does, with values planted everywhere that must not be told.
type life struct {
	*stack.Stack
	*vault
	g         *WithT
	evidence  evidence
	pods      map[string]localnode.Pod
	parrot    *parrot
	app       *app
	db        *database
	collector *collector

	operator        *child.Process
	operatorMetrics string
	stripeKeys      [2]string
	shopToken       string
	userToken       string
	manualSecret    string

	hooks, books *stack.Receiver
	shop, member *stack.Shop
	plan         *v1alpha1.Plan
}

func begin(t *testing.T) *life {
	t.Helper()
	keys, v, p := map[string]stripe.Key{}, newVault(t), &parrot{}
	l := &life{
		vault: v, g: NewWithT(t), evidence: evidence{}, pods: map[string]localnode.Pod{}, parrot: p, app: newApp(t),
		operatorMetrics: controlplane.FreeAddress(t), collector: newCollector(t),
	}
	for i := range l.stripeKeys {
		l.stripeKeys[i] = v.secret("Stripe's key "+strconv.Itoa(i), "sk_"+"test_")
		keys[l.stripeKeys[i]] = stripe.Key{Account: "acct_leaks"}
	}
	soon := []string{"OTEL_BSP_SCHEDULE_DELAY=100"}
	l.Stack = stack.New(t, stack.Options{
		Node: true, Front: p.front, ServerArgs: []string{"--verbose"}, OperatorEnv: soon, ServerEnv: soon,
		Sandbox: sandbox.Options{Keys: keys, WebhookRetries: delivery.Schedule{}},
	})
	l.db = newDatabase(l)
	l.startOperator()
	return l
}

func (l *life) startOperator() {
	l.T.Helper()
	l.operator = l.Operator("--verbose", "--metrics-bind-address="+l.operatorMetrics, "--otlp-endpoint="+l.collector.URL)
}

// open declares everything, and waits until it is ready.
func (l *life) open() {
	l.T.Helper()
	stripePP := l.Provider()
	paddlePP := stack.Peers[1].Provider("paddle", l.SandboxURL)
	paddlePP.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
	lemonPP := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: "lemonsqueezy"}}
	lemonPP.Spec = v1alpha1.PaymentProviderSpec{
		Mode: v1alpha1.ModeTest, BaseURL: l.SandboxURL + "/lemonsqueezy",
		LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
			APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemonsqueezy", Key: "key"}, StoreID: strconv.Itoa(lemonStore),
		},
	}
	l.shopToken, l.manualSecret = l.vault.secret("shop token", ""), l.vault.secret("manual signing secret", "whsec_")
	l.Create(
		stack.Secret("stripe-api", "api-key", l.stripeKeys[0]), stripePP,
		stack.Secret("paddle", "key", l.vault.paddleKey()), paddlePP,
		stack.Secret("browser", "token", l.vault.secret("client token", "test_")[:32]),
		stack.Secret("lemonsqueezy", "key", l.vault.secret("LemonSqueezy's key", "eyJ0")), lemonPP,
		stack.Secret("signing", "secret", l.manualSecret), stack.Secret("shop-token", "token", l.shopToken),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "app"}, StringData: map[string]string{
			"token": l.vault.secret("sink token", ""), "signing": l.vault.secret("sink signing secret", "whsec_"),
		}},
		stack.Secret("database", "dsn", l.db.dsn),
	)
	l.plan = stack.Plan("pro")
	l.plan.Spec.Providers = []v1alpha1.PlanProvider{{Name: "stripe"}, {Name: "paddle"}}
	l.Create(l.plan, l.adopted())
	l.receivers()
	l.shops()
	l.hooks.AwaitReady(1)
	l.books.AwaitReady(1)
	l.shop.AwaitReplicas(1)
	l.member.AwaitReplicas(1)
}

// adopted is a Plan of a product at LemonSqueezy, where everything is made by hand.
func (l *life) adopted() *v1alpha1.Plan {
	l.T.Helper()
	amount, unit, once, store := int64(2900), "month", int64(1), l.Sandbox.LemonSqueezy()
	store.AddStore(lemonsqueezy.Store{ID: lemonStore, Name: "Shop"})
	product, variants, err := store.AddProduct(lemonsqueezy.Draft{
		StoreID: lemonStore, Name: "Plan basic", Variants: []lemonsqueezy.DraftVariant{{
			Name: "monthly", Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once},
		}},
	})
	l.g.Expect(err).NotTo(HaveOccurred())
	plan := stack.Plan("basic")
	plan.Spec.Prices = plan.Spec.Prices[:1]
	plan.Spec.Providers = []v1alpha1.PlanProvider{{Name: "lemonsqueezy", Adopt: &v1alpha1.Adopt{
		ProductID: strconv.FormatInt(product, 10),
		Prices:    []v1alpha1.AdoptPrice{{Name: "monthly", ID: strconv.FormatInt(variants[0], 10)}},
	}}}
	return plan
}

// toApp has a receiver of one replica send to the app with its token and signature.
func toApp(w *v1alpha1.WebhookReceiver) {
	one := int32(1)
	w.Spec.Workload = &v1alpha1.Workload{Replicas: &one}
	w.Spec.Delivery.Sinks[0].HTTP.TokenSecretRef = &v1alpha1.SecretKeyReference{Name: "app", Key: "token"}
	w.Spec.Delivery.Sinks[0].HTTP.SigningSecretRef = &v1alpha1.SecretKeyReference{Name: "app", Key: "signing"}
}

// receivers makes one whose events are objects, and one with TLS, a secret by hand and a database.
func (l *life) receivers() {
	l.T.Helper()
	l.hooks = l.CreateReceiver("hooks", l.app.sink(), toApp, func(w *v1alpha1.WebhookReceiver) {
		w.Spec.Dunning = &v1alpha1.Dunning{AfterFailedPayments: 1, Action: v1alpha1.DunningCancel}
		w.Spec.Recovery = &v1alpha1.Recovery{Interval: &metav1.Duration{Duration: time.Minute}}
	})
	host := "books-receiver." + l.Namespace + ".svc"
	a := authority.New(l.T)
	l.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "certificate"}, Type: corev1.SecretTypeTLS,
		Data: l.vault.certificate(a.Issue(host, 101)),
	})
	l.books = l.CreateReceiver("books", l.app.sink(), toApp, func(w *v1alpha1.WebhookReceiver) {
		w.Spec.URL, w.Spec.TLS = "https://"+host+"/stripe", &v1alpha1.ServerTLS{SecretName: "certificate"}
		w.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: "signing"},
		}}
		w.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
		}}
	})
	l.books.Through = a.Trusting(l.books.Through, host)
}

// shops makes one that the application's server asks, and one that browsers ask with tokens of an issuer.
func (l *life) shops() {
	l.T.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	l.g.Expect(err).NotTo(HaveOccurred())
	issuer := signintest.NewIssuer(l.T, signintest.Public("one", key))
	claims := issuer.Claims(time.Now(), signintest.Claims{"sub": user, "email": email})
	l.userToken = l.vault.token("user's token", signintest.Sign(l.T, jose.RS256, key, "one", claims, nil))
	l.shop, l.member = l.Shop("shop"), l.Shop("members")
	shop, members := l.endpoint(l.shop, "pro", "basic"), l.endpoint(l.member, "pro")
	shop.Spec.Providers = []v1alpha1.WeightedProvider{{Name: "stripe"}, {Name: "lemonsqueezy"}}
	members.Spec.Providers = []v1alpha1.WeightedProvider{{Name: "paddle"}}
	members.Spec.Auth = v1alpha1.CheckoutAuth{JWT: &v1alpha1.JWTAuth{Issuer: issuer.URL, Audiences: []string{"kassa"}}}
	l.Create(shop, members)
}

func (l *life) endpoint(shop *stack.Shop, plans ...string) *v1alpha1.CheckoutEndpoint {
	one := int32(1)
	e := &v1alpha1.CheckoutEndpoint{ObjectMeta: metav1.ObjectMeta{Name: shop.Name}}
	e.Spec = v1alpha1.CheckoutEndpointSpec{
		URL: shop.URL(), AllowInsecureHTTP: true, SuccessURL: "http://app.example.com/done",
		Subscriptions: &v1alpha1.SubscriptionOptions{}, Workload: &v1alpha1.Workload{Replicas: &one},
		Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
			SecretRef: v1alpha1.SigningSecretReference{Name: "shop-token"},
		}},
	}
	for _, name := range plans {
		e.Spec.Plans = append(e.Spec.Plans, v1alpha1.CheckoutPlan{Name: name})
	}
	return e
}

// ask makes a request to a shop as the buyer.
func (l *life) ask(shop *stack.Shop, method, path, body string) (status int, answer string) {
	l.T.Helper()
	req, err := http.NewRequestWithContext(l.T.Context(), method, shop.URL()+path, strings.NewReader(body))
	l.g.Expect(err).NotTo(HaveOccurred())
	token := l.shopToken
	if shop == l.member {
		token = l.userToken
	} else {
		req.Header.Set("Kassa-User-Id", user)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := shop.Through.Do(req)
	return l.answer("answers of "+shop.Name, res, err)
}

// purchase asks for a checkout with everything that a buyer may send.
func purchase(plan string) string {
	body, _ := json.Marshal(map[string]any{
		"plan": plan, "price": "monthly", "email": email, "metadata": map[string]string{"note": note},
	})
	return string(body)
}

// sell has the buyer buy, with a card that fails later, and look at the subscriptions.
func (l *life) sell() {
	l.T.Helper()
	var opened struct{ URL string }
	l.g.Eventually(func() int {
		status, body := l.ask(l.shop, http.MethodPost, "/v1/checkouts", purchase("pro"))
		_ = json.Unmarshal([]byte(body), &opened)
		return status
	}, stack.Patience, often).Should(Equal(http.StatusCreated))
	form := url.Values{
		"number": {failingCard}, "exp": {"12/40"}, "cvc": {"123"}, "email": {email}, "action": {""}, "name": {fullName},
	}
	l.post(opened.URL, form.Encode())
	l.g.Eventually(l.app.got, stack.Patience, often).Should(ContainSubstring(user))
	for _, shop := range []*stack.Shop{l.shop, l.member} {
		l.ask(shop, http.MethodGet, "/v1/subscriptions", "")
	}
}

// post sends a form to the sandbox.
func (l *life) post(at, body string) {
	l.T.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(body))
	l.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	l.g.Expect(err).NotTo(HaveOccurred())
	l.g.Expect(res.Body.Close()).To(Succeed())
	l.g.Expect(res.StatusCode).To(BeNumerically("<", http.StatusBadRequest))
}
