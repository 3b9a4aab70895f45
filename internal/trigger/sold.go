package trigger

import (
	"fmt"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
)

// Sold is a price of a Plan at a receiver's provider.
type Sold struct {
	PriceID   string
	ProductID string
	Money     billing.Money // zero of a price without one amount
}

// SoldBy finds a Plan's price at the provider of a receiver in the same namespace. Without a name it is the first that
// can be bought there.
func SoldBy(plan *v1alpha1.Plan, price string, r *v1alpha1.WebhookReceiver) (Sold, error) {
	wanted := accounts.ReceiverProvider(r)
	i := slices.IndexFunc(plan.Status.Providers, func(p v1alpha1.PlanProviderStatus) bool {
		return accounts.ProviderKey(plan.Namespace, &v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace}) == wanted
	})
	if i < 0 {
		return Sold{}, fmt.Errorf("the Plan %s is not sold at the PaymentProvider %s", plan.Name, wanted)
	}
	at := &plan.Status.Providers[i]
	i = slices.IndexFunc(at.Prices, func(p v1alpha1.PlanPriceStatus) bool {
		return p.ID != "" && (price == "" || p.Name == price)
	})
	if i < 0 {
		return Sold{}, fmt.Errorf("the Plan %s has no price %q that can be bought at %s", plan.Name, price, wanted)
	}
	out := Sold{PriceID: at.Prices[i].ID, ProductID: at.ProductID}
	for _, p := range plan.Spec.Prices {
		if p.Name == at.Prices[i].Name && p.Amount != "" {
			out.Money, _ = billing.ParseMoney(string(p.Amount), string(p.Currency)) // the API server has checked it
		}
	}
	return out, nil
}
