package browser_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/stack"
)

// market is a provider that the shop sells at.
type market struct {
	name string
	// open makes the PaymentProvider, and says how the plan pro is sold there.
	open func(s *stack.Stack) v1alpha1.PlanProvider
	// again is what a buyer who left the checkout opens it with; empty where the provider has no way back.
	again string
}

var markets = []market{
	{"stripe", func(s *stack.Stack) v1alpha1.PlanProvider {
		s.CreateProvider()
		return v1alpha1.PlanProvider{Name: "stripe"}
	}, "article .button"},
	{"paddle", func(s *stack.Stack) v1alpha1.PlanProvider {
		peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
		p := peer.Provider("paddle", s.SandboxURL)
		p.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
		s.Create(stack.Secret("paddle", "key", peer.Key(s.Namespace)),
			stack.Secret("browser", "token", "test_"+strings.Repeat("7d2", 9)), p)
		return v1alpha1.PlanProvider{Name: "paddle"}
	}, "#again"},
	{"lemonsqueezy", func(s *stack.Stack) v1alpha1.PlanProvider {
		product, variants, err := byHand(s)
		NewWithT(s.T).Expect(err).NotTo(HaveOccurred())
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
			Prices: []v1alpha1.AdoptPrice{
				{Name: "monthly", ID: strconv.FormatInt(variants[0], 10)},
				{Name: "yearly", ID: strconv.FormatInt(variants[1], 10)},
			},
		}}
	}, ""},
}

const lemonStore = 77

// byHand makes the plan pro as LemonSqueezy's dashboard does; its API cannot.
func byHand(s *stack.Stack) (product int64, variants []int64, err error) {
	shop := s.Sandbox.LemonSqueezy()
	shop.AddStore(lemonsqueezy.Store{ID: lemonStore, Name: "Shop"})
	draft := lemonsqueezy.Draft{StoreID: lemonStore, Name: "Plan pro"}
	for _, v := range []struct {
		name, unit string
		amount     int64
	}{{"monthly", "month", 2900}, {"yearly", "year", 29000}} {
		once := int64(1)
		draft.Variants = append(draft.Variants, lemonsqueezy.DraftVariant{
			Name:  v.name,
			Price: lemonsqueezy.Price{UnitPrice: &v.amount, IntervalUnit: &v.unit, IntervalCount: &once},
		})
	}
	return shop.AddProduct(draft)
}

// deploy sells plans at a provider to everybody, and to the application's user. It returns the URLs of both servers.
func deploy(t *testing.T, s *stack.Stack, a *app, m market, plans ...*v1alpha1.Plan) (public, members string) {
	t.Helper()
	s.Operator()
	at := m.open(s)
	for _, p := range plans {
		p.Spec.Providers = []v1alpha1.PlanProvider{at}
		s.Create(p)
	}
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name = m.name
		r.Spec.Delivery.Sinks[0].HTTP.URI = a.url
	})
	everybody, known := endpoint(s, a, "shop", plans), endpoint(s, a, "members", plans)
	everybody.Spec.Auth.Anonymous = &v1alpha1.AnonymousAuth{}
	known.Spec.Auth.BearerToken = &v1alpha1.BearerTokenAuth{
		SecretRef: v1alpha1.SigningSecretReference{Name: "members-token"},
	}
	known.Spec.CancelURL = a.url + "/buy"
	known.Spec.CustomerPortal = &v1alpha1.CustomerPortal{ReturnURL: a.url + "/done"}
	s.Create(stack.Secret("members-token", "token", appToken), everybody, known)
	hooks.AwaitReady(2)
	s.AwaitState(everybody, "Current True "+v1alpha1.ReasonSucceeded)
	s.AwaitState(known, "Current True "+v1alpha1.ReasonSucceeded)
	a.serves(known.Spec.URL, hooks.Through)
	return everybody.Spec.URL + "/", known.Spec.URL + "/"
}

func endpoint(s *stack.Stack, a *app, name string, plans []*v1alpha1.Plan) *v1alpha1.CheckoutEndpoint {
	e := &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.CheckoutEndpointSpec{
			URL: "http://" + name + "-checkout." + s.Namespace + ".svc", AllowInsecureHTTP: true,
			SuccessURL: a.url + "/done", AllowedOrigins: []string{a.url},
			PricingPage: &v1alpha1.PricingPage{
				Title: "Prices of the shop", Description: "By the month or by the year. Change whenever you like.",
			},
		},
	}
	for _, p := range plans {
		e.Spec.Plans = append(e.Spec.Plans, v1alpha1.CheckoutPlan{Name: p.Name})
	}
	return e
}
