package adopt_test

import (
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// Whoever applies what is written must not replace a Plan that is there by another product.
func TestNamesOfPlansThatAreThereAreNotGiven(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	a.product("prod_marked", "Marked").Owner = billing.Owner{Cluster: "c", UID: "u", Namespace: "shop", Name: "pro"}
	for id, name := range map[string]string{"prod_pro": "Pro", "prod_basic": "Basic", "prod_team": "Team"} {
		a.product(id, name)
		a.price(id, "price_"+id, usd(900))
	}
	o := options()
	o.Namespace = "shop"
	basic, team := v1alpha1.Plan{}, v1alpha1.Plan{}
	basic.Name, team.Name = "basic", "crew"
	basic.Spec.Providers = []v1alpha1.PlanProvider{{Name: "paddle"}}
	team.Spec.Providers = []v1alpha1.PlanProvider{{Name: "stripe", Adopt: &v1alpha1.Adopt{ProductID: "prod_team"}}}
	o.Existing = []v1alpha1.Plan{basic, team}
	_, plans := imported(t, a, o)
	g.Expect(plans).To(HaveLen(3))
	g.Expect(plans).NotTo(Or(HaveKey("pro"), HaveKey("basic")))
	g.Expect(plans).To(HaveKey("crew"), "it has the product already")
}
