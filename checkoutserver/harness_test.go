package checkoutserver

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) {
	crlog.SetLogger(logr.Discard())
	controlplane.Main(m, controlplane.Options{NoFsync: true})
}

const (
	testNamespace = "shop"
	testToken     = "token-of-the-app"
)

// shop is a server with a Stripe and a Paddle account, of which both are made up.
type shop struct {
	t              testing.TB
	g              *WithT
	server         *Server
	stripe, paddle *account
	log            *strings.Builder
}

// newShop configures a server without an API server; edit changes what it is configured with.
func newShop(t testing.TB, edit ...func(*v1alpha1.CheckoutEndpoint, *storefront.Document)) *shop {
	t.Helper()
	log := &strings.Builder{}
	s := &shop{
		t: t, g: NewWithT(t), log: log,
		stripe: &account{kind: billing.Stripe, subs: map[string]billing.Subscription{}},
		paddle: &account{kind: billing.Paddle, subs: map[string]billing.Subscription{},
			traits: provider.CheckoutTraits{BuyerPage: true, NeedsEmail: true}},
	}
	s.server = New(Options{
		Namespace: testNamespace, Name: "shop", Registry: s.registry(), Clients: plainClients{},
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	e, doc := testEndpoint(), testDocument(testNamespace)
	for _, change := range edit {
		change(e, doc)
	}
	c := s.server.config
	c.endpoint, c.doc, c.docOwner = e, doc, e.UID
	for name := range secretsOf(e, doc) {
		account := strings.TrimSuffix(name.Name, "-key")
		c.secrets[name] = &followedSecret{known: true, stop: func() {}, data: map[string][]byte{
			"apiKey": []byte("key-" + account + "\n"), "clientToken": []byte("test_1"), "token": []byte(testToken),
		}}
	}
	s.resolve()
	return s
}

func (s *shop) registry() provider.Registry {
	return provider.NewRegistry(
		&fakeAdapter{kind: billing.Stripe, accounts: map[string]*account{"stripe": s.stripe}},
		&fakeAdapter{kind: billing.Paddle, accounts: map[string]*account{"paddle": s.paddle}},
	)
}

// settings are what counts now.
func (s *shop) settings() *settings {
	now, _ := s.server.config.current()
	return now
}

func (s *shop) resolve() {
	s.t.Helper()
	c := s.server.config
	c.mu.Lock()
	c.resolve(s.t.Context())
	c.mu.Unlock()
	_, why := c.current()
	s.g.Expect(why).To(BeEmpty())
}

func testEndpoint() *v1alpha1.CheckoutEndpoint {
	return &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "shop", UID: types.UID("uid-of-the-endpoint")},
		Spec: v1alpha1.CheckoutEndpointSpec{
			Plans: []v1alpha1.CheckoutPlan{{Name: "pro"}},
			URL:   "https://pay.example.com",
			Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
				SecretRef: v1alpha1.SigningSecretReference{Name: "app", Key: "token"}}},
			AllowedOrigins: []string{"https://app.example.com"},
			SuccessURL:     "https://app.example.com/done?session={SESSION_ID}",
			CancelURL:      "https://app.example.com/pricing",
			Subscriptions:  &v1alpha1.SubscriptionOptions{Cancel: v1alpha1.CancelNow},
			CustomerPortal: &v1alpha1.CustomerPortal{ReturnURL: "https://app.example.com/account"},
			RateLimit:      &v1alpha1.ClientRateLimit{RequestsPerMinute: 100_000, Burst: 100_000},
		},
	}
}

func testDocument(namespace string) *storefront.Document {
	at := func(price string) []storefront.At {
		return []storefront.At{
			{Provider: namespace + "/stripe", ProductID: "prod_1", PriceID: "price_" + price},
			{Provider: namespace + "/paddle", ProductID: "pro_1", PriceID: "pri_" + price},
		}
	}
	return &storefront.Document{
		Cluster: "cluster-1",
		Providers: []storefront.Provider{
			{Namespace: namespace, Name: "stripe", Type: billing.Stripe, Mode: billing.Test, AccountID: "acct_1", Weight: 90,
				Ready: true, APIKey: storefront.SecretKey{Name: "stripe-key", Key: "apiKey"}},
			{Namespace: namespace, Name: "paddle", Type: billing.Paddle, Mode: billing.Test, AccountID: "p_1", Weight: 10,
				Ready: true, APIKey: storefront.SecretKey{Name: "paddle-key", Key: "apiKey"},
				ClientToken: &storefront.SecretKey{Name: "paddle-key", Key: "clientToken"}},
		},
		Plans: []storefront.Plan{{
			Name: "pro", DisplayName: "Pro", UID: "uid-pro", Features: []string{"All of it"}, DefaultPrice: "monthly",
			Prices: []storefront.Price{
				{Name: "monthly", Currency: "USD", Recurring: &storefront.Recurring{Interval: billing.Month, Count: 1},
					Amounts: []storefront.Amount{{Currency: "USD", Minor: 2900}, {Currency: "EUR", Minor: 2700}},
					Trial:   &storefront.Trial{Days: 14, OnMissing: billing.MissingCancel}, At: at("monthly")},
				{Name: "yearly", Currency: "USD", Recurring: &storefront.Recurring{Interval: billing.Year, Count: 1},
					Amounts: []storefront.Amount{{Currency: "USD", Minor: 29000}}, At: at("yearly")},
				{Name: "usage", Currency: "USD", Recurring: &storefront.Recurring{Interval: billing.Month, Count: 1},
					Metered: true, At: at("usage")[:1]},
				{Name: "lifetime", Currency: "USD", Amounts: []storefront.Amount{{Currency: "USD", Minor: 99000}},
					At: at("lifetime")},
			},
		}},
	}
}

// only sells at Stripe alone.
func onlyStripe(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
	doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 0
}

// reply is an answer that agrees with the OpenAPI document.
type reply struct {
	status int
	header http.Header
	body   string
}

// problem is the name of the problem that the answer is.
func (r reply) problem() string {
	var p struct{ Type string }
	_ = json.Unmarshal([]byte(r.body), &p)
	return strings.TrimPrefix(p.Type, problemBase)
}

// into reads the body.
func (r reply) into(v any) {
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		panic(fmt.Sprintf("%v: %s", err, r.body))
	}
}

// as sends a request of the app's for a user; a user may be an id and an email with a comma between.
func (s *shop) as(who, method, path, body string, header ...string) reply {
	s.t.Helper()
	id, email, _ := strings.Cut(who, ",")
	header = append([]string{"Authorization", "Bearer " + testToken}, header...)
	if id != "" {
		header = append(header, "Kassa-User-Id", id)
	}
	if email != "" {
		header = append(header, "Kassa-User-Email", email)
	}
	return s.send(method, path, body, header...)
}

func (s *shop) send(method, path, body string, header ...string) reply {
	s.t.Helper()
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	out := reply{w.Code, w.Result().Header, w.Body.String()}
	conforms(s.t, method, strings.TrimPrefix(path, "/pay"), out)
	return out
}

// buy opens a checkout for a user.
func (s *shop) buy(who string, header ...string) reply {
	s.t.Helper()
	return s.as(who, http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"monthly"}`, header...)
}

// subscribed is a subscription of a user of this shop.
func subscribed(id, who string) billing.Subscription {
	return billing.Subscription{
		ID: id, CustomerID: "cus_" + who, UserID: who, Status: billing.StatusActive, PriceID: "price_monthly", Quantity: 1,
		Currency: "USD", CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Owner: billing.Owner{Cluster: "cluster-1", Namespace: testNamespace, Name: "pro", UID: "uid-pro"},
		Plan:  "pro", Price: "monthly",
	}
}
