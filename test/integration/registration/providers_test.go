package registration

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	lemonadapter "github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	paddleadapter "github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

const lemonKey = "eyJ0" + "ZXN0a2V5MTIz"

// atPaddle makes an operator, an account at Paddle's sandbox and its PaymentProvider.
func atPaddle(t *testing.T) (*stack.Stack, paddle.View, string) {
	t.Helper()
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
	key := peer.Key(s.Namespace)
	peer.ByHand(t, s.SandboxURL, key)
	s.Create(stack.Secret("paddle", "key", key), peer.Provider("paddle", s.SandboxURL))
	return s, s.Sandbox.Paddle().Account(key), key
}

// atLemonSqueezy is atPaddle for a store.
func atLemonSqueezy(t *testing.T) (*stack.Stack, *lemonsqueezy.Server, string) {
	t.Helper()
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	shop := s.Sandbox.LemonSqueezy()
	store := strconv.FormatInt(shop.AddStore(lemonsqueezy.Store{Name: "Shop"}), 10)
	amount, unit, once := int64(2900), "month", int64(1)
	_, _, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: must(strconv.ParseInt(store, 10, 64)), Name: "Pro", Variants: []lemonsqueezy.DraftVariant{{
			Name: "Monthly", Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once},
		}},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	s.Create(stack.Secret("lemon", "key", lemonKey), &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "lemon"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL + "/lemonsqueezy",
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemon", Key: "key"}, StoreID: store,
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000},
		},
	})
	return s, shop, store
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// endpointsOf writes to a provider as somebody does who has the account's key.
func endpointsOf(t *testing.T, adapter provider.Adapter, config provider.Config) provider.Endpoints {
	t.Helper()
	config.Mode, config.HTTP = "Test", http.DefaultClient
	connection, err := adapter.Connect(config)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return connection.Endpoints()
}

func of(name string) func(*v1alpha1.WebhookReceiver) {
	return func(r *v1alpha1.WebhookReceiver) { r.Spec.ProviderRef.Name = name }
}

// underLoad has events sent all the while, and expects that each came once and that none was refused.
func underLoad(t *testing.T, hooks *stack.Receiver, sink *stack.Sink, emit func() (ids int), during func(step func())) {
	t.Helper()
	g := NewWithT(t)
	sent := 0
	step := func() { sent += emit() }
	step()
	during(step)
	step()
	g.Eventually(func() int { return len(sink.Taken()) }, stack.Patience, often).Should(Equal(sent))
	for id, n := range sink.Taken() {
		g.Expect(n).To(Equal(1), id)
	}
	g.Eventually(func() int64 {
		if now := hooks.Object().Status.Events; now != nil {
			return now.Received
		}
		return 0
	}, stack.Patience, often).Should(BeNumerically(">=", sent))
	g.Expect(hooks.Object().Status.Events.Rejected).To(BeZero(), "an event was refused")
}

// Paddle tells its secrets, so a setting at the receiver's URL is taken over as it is. A rotation makes a second one
// whose destination differs by a query, which the server does not look at.
func TestRegistrationAtPaddle(t *testing.T) {
	s, account, key := atPaddle(t)
	g := NewWithT(t)
	sink, hooks := stack.NewSink(t), s.Receiver("hooks")
	at := endpointsOf(t, paddleadapter.Adapter{}, provider.Config{APIKey: key, BaseURL: s.SandboxURL + "/paddle"})
	byHand, err := at.Create(context.Background(), provider.EndpointSpec{
		URL: hooks.URL(), Events: []string{"transaction.paid"},
	})
	g.Expect(err).NotTo(HaveOccurred())

	s.CreateReceiver("hooks", sink, of("paddle"))
	hooks.AwaitReady(workload.DefaultReplicas)
	g.Expect(account.Settings()).To(HaveLen(1))
	g.Expect(hooks.EndpointID()).To(Equal(byHand.ID))
	g.Expect(hooks.SigningSecret()).To(Equal(byHand.Secret))
	g.Expect(account.Settings()[0].Description).To(ContainSubstring("kassa_receiver="))

	underLoad(t, hooks, sink, func() int {
		_, err := account.Emit("subscription.canceled", nil)
		g.Expect(err).NotTo(HaveOccurred())
		return 1
	}, func(step func()) {
		for i := range 3 {
			hooks.Rotate(strconv.Itoa(i))
			g.Eventually(func() string { step(); return hooks.Object().Status.Rotated }, stack.Patience, 3*often).
				Should(Equal(strconv.Itoa(i)))
		}
	})
	g.Expect(account.Settings()).To(HaveLen(4))
	now := hooks.Object().Status
	g.Expect(now.RetiringEndpoints).To(HaveLen(3))
	g.Expect(now.LastRotation).NotTo(BeNil())
	destinations := map[string]bool{}
	for _, setting := range account.Settings() {
		destinations[setting.Destination] = true
		g.Expect(setting.Destination).To(HavePrefix(hooks.URL()))
		if setting.ID != now.EndpointID {
			g.Expect(setting.SubscribedEvents).To(HaveLen(1), "it only ends what it began")
		}
	}
	g.Expect(destinations).To(HaveLen(4))

	// The overlap is over: what was replaced goes.
	object := hooks.Object()
	s.Change(object, func() {
		object.Spec.Registration.Managed.Rotation = &v1alpha1.SecretRotation{Overlap: &metav1.Duration{}}
		object.Annotations[v1alpha1.AnnotationRotateSecret] = "last"
	})
	g.Eventually(func() string { return hooks.Object().Status.Rotated }, stack.Patience, often).Should(Equal("last"))
	retiring := func() int { return len(hooks.Object().Status.RetiringEndpoints) }
	g.Eventually(retiring, stack.Patience, often).Should(Equal(3))
	g.Expect(s.Client.Delete(t.Context(), hooks.Object())).To(Succeed())
	g.Eventually(account.Settings, stack.Patience, often).Should(BeEmpty(), "retiring ones too")
}

// LemonSqueezy is told the secret, which is replaced in place; a webhook at the receiver's URL is taken over.
func TestRegistrationAtLemonSqueezy(t *testing.T) {
	s, shop, store := atLemonSqueezy(t)
	g := NewWithT(t)
	sink, hooks := stack.NewSink(t), s.Receiver("hooks")
	at := endpointsOf(t, lemonadapter.Adapter{}, provider.Config{
		APIKey: lemonKey, StoreID: store, BaseURL: s.SandboxURL + "/lemonsqueezy",
	})
	byHand, err := at.Create(context.Background(), provider.EndpointSpec{
		URL: hooks.URL(), Events: []string{"order_created"}, Secret: "secret-by-hand",
	})
	g.Expect(err).NotTo(HaveOccurred())
	s.CreateReceiver("hooks", sink, of("lemon"))
	hooks.AwaitReady(workload.DefaultReplicas)
	g.Expect(shop.Webhooks()).To(HaveLen(1))
	g.Expect(hooks.EndpointID()).To(Equal(byHand.ID))
	g.Expect(hooks.SigningSecret()).To(Equal(shop.Webhooks()[0].Secret))
	g.Expect(len(hooks.SigningSecret())).To(BeNumerically("<=", 40))

	// A second receiver with the same URL would take the same webhook for its own.
	rival := s.CreateReceiver("rival", sink, of("lemon"), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.URL = hooks.URL()
	})
	refused := rival.Object()
	s.AwaitState(refused, "Failed False "+v1alpha1.ReasonOwnedByAnother)
	g.Expect(stack.Message(refused)).To(ContainSubstring(s.Namespace + "/hooks has registered the same URL"))
	g.Expect(s.Client.Delete(t.Context(), refused)).To(Succeed())
	g.Eventually(func() string { return s.State(refused) }, stack.Patience, often).Should(Equal("NotFound"))
	g.Expect(shop.Webhooks()).To(HaveLen(1), "that of the other receiver stays")

	underLoad(t, hooks, sink, func() int {
		_, sent, err := shop.Emit(lemonsqueezy.Notice{Type: "subscription_expired"})
		g.Expect(err).NotTo(HaveOccurred())
		return len(sent)
	}, func(step func()) {
		for i := range 3 {
			hooks.Rotate(strconv.Itoa(i))
			g.Eventually(func() string { step(); return hooks.Object().Status.Rotated }, stack.Patience, 3*often).
				Should(Equal(strconv.Itoa(i)))
		}
	})
	g.Expect(shop.Webhooks()).To(HaveLen(1))
	g.Expect(hooks.SigningSecret()).To(Equal(shop.Webhooks()[0].Secret))
	g.Expect(hooks.Object().Status.RetiringEndpoints).To(HaveLen(3), "their secrets are still good")

	g.Expect(s.Client.Delete(t.Context(), hooks.Object())).To(Succeed())
	g.Eventually(shop.Webhooks, stack.Patience, often).Should(BeEmpty())
}
