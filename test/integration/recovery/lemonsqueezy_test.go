package recovery

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	adapter "github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// At LemonSqueezy nothing is looked for until somebody asks. Then the application is told what was bought meanwhile,
// and not twice when it is asked for twice.
func TestAskedAtLemonSqueezy(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, forgetful)
	s.Operator()
	shop := s.Sandbox.LemonSqueezy()
	store := shop.AddStore(lemonsqueezy.Store{Name: "Shop", Currency: "USD"})
	unit, once, amount := "month", int64(1), int64(2900)
	_, variants, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: store, Name: "Plan pro", Variants: []lemonsqueezy.DraftVariant{{Name: "Monthly",
			Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	key, base, storeID := "eyJ0"+"ZXN0a2V5MTIz", s.SandboxURL+"/lemonsqueezy", strconv.FormatInt(store, 10)
	s.Create(stack.Secret("lemon", "api-key", key), &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "lemon"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: base,
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemon", Key: "api-key"}, StoreID: storeID,
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000},
		},
	})
	sink := stack.NewSink(t)
	hooks := s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) { r.Spec.ProviderRef.Name = "lemon" })
	hooks.AwaitReady(workload.DefaultReplicas)

	s.Sandbox.Webhooks().Hold()
	buy(t, provider.Config{
		Mode: billing.Test, APIKey: key, StoreID: storeID, BaseURL: base, HTTP: http.DefaultClient,
	}, strconv.FormatInt(variants[0], 10))
	g.Expect(s.Sandbox.Webhooks().Lose()).To(BeNumerically(">", 2))
	g.Consistently(func() *v1alpha1.RecoveryStatus { return hooks.Object().Status.Recovery }, time.Second, often).
		Should(BeNil())

	results := map[time.Duration]string{
		time.Minute: "4 events had not come, and were fetched", time.Hour: "0 events had not come, and were fetched",
	}
	for _, back := range []time.Duration{time.Minute, time.Hour} {
		asked := time.Now().Add(-back).Format(time.RFC3339) + "/" + time.Now().Add(time.Minute).Format(time.RFC3339)
		object := hooks.Object()
		s.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked} })
		g.Eventually(func() *v1alpha1.RecoveryStatus { return hooks.Object().Status.Recovery }, stack.Patience, often).
			Should(And(HaveField("Asked", asked), HaveField("AskedResult", results[back])))
		g.Eventually(sink.Taken, stack.Patience, often).Should(HaveLen(4))
	}
	for id, times := range sink.Taken() {
		g.Expect(id).To(HavePrefix("lemonsqueezy:" + storeID + ":state-"))
		g.Expect(times).To(Equal(1))
	}
}

// buy pays for a variant at the sandbox's page.
func buy(t *testing.T, cfg provider.Config, variant string) {
	t.Helper()
	g := NewWithT(t)
	conn, err := adapter.Adapter{}.Connect(cfg)
	g.Expect(err).NotTo(HaveOccurred())
	seller, ok := conn.(provider.Seller)
	g.Expect(ok).To(BeTrue())
	opened, err := seller.Checkouts().Open(t.Context(), provider.CheckoutSpec{
		PriceID: variant, Plan: "pro", Price: "monthly", Recurring: true, Quantity: 1, Currency: "USD",
		SuccessURL: "https://app.example.com/done", UserID: "u7", Email: "jane@example.com",
	})
	g.Expect(err).NotTo(HaveOccurred())
	form := url.Values{
		"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, opened.URL, strings.NewReader(form.Encode()))
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(resp.Body.Close()).To(Succeed())
	g.Expect(resp.StatusCode).To(Equal(http.StatusOK))
}
