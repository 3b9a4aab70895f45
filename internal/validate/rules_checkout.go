package validate

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
)

var checkoutRules = []Rule{
	{
		ID: "KASSA050", Name: "anonymous-subscriptions", Severity: Warning, Docs: "docs/checkout.md#who-may-call",
		Summary: "A CheckoutEndpoint sells subscriptions to users that it does not know",
		Help: "With auth.anonymous nobody can be shown, or cancel, what was bought there. Write auth.jwt or " +
			"auth.bearerToken, or sell one-time prices alone.",
		check: anonymousSubscriptions,
	},
	{
		ID: "KASSA051", Name: "anonymous-without-rate-limit", Severity: Warning, Docs: "docs/checkout.md#rate-limit",
		Summary: "A CheckoutEndpoint that anybody may call has no rateLimit of its own, or a loose one",
		Help: "Card testers open checkouts by the thousand. The default of 60 a minute is for signed-in users; write " +
			"rateLimit with requestsPerMinute of 60 or less, and trustedProxies.",
		check: anonymousRate,
	},
	{
		ID: "KASSA052", Name: "local-origin-in-live", Severity: Warning, Docs: "docs/checkout.md",
		Summary: "A CheckoutEndpoint with a PaymentProvider in Live mode admits pages of localhost",
		Help:    "Any program on a user's machine could serve such a page. Remove the origin from allowedOrigins.",
		check:   localOrigins,
	},
	{
		ID: "KASSA053", Name: "not-sold-at", Severity: Warning, Docs: "docs/checkout.md#several-providers",
		Summary: "A CheckoutEndpoint names a PaymentProvider that sells none of its Plans, or names none of several",
		Help: "Add the PaymentProvider to the Plans' providers, or give it weight 0. Where Plans are at several " +
			"PaymentProviders, say in spec.providers which of them sell.",
		check: notSoldAt,
	},
	{
		ID: "KASSA054", Name: "unsupported-subscription-option", Severity: Error, Docs: "docs/providers.md",
		Summary: "No provider of a CheckoutEndpoint can do an option of spec.subscriptions",
		Help:    "Every such request would be refused. Write an option that the provider has.",
		check:   subscriptionOptions,
	},
}

// sold are the Plans that an endpoint sells, as far as they are in the set.
func (j *judge) sold(e *endpoint) []plan {
	var out []plan
	if s := e.T.Spec.PlanSelector; s != nil {
		selector, err := metav1.LabelSelectorAsSelector(s)
		for _, p := range j.plans {
			if err == nil && p.key.Namespace == e.key.Namespace && selector.Matches(labels.Set(p.T.Labels)) {
				out = append(out, p)
			}
		}
		return out
	}
	for _, named := range e.T.Spec.Plans {
		out = append(out, j.plansAt(types.NamespacedName{Namespace: e.key.Namespace, Name: named.Name})...)
	}
	return out
}

// sellers are the PaymentProviders of an endpoint, or else of its Plans, as far as they are in the set.
func (j *judge) sellers(e *endpoint) []paymentProvider {
	var out []paymentProvider
	for _, at := range e.T.Spec.Providers {
		out = append(out, j.provider(e.key, at.Name, at.Namespace)...)
	}
	if len(e.T.Spec.Providers) > 0 {
		return out
	}
	for _, p := range j.sold(e) {
		for _, at := range p.T.Spec.Providers {
			out = append(out, j.provider(p.key, at.Name, at.Namespace)...)
		}
	}
	return out
}

func anonymousSubscriptions(j *judge) {
	for _, e := range j.endpoints {
		if e.T.Spec.Auth.Anonymous == nil {
			continue
		}
		for _, p := range j.sold(&e) {
			if name := subscriptionOf(&e, &p); name != "" {
				j.report(e.Document, "spec.auth.anonymous", "price %q of Plan %q is a subscription, which a buyer who is not "+
					"signed in can neither see nor cancel; write auth.jwt or auth.bearerToken", name, p.Name())
			}
		}
	}
}

// subscriptionOf is a recurring price of a Plan that an endpoint sells, or empty.
func subscriptionOf(e *endpoint, p *plan) string {
	var only []string
	for _, named := range e.T.Spec.Plans {
		if named.Name == p.Name() {
			only = named.Prices
		}
	}
	for _, price := range p.T.Spec.Prices {
		if price.Recurring != nil && (len(only) == 0 || slices.Contains(only, price.Name)) {
			return price.Name
		}
	}
	return ""
}

// looseRate is as many requests in a minute as no buyer makes.
const looseRate = 300

func anonymousRate(j *judge) {
	for _, e := range j.endpoints {
		limit := e.T.Spec.RateLimit
		switch {
		case e.T.Spec.Auth.Anonymous == nil:
		case limit == nil || limit.RequestsPerMinute == 0:
			j.report(e.Document, "spec.auth.anonymous", "anybody may open checkouts here; write rateLimit with "+
				"requestsPerMinute of 60 or less, and trustedProxies so that each buyer's own address counts")
		case limit.RequestsPerMinute > looseRate:
			j.report(e.Document, "spec.rateLimit.requestsPerMinute", "anybody may open %d checkouts a minute here; write 60 or "+
				"less", limit.RequestsPerMinute)
		}
	}
}

func localOrigins(j *judge) {
	for _, e := range j.endpoints {
		if !live(j.sellers(&e)) {
			continue
		}
		for i, origin := range e.T.Spec.AllowedOrigins {
			if u, err := url.Parse(origin); err == nil && u.Hostname() != "" && near(u.Hostname()) {
				j.report(e.Document, manifests.Index("spec.allowedOrigins", i), "this origin is a program's on somebody's own "+
					"machine or network, and this sells in Live mode; remove it")
			}
		}
	}
}

// pathIn is the path that an error begins with.
func pathIn(message string) string {
	path, _, ok := strings.Cut(message, ": ")
	if !ok {
		return "spec"
	}
	return path
}

func notSoldAt(j *judge) {
	for _, e := range j.endpoints {
		at, several := map[types.NamespacedName]bool{}, false
		for _, p := range j.sold(&e) {
			several = several || len(p.T.Spec.Providers) > 1
			for i := range p.T.Spec.Providers {
				at[accounts.ProviderKey(p.key.Namespace, &p.T.Spec.Providers[i])] = true
			}
		}
		if len(at) == 0 {
			continue
		}
		if len(e.T.Spec.Providers) == 0 && len(at) > 1 && several {
			j.report(e.Document, "spec", "the Plans are at several PaymentProviders; say in spec.providers which of them sell")
		}
		for i, named := range e.T.Spec.Providers {
			key := accounts.ProviderKey(e.key.Namespace, &v1alpha1.PlanProvider{Name: named.Name, Namespace: named.Namespace})
			if !at[key] && (named.Weight == nil || *named.Weight > 0) {
				j.report(e.Document, manifests.Index("spec.providers", i)+".name", "no Plan of this CheckoutEndpoint is at "+
					"PaymentProvider %q; add it to the Plans' providers, or write weight: 0", named.Name)
			}
		}
	}
}

func subscriptionOptions(j *judge) {
	for _, e := range j.endpoints {
		spec := e.T.Spec.Subscriptions
		if spec == nil {
			continue
		}
		traits := j.traits(j.sellers(&e))
		none := func(can func(provider.SubscriptionTraits) bool) bool {
			return len(traits) > 0 && !slices.ContainsFunc(traits, can)
		}
		if spec.Cancel == v1alpha1.CancelNow && none(func(t provider.SubscriptionTraits) bool { return t.CancelNow }) {
			j.report(e.Document, "spec.subscriptions.cancel", "no provider of this CheckoutEndpoint cancels at once; write "+
				"AtPeriodEnd")
		}
		change := spec.PlanChange
		if change == nil || change.Policy == v1alpha1.PlanChangeDisabled {
			continue
		}
		proration := billing.Proration(cmp.Or(change.Proration, v1alpha1.ProrateImmediately))
		if none(func(t provider.SubscriptionTraits) bool { return slices.Contains(t.Prorations, proration) }) {
			j.report(e.Document, "spec.subscriptions.planChange.proration", "no provider of this CheckoutEndpoint charges a "+
				"change of plan by %s; write ProrateImmediately, ProrateNextPeriod or None", proration)
		}
	}
}

func (j *judge) traits(providers []paymentProvider) []provider.SubscriptionTraits {
	var out []provider.SubscriptionTraits
	for _, p := range providers {
		if m, ok := j.Registry[typeOf(p.T)].(provider.SubscriptionManager); ok {
			out = append(out, m.SubscriptionTraits())
		}
	}
	return out
}
