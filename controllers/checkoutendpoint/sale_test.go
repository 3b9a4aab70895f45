package checkoutendpoint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// liveAt is a Plan's status at a provider of its namespace, with live prices of those names.
func liveAt(provider string, prices ...string) v1alpha1.PlanProviderStatus {
	s := v1alpha1.PlanProviderStatus{
		Name: provider, ProductID: "prod_" + provider, Ready: metav1.ConditionTrue, Reason: v1alpha1.ReasonInSync,
	}
	for _, p := range prices {
		s.Prices = append(s.Prices, v1alpha1.PlanPriceStatus{
			Name: p, ID: provider + "_" + p, State: v1alpha1.PriceActive,
		})
	}
	return s
}

// planOf is a Plan with the prices monthly and yearly that is in sync at providers of its namespace.
func planOf(name string, providers ...string) *v1alpha1.Plan {
	p := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), Generation: 1},
		Spec: v1alpha1.PlanSpec{DisplayName: name, Prices: []v1alpha1.Price{
			{Name: "monthly", Amount: "29.00", Currency: "USD",
				Recurring: &v1alpha1.Recurring{Interval: v1alpha1.IntervalMonth}},
			{Name: "yearly", Amount: "290.00", Currency: "USD",
				Recurring: &v1alpha1.Recurring{Interval: v1alpha1.IntervalYear}},
		}},
		Status: v1alpha1.PlanStatus{ObservedGeneration: 1},
	}
	for _, at := range providers {
		p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: at})
		p.Status.Providers = append(p.Status.Providers, liveAt(at, "monthly", "yearly"))
	}
	return p
}

func stripeAt(name string, mode v1alpha1.Mode) *v1alpha1.PaymentProvider {
	pp := &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: v1alpha1.PaymentProviderSpec{Mode: mode, Stripe: &v1alpha1.StripeProvider{
			APIKeySecretRef: v1alpha1.SecretKeyReference{Name: name + "-api", Key: "key"},
		}},
		Status: v1alpha1.PaymentProviderStatus{Account: &v1alpha1.AccountStatus{ID: "acct_" + name}},
	}
	status.Ready(v1alpha1.ReasonCredentialsValid, "checked").Set(&pp.Status.Conditions, 0)
	return pp
}

// world is an endpoint that sells the plan pro at the only provider, stripe.
func world() references {
	return references{
		endpoint: &v1alpha1.CheckoutEndpoint{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop"},
			Spec:       v1alpha1.CheckoutEndpointSpec{Plans: []v1alpha1.CheckoutPlan{{Name: "pro"}}},
		},
		plans:     map[string]*v1alpha1.Plan{"pro": planOf("pro", "stripe")},
		providers: map[string]*v1alpha1.PaymentProvider{"shop/stripe": stripeAt("stripe", v1alpha1.ModeTest)},
		refused:   map[string]*accounts.Error{}, limits: map[string]accounts.Limit{},
	}
}

func weighted(name string, weight int32) v1alpha1.WeightedProvider {
	return v1alpha1.WeightedProvider{Name: name, Weight: ptr.To(weight)}
}

// offered is a document in a line for each price: "plan/price id ...", after the providers' weights.
func offered(d *storefront.Document) []string {
	var lines []string
	for _, p := range d.Providers {
		lines = append(lines, fmt.Sprintf("%s weighs %d", p.Name, p.Weight))
	}
	for _, plan := range d.Plans {
		for _, price := range plan.Prices {
			line := []string{plan.Name + "/" + price.Name}
			for _, at := range price.At {
				line = append(line, at.PriceID)
			}
			lines = append(lines, strings.Join(line, " "))
		}
	}
	return lines
}

func TestResolve(t *testing.T) {
	t.Parallel()
	both := []string{"pro/monthly stripe_monthly", "pro/yearly stripe_yearly"}
	stripe := append([]string{"stripe weighs 1"}, both...)
	for _, tc := range []struct {
		why     string
		edit    func(*references)
		sold    []string
		verdict string // reason, with ! where stalled, and message
	}{
		{"the provider that the plans share", func(*references) {}, stripe, "PlansResolved: 1 plan can be bought"},
		{"prices in the spec's order", func(r *references) {
			r.endpoint.Spec.Plans[0].Prices = []string{"yearly", "monthly"}
		}, []string{"stripe weighs 1", both[1], both[0]}, "PlansResolved: 1 plan can be bought"},
		{"a price that is none", func(r *references) {
			r.endpoint.Spec.Plans[0].Prices = []string{"weekly", "yearly"}
		}, []string{"stripe weighs 1", both[1]}, `PriceNotFound!: Plan "pro" has no price "weekly"`},
		{"a plan that is none", func(r *references) {
			r.endpoint.Spec.Plans = append(r.endpoint.Spec.Plans, v1alpha1.CheckoutPlan{Name: "team"})
		}, stripe, `ReferenceNotFound!: Plan "team" does not exist`},
		{"a plan that goes", func(r *references) {
			r.plans["team"] = planOf("team", "stripe")
			r.plans["team"].DeletionTimestamp = &metav1.Time{Time: time.Now()}
			r.endpoint.Spec.Plans = append(r.endpoint.Spec.Plans, v1alpha1.CheckoutPlan{Name: "team"})
		}, stripe, `PlanNotReady: Plan "team" is being deleted`},
		{"plans by labels", func(r *references) {
			r.plans["basic"] = planOf("basic", "stripe")
			r.endpoint.Spec.Plans, r.endpoint.Spec.PlanSelector = nil, &metav1.LabelSelector{}
		}, []string{"stripe weighs 1", "basic/monthly stripe_monthly", "basic/yearly stripe_yearly", both[0], both[1]},
			"PlansResolved: 2 plans can be bought"},
		{"labels that no plan has", func(r *references) {
			clear(r.plans)
			clear(r.providers)
			r.endpoint.Spec.Plans, r.endpoint.Spec.PlanSelector = nil, &metav1.LabelSelector{}
		}, nil, "ReferenceNotFound!: no Plan of the namespace matches spec.planSelector"},
		{"a price that is not live", func(r *references) {
			at := &r.plans["pro"].Status.Providers[0]
			at.Ready, at.Reason, at.Prices[0].State = metav1.ConditionFalse, "Drifted", v1alpha1.PriceOutdated
		}, []string{"stripe weighs 1", both[1]},
			`PlanNotReady: Plan "pro": not on sale at the endpoint's providers: monthly (stripe: Drifted)`},
		{"a plan that is not ready", func(r *references) {
			at := &r.plans["pro"].Status.Providers[0]
			at.Ready, at.Reason = metav1.ConditionFalse, "BudgetExhausted"
			status.Stalled("BudgetExhausted", "").Set(&r.plans["pro"].Status.Conditions, 1)
		}, stripe, `PlanNotReady!: Plan "pro" is not ready (stripe: BudgetExhausted); its conditions say more`},
		{"a plan whose provider cannot be asked now", func(r *references) {
			r.plans["pro"].Status.Providers[0].Ready = metav1.ConditionUnknown
		}, stripe, "PlansResolved: 1 plan can be bought"},
		{"a migration", func(r *references) {
			r.plans["pro"] = planOf("pro", "old", "stripe", "paddle")
			r.providers["shop/old"] = stripeAt("old", v1alpha1.ModeTest)
			r.providers["shop/paddle"] = stripeAt("paddle", v1alpha1.ModeTest)
			r.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 90), weighted("paddle", 10)}
		}, []string{"stripe weighs 90", "paddle weighs 10", "old weighs 0",
			"pro/monthly stripe_monthly paddle_monthly old_monthly", "pro/yearly stripe_yearly paddle_yearly old_yearly"},
			"PlansResolved: 1 plan can be bought"},
		{"a plan that is sold where nobody is to go", func(r *references) {
			r.plans["team"] = planOf("team", "old")
			r.providers["shop/old"] = stripeAt("old", v1alpha1.ModeTest)
			r.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 1), weighted("old", 0)}
			r.endpoint.Spec.Plans = append(r.endpoint.Spec.Plans, v1alpha1.CheckoutPlan{Name: "team"})
		}, []string{"stripe weighs 1", "old weighs 0", both[0], both[1]},
			`PlanNotReady: Plan "team": not on sale at the endpoint's providers: monthly, yearly`},
		{"no provider in common", func(r *references) {
			r.plans["pro"] = planOf("pro", "stripe", "old")
			r.providers["shop/old"] = stripeAt("old", v1alpha1.ModeTest)
		}, []string{"old weighs 0", "stripe weighs 0"}, "ProvidersUndecided!: the Plans have 2 PaymentProviders in common; " +
			"name in spec.providers those that checkouts go to; " +
			`Plan "pro": not on sale at the endpoint's providers: monthly, yearly`},
		{"a provider named twice", func(r *references) {
			r.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{
				weighted("stripe", 2), {Name: "stripe", Namespace: "shop"},
			}
		}, append([]string{"stripe weighs 2"}, both...), "PlansResolved: 1 plan can be bought"},
		{"a provider that does not admit the namespace", func(r *references) {
			r.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 1), weighted("paddle", 1)}
			r.refused["shop/paddle"] = &accounts.Error{
				Reason: v1alpha1.ReasonReferenceNotPermitted, Message: "no", Stalled: true,
			}
		}, stripe, "ReferenceNotPermitted!: no"},
		{"a provider that is not ready", func(r *references) {
			status.Stalled(v1alpha1.ReasonCredentialsInvalid, "no").Set(&r.providers["shop/stripe"].Status.Conditions, 0)
		}, stripe, `ProviderNotReady!: PaymentProvider "stripe" is not ready; its conditions say more`},
		{"real money over plain HTTP", func(r *references) {
			r.providers["shop/stripe"] = stripeAt("stripe", v1alpha1.ModeLive)
			r.endpoint.Spec.AllowInsecureHTTP = true
		}, nil, `InsecureHTTP!: PaymentProvider "stripe" is in Live mode, and allowInsecureHTTP is for a sandbox; ` +
			`remove it and let every URL start with https://; ` +
			`Plan "pro": not on sale at the endpoint's providers: monthly, yearly`},
		{"real money elsewhere", func(r *references) {
			r.plans["pro"] = planOf("pro", "stripe", "live")
			r.providers["shop/live"] = stripeAt("live", v1alpha1.ModeLive)
			r.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{{Name: "stripe"}}
			r.endpoint.Spec.AllowInsecureHTTP = true
		}, stripe, "PlansResolved: 1 plan can be bought"},
		{"Paddle without a token", func(r *references) {
			pp := r.providers["shop/stripe"]
			pp.Spec.Stripe, pp.Spec.Paddle = nil, &v1alpha1.PaddleProvider{}
		}, stripe, `SecretMissing!: PaymentProvider "stripe" has no spec.paddle.clientTokenSecretRef, without which ` +
			`Paddle opens no checkout`},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			in := world()
			tc.edit(&in)
			s := resolve(in)
			g.Expect(offered(&s.document)).To(Equal(tc.sold))
			v := s.verdict()
			mark := ""
			if v.Stalled {
				mark = "!"
			}
			g.Expect(v.Reason + mark + ": " + v.Message).To(Equal(tc.verdict))
		})
	}
}

// Nothing counts as being bought at a provider that is not ready, or of weight 0.
func TestServed(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	in := world()
	in.plans["pro"] = planOf("pro", "old", "stripe", "paddle")
	in.providers["shop/old"] = stripeAt("old", v1alpha1.ModeTest)
	in.providers["shop/paddle"] = stripeAt("paddle", v1alpha1.ModeTest)
	in.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 90), weighted("paddle", 10)}
	in.providers["shop/paddle"].Status.Account = nil
	providers, plans := resolve(in).served()
	g.Expect(providers).To(Equal([]v1alpha1.ServedProvider{
		{Name: "stripe", Namespace: "shop", Type: v1alpha1.ProviderStripe, Weight: 90, Prices: 2},
	}))
	g.Expect(plans).To(Equal(int32(1)))
	in.providers["shop/stripe"].DeletionTimestamp = &metav1.Time{Time: time.Now()}
	providers, plans = resolve(in).served()
	g.Expect(providers).To(BeEmpty())
	g.Expect(plans).To(BeZero())
}
