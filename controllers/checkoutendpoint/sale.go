package checkoutendpoint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// sale is what an endpoint sells, and what it cannot.
type sale struct {
	references
	document storefront.Document
	problems []status.Verdict
	notes    []string // of what is no problem, and yet not as the spec may make believe
}

// resolve decides what can be bought. What cannot is a problem and keeps nothing else from being sold.
func resolve(refs references) *sale {
	s := &sale{references: refs, document: storefront.Document{
		Cluster: refs.cluster, Providers: []storefront.Provider{}, Plans: []storefront.Plan{},
	}}
	s.chooseProviders()
	s.judgeOptions()
	for _, o := range s.offers() {
		s.offer(o)
	}
	return s
}

func (s *sale) problem(v status.Verdict) { s.problems = append(s.problems, v) }

// offers are the plans of the spec in its order or, with a selector, of the names'.
func (s *sale) offers() []v1alpha1.CheckoutPlan {
	if s.endpoint.Spec.PlanSelector == nil {
		return s.endpoint.Spec.Plans
	}
	var list []v1alpha1.CheckoutPlan
	for _, name := range slices.Sorted(maps.Keys(s.plans)) {
		if s.plans[name].DeletionTimestamp.IsZero() {
			list = append(list, v1alpha1.CheckoutPlan{Name: name})
		}
	}
	if len(list) == 0 {
		s.problem(status.Stalled(v1alpha1.ReasonReferenceNotFound, "no Plan of the namespace matches spec.planSelector"))
	}
	return list
}

func (s *sale) offer(o v1alpha1.CheckoutPlan) {
	plan := s.plans[o.Name]
	switch {
	case plan == nil:
		s.problem(status.Stalled(v1alpha1.ReasonReferenceNotFound, fmt.Sprintf("Plan %q does not exist", o.Name)))
		return
	case !plan.DeletionTimestamp.IsZero():
		s.problem(status.Waiting(v1alpha1.ReasonPlanNotReady, fmt.Sprintf("Plan %q is being deleted", o.Name)))
		return
	}
	out := storefront.Plan{
		Name: plan.Name, DisplayName: plan.Spec.DisplayName, Description: plan.Spec.Description,
		Features: plan.Spec.Features, UnitLabel: plan.Spec.UnitLabel, UID: string(plan.UID),
	}
	if len(plan.Spec.ImageURLs) > 0 {
		out.ImageURL = plan.Spec.ImageURLs[0]
	}
	var missing []string
	for _, price := range s.prices(plan, o.Prices) {
		at := s.at(plan, price.Name)
		if !s.buyable(at) {
			missing = append(missing, price.Name)
			continue
		}
		p, err := s.price(plan, price, at)
		if err != nil {
			s.problem(status.Stalled(v1alpha1.ReasonPlanNotReady, fmt.Sprintf("Plan %q, price %q: %v", o.Name, p.Name, err)))
			continue
		}
		out.Prices = append(out.Prices, p)
		if p.Name == cmp.Or(plan.Spec.DefaultPrice, plan.Spec.Prices[0].Name) {
			out.DefaultPrice = p.Name
		}
	}
	s.judgePlan(plan, missing)
	if len(out.Prices) > 0 {
		s.document.Plans = append(s.document.Plans, out)
	}
}

// prices are those of a plan that are to be sold: the named ones in that order, or all.
func (s *sale) prices(plan *v1alpha1.Plan, names []string) []*v1alpha1.Price {
	var list []*v1alpha1.Price
	if len(names) == 0 {
		for i := range plan.Spec.Prices {
			list = append(list, &plan.Spec.Prices[i])
		}
		return list
	}
	for _, name := range names {
		i := slices.IndexFunc(plan.Spec.Prices, func(p v1alpha1.Price) bool { return p.Name == name })
		if i < 0 {
			s.problem(status.Stalled(v1alpha1.ReasonPriceNotFound, fmt.Sprintf("Plan %q has no price %q", plan.Name, name)))
			continue
		}
		list = append(list, &plan.Spec.Prices[i])
	}
	return list
}

// at is where a price is live: also where nobody gets a new checkout, for those who change to it there.
func (s *sale) at(plan *v1alpha1.Plan, price string) []storefront.At {
	var list []storefront.At
	for i := range s.document.Providers {
		key := s.document.Providers[i].Key()
		there := planAt(plan, key)
		if there == nil {
			continue
		}
		for _, p := range there.Prices {
			if p.Name == price && p.State == v1alpha1.PriceActive {
				list = append(list, storefront.At{Provider: key, ProductID: there.ProductID, PriceID: p.ID})
			}
		}
	}
	return list
}

// planAt is the plan's status at a provider, nil where it has none.
func planAt(plan *v1alpha1.Plan, key string) *v1alpha1.PlanProviderStatus {
	for i := range plan.Status.Providers {
		p := &plan.Status.Providers[i]
		at := v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace}
		if accounts.ProviderKey(plan.Namespace, &at).String() == key {
			return p
		}
	}
	return nil
}

func (s *sale) buyable(at []storefront.At) bool {
	return slices.ContainsFunc(at, func(a storefront.At) bool { return s.document.Provider(a.Provider).Weight > 0 })
}

// judgePlan says what of a plan cannot be bought, or else at which provider it is not as its spec says.
func (s *sale) judgePlan(plan *v1alpha1.Plan, missing []string) {
	var states []string
	for i := range s.document.Providers {
		p := &s.document.Providers[i]
		if there := planAt(plan, p.Key()); p.Weight > 0 && there != nil && there.Ready == metav1.ConditionFalse {
			states = append(states, p.Name+": "+there.Reason)
		}
	}
	var text string
	switch {
	case len(missing) > 0:
		text = fmt.Sprintf("Plan %q: not on sale at the endpoint's providers: %s", plan.Name, strings.Join(missing, ", "))
		if len(states) > 0 {
			text += " (" + strings.Join(states, ", ") + ")"
		}
	case len(states) > 0:
		text = fmt.Sprintf("Plan %q is not ready (%s); its conditions say more", plan.Name, strings.Join(states, ", "))
	default:
		return
	}
	v := status.Waiting(v1alpha1.ReasonPlanNotReady, text)
	v.Stalled = meta.IsStatusConditionTrue(plan.Status.Conditions, v1alpha1.ConditionStalled) ||
		meta.IsStatusConditionTrue(plan.Status.Conditions, v1alpha1.ConditionReady)
	s.problem(v)
}

// verdict is that of the condition PlansResolved. What somebody has to change comes before what goes on by itself.
func (s *sale) verdict() status.Verdict {
	if len(s.problems) == 0 {
		plans := "1 plan"
		if n := len(s.document.Plans); n != 1 {
			plans = fmt.Sprintf("%d plans", n)
		}
		return status.Ready(v1alpha1.ReasonPlansResolved, plans+" can be bought")
	}
	worst := s.problems[0]
	texts := make([]string, len(s.problems))
	for i, p := range s.problems {
		if p.Stalled && !worst.Stalled {
			worst = p
		}
		texts[i] = p.Message
	}
	worst.Message = strings.Join(texts, "; ")
	return worst
}

// served counts what can be bought, for the status.
func (s *sale) served() (providers []v1alpha1.ServedProvider, plans int32) {
	prices := map[string]int32{}
	for i := range s.document.Plans {
		buyable := false
		for _, price := range s.document.Plans[i].Prices {
			for _, at := range price.At {
				if p := s.document.Provider(at.Provider); p.Weight > 0 && p.Ready {
					prices[at.Provider]++
					buyable = true
				}
			}
		}
		if buyable {
			plans++
		}
	}
	for i := range s.document.Providers {
		p := &s.document.Providers[i]
		if n := prices[p.Key()]; n > 0 {
			providers = append(providers, v1alpha1.ServedProvider{
				Name: p.Name, Namespace: p.Namespace, Type: v1alpha1.ProviderType(p.Type), Weight: p.Weight, Prices: n,
			})
		}
	}
	return providers, plans
}
