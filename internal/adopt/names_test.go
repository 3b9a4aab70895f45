package adopt_test

import (
	"strings"
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
	for _, name := range []string{"Pro", "Basic", "Team", "Solo"} {
		id := "prod_" + strings.ToLower(name)
		a.product(id, name)
		a.price(id, "price_"+id, usd(900))
	}
	o := options()
	o.Namespace = "shop"
	basic, team := v1alpha1.Plan{}, v1alpha1.Plan{}
	basic.Name, team.Name = "basic", "crew"
	basic.Spec.Providers = []v1alpha1.PlanProvider{{Name: "paddle"}}
	team.Spec.Providers = []v1alpha1.PlanProvider{{Name: "stripe", Adopt: &v1alpha1.Adopt{ProductID: "prod_team"}}}
	solo := v1alpha1.Plan{}
	solo.Name, solo.Namespace = "one", "shop"
	solo.Spec.Providers = []v1alpha1.PlanProvider{
		{Name: "stripe", Namespace: "shop", Adopt: &v1alpha1.Adopt{ProductID: "prod_solo"}},
	}
	o.Existing = []v1alpha1.Plan{basic, team, solo}
	_, plans := imported(t, a, o)
	g.Expect(plans).To(HaveLen(4))
	g.Expect(plans).NotTo(Or(HaveKey("pro"), HaveKey("basic")))
	g.Expect(plans).To(HaveKey("crew"), "it has the product already")
	g.Expect(plans).To(HaveKey("one"), "and so has this one, which names its own namespace")
}
