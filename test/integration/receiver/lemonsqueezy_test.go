package receiver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	adapter "github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// cloudEvent is what an app reads of an event.
type cloudEvent struct {
	ID, Type, KassaProvider, KassaMode string
	Data                               struct {
		Subscription struct{ ID, Plan, Price string }
		Payment      struct{ ID, Amount, Currency, Status string }
	}
}

// app remembers the events that it took, by type.
type app struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string][]cloudEvent
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{taken: map[string][]cloudEvent{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e cloudEvent
		if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &e) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.taken[e.Type] = append(a.taken[e.Type], e)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *app) got(name billing.EventType) []cloudEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]cloudEvent{}, a.taken["dev.kassa."+string(name)]...)
}

// What a buyer of a store's variant does reaches the app under the names of the Plan that adopted it, each event once.
func TestLemonSqueezy(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	shop := s.Sandbox.LemonSqueezy()
	store := shop.AddStore(lemonsqueezy.Store{Name: "Shop", Currency: "USD"})
	unit, once, amount := "month", int64(1), int64(2900)
	product, variants, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: store, Name: "Plan pro", Variants: []lemonsqueezy.DraftVariant{{Name: "Monthly",
			Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	s.Create(stack.Secret("lemon", "api-key", "eyJ0"+"ZXN0a2V5MTIz"), &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "lemon"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL + "/lemonsqueezy",
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemon", Key: "api-key"},
				StoreID:         strconv.FormatInt(store, 10),
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000},
		},
	})
	plan := stack.Plan("pro")
	plan.Spec.Prices = plan.Spec.Prices[:1]
	plan.Spec.Providers = []v1alpha1.PlanProvider{{Name: "lemon", Adopt: &v1alpha1.Adopt{
		ProductID: strconv.FormatInt(product, 10),
		Prices:    []v1alpha1.AdoptPrice{{Name: "monthly", ID: strconv.FormatInt(variants[0], 10)}},
	}}}
	inbox := newApp(t)
	s.Create(plan)
	s.AwaitState(plan, "Current True "+v1alpha1.ReasonInSync)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name = "lemon"
		r.Spec.Delivery.Sinks[0].HTTP.URI = inbox.URL
	})
	hooks.AwaitReady(workload.DefaultReplicas)

	// There is one webhook, with a secret of Kassa's own.
	names, _ := adapter.Codec{}.NativeEvents(nil)
	g.Expect(shop.Webhooks()).To(HaveLen(1))
	webhook := shop.Webhooks()[0]
	g.Expect(webhook.URL).To(Equal(hooks.URL()))
	g.Expect(webhook.Events).To(ConsistOf(names))
	g.Expect(webhook.TestMode).To(BeTrue())
	g.Expect(webhook.Secret).To(Equal(hooks.SigningSecret()))
	g.Expect(hooks.EndpointID()).To(Equal(strconv.FormatInt(webhook.ID, 10)))

	for native, want := range map[string]billing.EventType{
		"order_created": billing.CheckoutCompleted, "subscription_created": billing.SubscriptionCreated,
		"subscription_payment_success": billing.PaymentSucceeded,
	} {
		_, sent, err := shop.Emit(lemonsqueezy.Notice{Type: native})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(sent).To(HaveLen(1))
		g.Eventually(func() []cloudEvent { return inbox.got(want) }, stack.Patience, often).Should(HaveLen(1), native)
		e := inbox.got(want)[0]
		g.Expect(e.ID).To(Equal("lemonsqueezy:" + strconv.FormatInt(store, 10) + ":" + sent[0].WebhookID))
		g.Expect(e.KassaProvider + " " + e.KassaMode).To(Equal("lemonsqueezy test"))
		if want != billing.PaymentSucceeded { // an invoice tells no variant
			g.Expect(e.Data.Subscription.Plan+"/"+e.Data.Subscription.Price).To(Equal("pro/monthly"), native)
		}
		if want != billing.SubscriptionCreated {
			g.Expect(e.Data.Payment.Amount+" "+e.Data.Payment.Currency+" "+e.Data.Payment.Status).
				To(Equal("29.00 USD Succeeded"), native)
		}
	}

	// LemonSqueezy signs no time: a recorded request goes nowhere because of what is remembered.
	body := `{"meta":{"test_mode":true,"event_name":"subscription_expired"},"data":{"type":"subscriptions","id":"1",` +
		`"attributes":{"status":"expired","updated_at":"2026-03-01T10:00:00.000000Z"}}}`
	post := func(signedWith string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hooks.URL(), strings.NewReader(body))
		g.Expect(err).NotTo(HaveOccurred())
		req.Header.Set(adapter.SignatureHeader, lemonsqueezy.Sign(signedWith, []byte(body)))
		answer, err := hooks.Do(req)
		g.Expect(err).NotTo(HaveOccurred())
		return answer.Status
	}
	for range 5 {
		g.Expect(post(webhook.Secret)).To(Equal(http.StatusOK))
	}
	g.Expect(post("another-0123456789")).To(Equal(http.StatusBadRequest))
	g.Expect(inbox.got(billing.SubscriptionCanceled)).To(HaveLen(1))
	g.Expect(inbox.got(billing.SubscriptionCanceled)[0].ID).To(ContainSubstring(":sha256-"))

	// A new secret is told to the same webhook, and what was signed with the old one is still taken.
	hooks.Rotate("1")
	g.Eventually(func() string { return shop.Webhooks()[0].Secret }, stack.Patience, often).
		ShouldNot(Equal(webhook.Secret))
	g.Expect(shop.Webhooks()).To(HaveLen(1))
	g.Expect(shop.Webhooks()[0].ID).To(Equal(webhook.ID))
	_, _, err = shop.Emit(lemonsqueezy.Notice{Type: "subscription_paused"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() []cloudEvent { return inbox.got(billing.SubscriptionPaused) }, stack.Patience, often).
		Should(HaveLen(1))
	g.Expect(post(webhook.Secret)).To(Equal(http.StatusOK))

	g.Expect(s.Client.Delete(t.Context(), hooks.Object())).To(Succeed())
	g.Eventually(shop.Webhooks, stack.Patience, often).Should(BeEmpty())
}
