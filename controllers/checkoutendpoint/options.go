package checkoutendpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// judgeOptions says which options of the spec no provider of the endpoint can do, and which only some of them can: the
// users of the others get a refusal each time. Those of weight 0 count as well, since their subscriptions are managed.
func (s *sale) judgeOptions() {
	for _, o := range options(s.endpoint.Spec.Subscriptions) {
		var can, cannot []string
		for i := range s.document.Providers {
			p := &s.document.Providers[i]
			traits, known := s.traits[p.Type]
			switch {
			case !known:
			case o.can(traits):
				can = append(can, p.Name)
			default:
				cannot = append(cannot, p.Name)
			}
		}
		text := fmt.Sprintf("%s cannot be done at %s; such requests are refused there", o.text, strings.Join(cannot, ", "))
		switch {
		case len(cannot) == 0:
		case len(can) == 0:
			s.problem(status.Stalled(v1alpha1.ReasonUnsupported, text))
		default:
			s.notes = append(s.notes, text)
		}
	}
}

// option is what a spec asks of its providers.
type option struct {
	text string
	can  func(provider.SubscriptionTraits) bool
}

func options(spec *v1alpha1.SubscriptionOptions) []option {
	var list []option
	if spec == nil {
		return nil
	}
	if spec.Cancel == v1alpha1.CancelNow {
		list = append(list, option{
			text: "spec.subscriptions.cancel: Now", can: func(t provider.SubscriptionTraits) bool { return t.CancelNow },
		})
	}
	if change := spec.PlanChange; change != nil && change.Policy != v1alpha1.PlanChangeDisabled {
		proration := billing.Proration(cmp.Or(change.Proration, v1alpha1.ProrateImmediately))
		list = append(list, option{
			text: "spec.subscriptions.planChange.proration: " + string(proration),
			can: func(t provider.SubscriptionTraits) bool {
				return slices.Contains(t.Prorations, proration)
			},
		})
	}
	return list
}

// traitsIn are what the providers of this build tell of themselves.
func traitsIn(registry provider.Registry) map[billing.Provider]provider.SubscriptionTraits {
	out := map[billing.Provider]provider.SubscriptionTraits{}
	for _, adapter := range registry {
		if m, ok := adapter.(provider.SubscriptionManager); ok {
			out[adapter.Type()] = m.SubscriptionTraits()
		}
	}
	return out
}
