package overview

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Problem is something that is wrong, or not finished.
type Problem struct {
	Kind string `json:"kind"`
	Named
	// Condition that says so; empty where none does.
	Condition string     `json:"condition,omitempty"`
	Reason    string     `json:"reason"`
	Message   string     `json:"message"`
	Since     *time.Time `json:"since,omitempty"`
	// Advice is what the documentation says to do.
	Advice string `json:"advice,omitempty"`

	grave bool // nothing goes on by itself
}

// byWeight puts first what nothing but somebody can change, and then what the rest may follow from.
func byWeight(a, b Problem) int {
	if a.grave != b.grave {
		if a.grave {
			return -1
		}
		return 1
	}
	order := map[string]int{"Deployment": 0, "PaymentProvider": 1, "Plan": 2, "WebhookReceiver": 3, "CheckoutEndpoint": 4}
	return cmp.Or(order[a.Kind]-order[b.Kind], cmp.Compare(a.String(), b.String()))
}

// object is what all kinds have in common.
type object struct {
	kind       string
	meta       *metav1.ObjectMeta
	observed   int64
	conditions []metav1.Condition
}

func (o object) named() Named { return Named{o.meta.Namespace, o.meta.Name} }

func (o object) ready() string {
	if c := meta.FindStatusCondition(o.conditions, v1alpha1.ConditionReady); c != nil {
		return string(c.Status)
	}
	return string(metav1.ConditionUnknown)
}

// look finds what is wrong with an object. Ready weighs most; another condition is told of if it says something else.
func (r *Report) look(o object) {
	ready := meta.FindStatusCondition(o.conditions, v1alpha1.ConditionReady)
	stalled := meta.FindStatusCondition(o.conditions, v1alpha1.ConditionStalled)
	if stalled != nil && stalled.Status == metav1.ConditionTrue && stalled.Reason == v1alpha1.ReasonSuspended {
		r.Notices = append(r.Notices, fmt.Sprintf("%s %s is suspended: nothing of it is looked at.", o.kind, o.named()))
		stalled = nil
	}
	grave := stalled != nil && stalled.Status == metav1.ConditionTrue
	if ready == nil || o.observed < o.meta.Generation {
		r.Problems = append(r.Problems, Problem{
			Kind: o.kind, Named: o.named(), Reason: "NotObserved", Since: since(ready),
			Message: "the operator has not looked at the object as it is now",
			Advice:  "wait a moment; if it stays so, see whether the operator runs and watches this namespace",
		})
	}
	told := map[string]bool{}
	// What is suspended is not Ready for that reason, and was told of above.
	if ready != nil && ready.Status != metav1.ConditionTrue && ready.Reason != v1alpha1.ReasonSuspended {
		r.condition(o, ready, grave)
		told[ready.Reason] = true
	}
	for i := range o.conditions {
		c := &o.conditions[i]
		switch c.Type {
		case v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled:
			continue
		}
		if c.Status == metav1.ConditionFalse && !told[c.Reason] {
			r.condition(o, c, grave)
			told[c.Reason] = true
		}
	}
}

func (r *Report) condition(o object, c *metav1.Condition, grave bool) {
	r.Problems = append(r.Problems, Problem{
		Kind: o.kind, Named: o.named(), Condition: c.Type, Reason: c.Reason, Message: c.Message, Since: since(c),
		Advice: advice(o.kind, o.meta.Name, c.Reason), grave: grave,
	})
}

func since(c *metav1.Condition) *time.Time {
	if c == nil || c.LastTransitionTime.IsZero() {
		return nil
	}
	return new(c.LastTransitionTime.UTC())
}

// recovery has no condition: a receiver is ready all the same.
func (r *Report) recovery(o object, s *v1alpha1.RecoveryStatus) {
	if s == nil || s.Reason == "" {
		return
	}
	p := Problem{Kind: o.kind, Named: o.named(), Condition: "recovery", Reason: s.Reason, Message: s.Message}
	p.Advice = advice(o.kind, o.meta.Name, s.Reason)
	if s.LastSweep != nil {
		p.Since = new(s.LastSweep.UTC())
	}
	r.Problems = append(r.Problems, p)
}
