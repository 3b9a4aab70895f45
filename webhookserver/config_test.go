package webhookserver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestResolveSaysWhatIsMissing(t *testing.T) {
	registry := provider.NewRegistry(testAdapter{})
	secret := map[string][]byte{"signing-secret": []byte("s")}
	receiver := func(edit func(*v1alpha1.WebhookReceiver)) *v1alpha1.WebhookReceiver {
		r := &v1alpha1.WebhookReceiver{}
		r.Name, r.Spec.URL = "stripe", "https://hooks.example.com"
		r.Status.Provider = &v1alpha1.ReceiverProvider{
			Type: v1alpha1.ProviderStripe, AccountID: "acct_1", Mode: v1alpha1.ModeTest,
		}
		edit(r)
		return r
	}
	for _, c := range []struct {
		reason   string
		receiver *v1alpha1.WebhookReceiver
		secret   map[string][]byte
		want     string
	}{
		{"nothing", nil, secret, "does not exist"},
		{"account", receiver(func(r *v1alpha1.WebhookReceiver) { r.Status.Provider = nil }), secret, "status.provider"},
		{"adapter", receiver(func(r *v1alpha1.WebhookReceiver) { r.Status.Provider.Type = v1alpha1.ProviderPaddle }),
			secret, "does not support Paddle"},
		{"secret", receiver(func(*v1alpha1.WebhookReceiver) {}), nil, "stripe-signing"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			s, why := resolve(c.receiver, c.secret, registry)
			g.Expect(s).To(BeNil())
			g.Expect(why).To(ContainSubstring(c.want))
		})
	}
	g := NewWithT(t)
	s, why := resolve(receiver(func(*v1alpha1.WebhookReceiver) {}), secret, registry)
	g.Expect(why).To(BeEmpty())
	g.Expect(s.paths).To(Equal([]string{"/"}), "a URL without a path is called at /")
	g.Expect(s.retry).To(Equal(retry{72 * time.Hour, time.Second, 10 * time.Minute}))
	g.Expect(s.tolerance).To(Equal(5 * time.Minute))
	g.Expect(s.retention).To(Equal(744 * time.Hour))
}

func TestRetryOf(t *testing.T) {
	of := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	for _, c := range []struct {
		reason string
		spec   *v1alpha1.Delivery
		want   retry
	}{
		{"nothing is said", nil, retry{72 * time.Hour, time.Second, 10 * time.Minute}},
		{"a first pause that is longer than the longest is by default counts",
			&v1alpha1.Delivery{Retry: &v1alpha1.DeliveryRetry{MinBackoff: of(time.Hour)}},
			retry{72 * time.Hour, time.Hour, time.Hour}},
		{"all is said",
			&v1alpha1.Delivery{Retry: &v1alpha1.DeliveryRetry{
				MaxAge: of(time.Hour), MinBackoff: of(2 * time.Second), MaxBackoff: of(time.Minute),
			}},
			retry{time.Hour, 2 * time.Second, time.Minute}},
	} {
		t.Run(c.reason, func(t *testing.T) { NewWithT(t).Expect(retryOf(c.spec)).To(Equal(c.want)) })
	}
}

func TestWanting(t *testing.T) {
	s := &settings{sinks: []sink{
		{name: "all"}, {name: "payments", events: []string{"payment.*"}},
		{name: "native", events: []string{"charge.pending"}},
	}}
	for _, c := range []struct {
		reason string
		spec   []string
		event  billing.Event
		want   []string
	}{
		{"normalised", nil, billing.Event{Type: billing.PaymentFailed, NativeType: "invoice.payment_failed"},
			[]string{"all", "payments"}},
		{"no normalised name", nil, billing.Event{NativeType: "charge.pending"}, []string{"native"}},
		{"nobody's", nil, billing.Event{NativeType: "charge.updated"}, nil},
		{"not selected: only who names it", []string{"invoice.*"},
			billing.Event{Type: billing.PaymentFailed, NativeType: "payment_intent.payment_failed"}, []string{"payments"}},
		{"selected by its native name", []string{"invoice.paid"},
			billing.Event{Type: billing.PaymentSucceeded, NativeType: "invoice.paid"}, []string{"all", "payments"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s.events = c.spec
			var got []string
			for _, to := range s.wanting(&c.event) {
				got = append(got, to.name)
			}
			NewWithT(t).Expect(got).To(Equal(c.want))
		})
	}
}

// A rotation, a changed spec and a missing part are seen without a restart.
func TestChangesAreLive(t *testing.T) {
	first, second := newApp(t, nil), newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{first.sink("app")})
	r := f.start()
	body := eventBody("evt_1", "invoice.paid")
	signed := func(secret string) func() int {
		return func() int {
			return r.post(strings.NewReader(body), sign(secret, time.Now(), []byte(body))).StatusCode
		}
	}
	f.g.Expect(signed("old-secret")()).To(Equal(200), "the previous secret is live too")

	f.secret.Data = map[string][]byte{"signing-secret": []byte("rotated")}
	f.g.Expect(f.client.Update(t.Context(), f.secret)).To(Succeed())
	f.g.Eventually(signed("rotated"), patience, often).Should(Equal(200))
	f.g.Expect(signed("old-secret")()).To(Equal(400))

	now := f.read()
	now.Spec.Delivery.Sinks = []v1alpha1.Sink{second.sink("app")}
	now.Spec.URL = "https://hooks.example.com/other"
	f.g.Expect(f.client.Update(t.Context(), now)).To(Succeed())
	old := r.url
	r.url = strings.TrimSuffix(r.url, "/stripe") + "/other"
	body = eventBody("evt_2", "invoice.paid")
	f.g.Eventually(signed("rotated"), patience, often).Should(Equal(200))
	r.url = old
	f.g.Expect(signed("rotated")()).To(Equal(200), "the provider calls the old URL until the operator has changed it")
	now = f.read()
	now.Status.URL = now.Spec.URL
	f.g.Expect(f.client.Status().Update(t.Context(), now)).To(Succeed())
	f.g.Eventually(signed("rotated"), patience, often).Should(Equal(404))
	r.url = strings.TrimSuffix(r.url, "/stripe") + "/other"
	f.g.Expect(second.count()).To(Equal(1))
	f.g.Expect(first.count()).To(Equal(1))

	f.g.Expect(f.client.Delete(t.Context(), f.secret)).To(Succeed())
	f.g.Eventually(func() string { return get(t, r.health+"/readyz").body }, patience, often).Should(
		ContainSubstring("no signing secret"))
	f.g.Expect(signed("rotated")()).To(Equal(http.StatusServiceUnavailable))

	own := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "own"}, Data: map[string][]byte{"k": []byte("mine")},
	}
	f.g.Expect(f.client.Create(t.Context(), own)).To(Succeed())
	now = f.read()
	now.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
		SigningSecretRef: v1alpha1.SigningSecretReference{Name: "own"},
	}}
	f.g.Expect(f.client.Update(t.Context(), now)).To(Succeed())
	f.g.Eventually(signed("mine"), patience, often).Should(Equal(200))
}

func TestNotReadyBeforeTheAccountIsKnown(t *testing.T) {
	f := newFixture(t, nil)
	f.receiver.Status.Provider = nil
	f.g.Expect(f.client.Status().Update(t.Context(), f.receiver)).To(Succeed())
	r := f.startUnready()
	f.g.Eventually(func() string { return get(t, r.health+"/readyz").body }, patience, often).Should(
		ContainSubstring("status.provider"))
	f.g.Expect(get(t, r.health+"/healthz").StatusCode).To(Equal(200))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.receiver.Status.Provider = &v1alpha1.ReceiverProvider{
		Type: v1alpha1.ProviderStripe, AccountID: "acct_1", Mode: v1alpha1.ModeTest,
	}
	f.g.Expect(f.client.Status().Update(t.Context(), f.receiver)).To(Succeed())
	f.g.Eventually(func() int { return get(t, r.health+"/readyz").StatusCode }, patience, often).Should(Equal(200))
}

// The names of a Plan reach the app.
func TestPlanNamesAreFollowed(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	plan := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "pro"},
		Spec: v1alpha1.PlanSpec{
			Providers: []v1alpha1.PlanProvider{{Name: "stripe"}}, DisplayName: "Pro",
			Prices: []v1alpha1.Price{{Name: "monthly", Amount: "29.00", Currency: "USD"}},
		},
	}
	f.g.Expect(f.client.Create(t.Context(), plan)).To(Succeed())
	plan.Status.Providers = []v1alpha1.PlanProviderStatus{{
		Name: "stripe", Ready: metav1.ConditionTrue,
		Prices:        []v1alpha1.PlanPriceStatus{{Name: "monthly", ID: "price_2", State: v1alpha1.PriceActive}},
		RetiredPrices: []v1alpha1.RetiredPrice{{ID: "price_1", Name: "monthly"}},
	}}
	f.g.Expect(f.client.Status().Update(t.Context(), plan)).To(Succeed())
	r := f.start()
	f.g.Eventually(func() string {
		r.server.plans.mu.RLock()
		defer r.server.plans.mu.RUnlock()
		return r.server.plans.byID["price_1"].plan
	}, patience, often).Should(Equal("pro"))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(string(sink.bodies()[0])).To(ContainSubstring(`"plan":"pro","price":"monthly"`))
	f.g.Expect(f.client.Delete(t.Context(), plan, client.GracePeriodSeconds(0))).To(Succeed())
}
