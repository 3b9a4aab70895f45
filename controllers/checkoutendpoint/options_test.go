package checkoutendpoint

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// What none of the endpoint's providers can do is a problem; what only some cannot is told, and keeps nothing from
// being ready.
func TestOptionsThatAProviderCannotDo(t *testing.T) {
	t.Parallel()
	cannot := provider.SubscriptionTraits{Prorations: []billing.Proration{billing.ProrateImmediately}}
	can := provider.SubscriptionTraits{CancelNow: true, Prorations: []billing.Proration{
		billing.ProrateImmediately, billing.FullImmediately,
	}}
	const cancel, full = "spec.subscriptions.cancel: Now cannot be done at ",
		"spec.subscriptions.planChange.proration: FullImmediately cannot be done at "
	const each = "; such requests are refused there"
	now := &v1alpha1.SubscriptionOptions{Cancel: v1alpha1.CancelNow}
	both := &v1alpha1.SubscriptionOptions{
		Cancel: v1alpha1.CancelNow, PlanChange: &v1alpha1.PlanChange{Proration: v1alpha1.FullImmediately},
	}
	for _, c := range []struct {
		why            string
		options        *v1alpha1.SubscriptionOptions
		stripe, paddle provider.SubscriptionTraits
		problem, note  string
	}{
		{"nothing is asked for", nil, cannot, cannot, "", ""},
		{"the defaults", &v1alpha1.SubscriptionOptions{PlanChange: &v1alpha1.PlanChange{}}, cannot, cannot, "", ""},
		{"all can", both, can, can, "", ""},
		{"one cannot", now, cannot, can, "", cancel + "stripe" + each},
		{"none can", now, cannot, cannot, cancel + "stripe, paddle" + each, ""},
		{"two options", both, can, cannot, "", cancel + "paddle" + each + "; " + full + "paddle" + each},
		{"no plan is changed", &v1alpha1.SubscriptionOptions{PlanChange: &v1alpha1.PlanChange{
			Policy: v1alpha1.PlanChangeDisabled, Proration: v1alpha1.FullImmediately,
		}}, cannot, cannot, "", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			g, refs := NewWithT(t), world()
			refs.plans["pro"] = planOf("pro", "stripe", "paddle")
			paddle := paddleAt("paddle")
			paddle.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "paddle", Key: "token"}
			refs.providers["shop/paddle"] = paddle
			refs.endpoint.Spec.Providers = []v1alpha1.WeightedProvider{weighted("stripe", 1), weighted("paddle", 1)}
			refs.endpoint.Spec.Subscriptions, refs.endpoint.Spec.URL = c.options, "https://pay.example.com"
			refs.traits = map[billing.Provider]provider.SubscriptionTraits{
				billing.Stripe: c.stripe, billing.Paddle: c.paddle,
			}
			sale := resolve(refs)
			if c.problem != "" {
				g.Expect(sale.verdict()).To(Equal(status.Stalled(v1alpha1.ReasonUnsupported, c.problem)))
				return
			}
			g.Expect(sale.verdict().Ready).To(Equal(metav1.ConditionTrue))
			said := "1 plan can be bought at https://pay.example.com; 2 of 2 replicas"
			if c.note != "" {
				said += "; " + c.note
			}
			s := state{sale: sale}
			server := status.Ready(v1alpha1.ReasonSucceeded, "2 of 2 replicas")
			g.Expect(s.overall(refs.endpoint, sale.verdict(), server)).
				To(Equal(status.Ready(v1alpha1.ReasonSucceeded, said)))
		})
	}
}
