package reception

import (
	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// Reach says what becomes of an event.
type Reach struct {
	// Sinks that it goes to.
	Sinks []string
	// Recorded: its id is remembered, and the status tells of it.
	Recorded bool
	// Dunned: the operator looks at it as well.
	Dunned bool
}

// ReachOf an event, by a receiver's specification.
func ReachOf(spec *v1alpha1.WebhookReceiverSpec, e *billing.Event) Reach {
	selected := billing.MatchesEvent(spec.Events, e.Type, e.NativeType)
	out := Reach{Dunned: spec.Dunning != nil && Owed(e)}
	if d := spec.Delivery; d != nil {
		for i := range d.Sinks {
			if Goes(e, selected, d.Sinks[i].Events) {
				out.Sinks = append(out.Sinks, d.Sinks[i].Name)
			}
		}
	}
	switch {
	case len(out.Sinks) > 0:
		out.Recorded = true
	case e.Type == "":
		out.Recorded = spec.Store != nil && Explains(e)
	default:
		out.Recorded = selected || out.Dunned
	}
	return out
}

// Goes says whether an event goes to a sink with these patterns. selected says whether spec.events admits it: a sink
// without patterns takes the normalised events that do, a sink with some takes what they name.
func Goes(e *billing.Event, selected bool, patterns []string) bool {
	return (selected || len(patterns) > 0) && billing.MatchesEvent(patterns, e.Type, e.NativeType)
}

// Owed says that a payment of a subscription failed, which is what dunning looks at.
func Owed(e *billing.Event) bool {
	return e.Type == billing.PaymentFailed && e.Subscription != nil && e.Subscription.ID != ""
}

// Explains says that an event tells why a payment failed. Records take that from one without a name of Kassa's, too.
func Explains(e *billing.Event) bool { return e.Payment != nil && e.Payment.FailureCode != "" }
