package desired

import (
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// StatusIndex is where a provider is in the Plan's status, or negative.
func StatusIndex(plan *v1alpha1.Plan, name string) int {
	return slices.IndexFunc(plan.Status.Providers, func(s v1alpha1.PlanProviderStatus) bool { return s.Name == name })
}

// Known are the ids that a status has, or, of what is adopted, the spec.
func Known(s v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) provider.Known {
	known := provider.Known{ProductID: s.ProductID}
	for _, p := range s.Prices {
		known.PriceIDs = append(known.PriceIDs, p.ID)
	}
	if at.Adopt != nil {
		known.ProductID, known.Only = at.Adopt.ProductID, true
		for _, p := range at.Adopt.Prices {
			if !slices.Contains(known.PriceIDs, p.ID) {
				known.PriceIDs = append(known.PriceIDs, p.ID)
			}
		}
	}
	return known
}

// Record is what a status says to be the Plan's own. What is adopted is not before it is marked, and after that its
// marks say so.
func Record(s v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) catalog.Record {
	if s.Adopted && at.Adopt == nil {
		return catalog.Record{}
	}
	record := catalog.Record{Prices: map[string]string{}}
	for _, p := range s.RetiredPrices {
		record.Prices[p.ID] = p.Name
	}
	for _, p := range s.Prices {
		record.Prices[p.ID] = p.Name
	}
	if at.Adopt == nil {
		record.ProductID = s.ProductID
		return record
	}
	for _, p := range at.Adopt.Prices {
		delete(record.Prices, p.ID)
	}
	return record
}

// OwnTwins is what a plan has at one provider, by the account's mirror, without those twins that it has under another
// name, at another PaymentProvider of the account.
func OwnTwins(plan *v1alpha1.Plan, name string, have billing.Observed) billing.Observed {
	have.Twins = slices.DeleteFunc(slices.Clone(have.Twins), func(t billing.Product) bool {
		return slices.ContainsFunc(plan.Spec.Providers, func(p v1alpha1.PlanProvider) bool {
			return p.Name != name && p.Adopt != nil && p.Adopt.ProductID == t.ID
		}) || slices.ContainsFunc(plan.Status.Providers, func(p v1alpha1.PlanProviderStatus) bool {
			return p.Name != name && p.ProductID == t.ID
		})
	})
	return have
}
