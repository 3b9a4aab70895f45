package checkoutendpoint

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// chooseProviders puts those of the spec into the document and, with weight 0, the other ones of the plans: running
// subscriptions there are still managed.
func (s *sale) chooseProviders() {
	for _, w := range s.weighted() {
		at := v1alpha1.PlanProvider{Name: w.Name, Namespace: w.Namespace}
		key := accounts.ProviderKey(s.endpoint.Namespace, &at).String()
		if s.document.Provider(key) != nil {
			continue
		}
		pp := s.providers[key]
		switch {
		case pp == nil:
			s.refuse(key)
			continue
		case s.insecure(pp):
			s.problem(status.Stalled(v1alpha1.ReasonInsecureHTTP, fmt.Sprintf("PaymentProvider %q is in Live mode, and "+
				"allowInsecureHTTP is for a sandbox; remove it and let every URL start with https://", pp.Name)))
			continue
		}
		weight := int32(1)
		if w.Weight != nil {
			weight = *w.Weight
		}
		s.add(key, pp, weight)
		if weight > 0 {
			s.judge(pp)
		}
	}
	others := slices.Sorted(maps.Keys(s.providers))
	for _, key := range others {
		if pp := s.providers[key]; s.document.Provider(key) == nil && !s.insecure(pp) {
			s.add(key, pp, 0)
		}
	}
}

// weighted are the spec's providers or, where it has none, the one that all plans have in common.
func (s *sale) weighted() []v1alpha1.WeightedProvider {
	if len(s.endpoint.Spec.Providers) > 0 {
		return s.endpoint.Spec.Providers
	}
	counts, plans := map[string]int{}, 0
	named := map[string]v1alpha1.WeightedProvider{}
	for _, plan := range s.plans {
		if !plan.DeletionTimestamp.IsZero() {
			continue
		}
		plans++
		for _, at := range plan.Spec.Providers {
			key := accounts.ProviderKey(plan.Namespace, &at)
			counts[key.String()]++
			named[key.String()] = v1alpha1.WeightedProvider{Name: key.Name, Namespace: key.Namespace}
		}
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n < plans })
	for key := range counts {
		if len(counts) == 1 {
			return []v1alpha1.WeightedProvider{named[key]}
		}
	}
	if plans > 0 {
		s.problem(status.Stalled(v1alpha1.ReasonProvidersUndecided, fmt.Sprintf("the Plans have %d PaymentProviders in "+
			"common; name in spec.providers those that checkouts go to", len(counts))))
	}
	return nil
}

func (s *sale) refuse(key string) {
	if refusal := s.refused[key]; refusal != nil {
		s.problem(status.Verdict{
			Ready: metav1.ConditionFalse, Reason: refusal.Reason, Message: refusal.Message, Stalled: refusal.Stalled,
		})
	}
}

// insecure: with plain HTTP nobody's real money is taken.
func (s *sale) insecure(pp *v1alpha1.PaymentProvider) bool {
	return pp.Spec.Mode == v1alpha1.ModeLive && s.endpoint.Spec.AllowInsecureHTTP
}

// judge says what keeps checkouts from a provider that is to get some.
func (s *sale) judge(pp *v1alpha1.PaymentProvider) {
	if !ready(pp) {
		v := status.Waiting(v1alpha1.ReasonProviderNotReady, fmt.Sprintf("PaymentProvider %q is not ready; its conditions "+
			"say more", pp.Name))
		v.Stalled = meta.IsStatusConditionTrue(pp.Status.Conditions, v1alpha1.ConditionStalled)
		s.problem(v)
	}
	if p := pp.Spec.Paddle; p != nil && p.ClientTokenSecretRef == nil {
		s.problem(status.Stalled(v1alpha1.ReasonSecretMissing, fmt.Sprintf("PaymentProvider %q has no "+
			"spec.paddle.clientTokenSecretRef, without which Paddle opens no checkout", pp.Name)))
	}
}

// ready: key, mode and account were found to be right. While that cannot be checked, they are taken to be so still.
func ready(pp *v1alpha1.PaymentProvider) bool {
	c := meta.FindStatusCondition(pp.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.Status != metav1.ConditionFalse && pp.Status.Account != nil && pp.DeletionTimestamp.IsZero()
}

func (s *sale) add(key string, pp *v1alpha1.PaymentProvider, weight int32) {
	p := storefront.Provider{
		Namespace: pp.Namespace, Name: pp.Name, Type: accounts.TypeOf(&pp.Spec), Mode: billing.Mode(pp.Spec.Mode),
		BaseURL: pp.Spec.BaseURL, Weight: weight, Ready: ready(pp),
		RequestsPerSecond: s.limits[key].PerSecond, Burst: s.limits[key].Burst,
	}
	if a := pp.Status.Account; a != nil {
		p.AccountID = a.ID
	}
	switch spec := pp.Spec; {
	case spec.Paddle != nil:
		p.APIKey = secretKey(spec.Paddle.APIKeySecretRef)
		if ref := spec.Paddle.ClientTokenSecretRef; ref != nil {
			token := secretKey(*ref)
			p.ClientToken = &token
		}
	case spec.LemonSqueezy != nil:
		p.APIKey, p.StoreID = secretKey(spec.LemonSqueezy.APIKeySecretRef), spec.LemonSqueezy.StoreID
	case spec.Stripe != nil:
		p.APIKey = secretKey(spec.Stripe.APIKeySecretRef)
	}
	s.document.Providers = append(s.document.Providers, p)
}

func secretKey(ref v1alpha1.SecretKeyReference) storefront.SecretKey {
	return storefront.SecretKey{Name: ref.Name, Key: ref.Key}
}

// secretsOf are the Secrets that a server reads for its providers, by namespace.
func secretsOf(d *storefront.Document) map[string][]string {
	names := map[string][]string{}
	for i := range d.Providers {
		p := &d.Providers[i]
		names[p.Namespace] = append(names[p.Namespace], p.APIKey.Name)
		if p.ClientToken != nil {
			names[p.Namespace] = append(names[p.Namespace], p.ClientToken.Name)
		}
	}
	for namespace, list := range names {
		slices.Sort(list)
		names[namespace] = slices.Compact(list)
	}
	return names
}

// needsMore says that a document names a Secret that the one before does not name, or may not.
func needsMore(before, now *storefront.Document) bool {
	if before == nil {
		return true
	}
	had := secretsOf(before)
	for namespace, names := range secretsOf(now) {
		for _, name := range names {
			if !slices.Contains(had[namespace], name) {
				return true
			}
		}
	}
	return false
}
