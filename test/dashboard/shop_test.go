package dashboard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

const shopToken = "a-token-of-the-application-0123456789"

// shop sells two Plans at Stripe and Paddle, with a receiver for each, one of them with a database.
type shop struct {
	*stack.Stack

	g              *WithT
	operator       string // URL of its metrics
	stripe, paddle *stack.Receiver
	checkout       *stack.Shop
	app, crm       *stack.Sink
}

func deploy(t *testing.T) *shop {
	t.Helper()
	s := &shop{Stack: stack.New(t, stack.Options{Node: true}), g: NewWithT(t)}
	at := controlplane.FreeAddress(t)
	s.operator = "http://" + at + "/metrics"
	s.Operator("--metrics-bind-address=" + at)
	s.accounts()
	for _, p := range []*v1alpha1.Plan{pro(), lifetime()} {
		s.Create(p)
	}
	s.app, s.crm = stack.NewSink(t), stack.NewSink(t)
	s.Create(stack.Secret("database", "dsn", postgres.Shared(t).Database(t)))
	s.stripe = s.CreateReceiver("stripe", s.app, s.delivers, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
		}}
		r.Spec.Dunning = &v1alpha1.Dunning{AfterFailedPayments: 3, Action: v1alpha1.DunningCancel}
	})
	s.paddle = s.CreateReceiver("paddle", s.app, s.delivers, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name = "paddle"
	})
	s.Create(stack.Secret("shop-token", "token", shopToken), endpoint(s.Shop("shop").URL()))
	s.stripe.AwaitReady(workload.DefaultReplicas)
	s.paddle.AwaitReady(workload.DefaultReplicas)
	s.checkout = s.Shop("shop")
	s.checkout.AwaitReplicas(workload.DefaultReplicas)
	return s
}

// paddlePeer is how the sandbox's Paddle is used.
func paddlePeer() stack.Peer {
	return stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
}

// accounts makes the PaymentProviders, with the limits that they have by default.
func (s *shop) accounts() {
	const often = 10 * time.Second
	stripe, paddle := s.Provider(), paddlePeer().Provider("paddle", s.SandboxURL)
	paddle.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
	for _, p := range []*v1alpha1.PaymentProvider{stripe, paddle} {
		p.Spec.RateLimit, p.Spec.DriftCheckInterval = nil, &metav1.Duration{Duration: often}
	}
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), stripe,
		stack.Secret("paddle", "key", paddlePeer().Key(s.Namespace)),
		stack.Secret("browser", "token", "test_"+strings.Repeat("7d2", 9)), paddle)
}

func pro() *v1alpha1.Plan {
	p := stack.Plan("pro")
	p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "paddle"})
	return p
}

func lifetime() *v1alpha1.Plan {
	p := pro()
	p.Name, p.Spec.DisplayName = "lifetime", "Lifetime"
	p.Spec.Prices = []v1alpha1.Price{{Name: "once", Amount: "49.00", Currency: "EUR"}}
	return p
}

// delivers sends every event to the application, and what customers do to another one, with waits that suit days of
// six minutes.
func (s *shop) delivers(r *v1alpha1.WebhookReceiver) {
	r.Spec.Delivery.Sinks = append(r.Spec.Delivery.Sinks, v1alpha1.Sink{
		Name: "crm", HTTP: v1alpha1.HTTPSink{URI: s.crm.URL}, Events: []string{"customer.*", "subscription.*"},
	})
	r.Spec.Delivery.Retry = &v1alpha1.DeliveryRetry{
		MinBackoff: &metav1.Duration{Duration: time.Second}, MaxBackoff: &metav1.Duration{Duration: 5 * time.Second},
	}
	r.Spec.Recovery = &v1alpha1.Recovery{Interval: &metav1.Duration{Duration: time.Minute}}
}

func endpoint(url string) *v1alpha1.CheckoutEndpoint {
	share := func(n int32) *int32 { return &n }
	return &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: v1alpha1.CheckoutEndpointSpec{
			URL: url, AllowInsecureHTTP: true, SuccessURL: "http://app.example.com/done",
			Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
				SecretRef: v1alpha1.SigningSecretReference{Name: "shop-token"},
			}},
			Plans: []v1alpha1.CheckoutPlan{{Name: "pro"}, {Name: "lifetime"}},
			Providers: []v1alpha1.WeightedProvider{
				{Name: "stripe", Weight: share(70)}, {Name: "paddle", Weight: share(30)},
			},
			Subscriptions:  &v1alpha1.SubscriptionOptions{Cancel: v1alpha1.CancelAtPeriodEnd},
			CustomerPortal: &v1alpha1.CustomerPortal{ReturnURL: "http://app.example.com/account"},
		},
	}
}
