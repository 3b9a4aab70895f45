// Package status says how an object is, in the way that kstatus, Argo CD and Flux read, and writes it by server-side
// apply only when it changed.
package status

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// maxMessage bounds a condition's message, in bytes.
const maxMessage = 1024

// Verdict is how an object is.
type Verdict struct {
	Ready   metav1.ConditionStatus
	Reason  string
	Message string
	// Stalled: nothing more happens until somebody changes something that Kassa watches.
	Stalled bool
}

// Ready is the verdict on an object that is as its spec says.
func Ready(reason, message string) Verdict {
	return Verdict{Ready: metav1.ConditionTrue, Reason: reason, Message: message}
}

// Stalled is the verdict on an object that cannot go on by itself.
func Stalled(reason, message string) Verdict {
	return Verdict{Ready: metav1.ConditionFalse, Reason: reason, Message: message, Stalled: true}
}

// Waiting is the verdict on an object that Kassa goes on with by itself.
func Waiting(reason, message string) Verdict {
	return Verdict{Ready: metav1.ConditionFalse, Reason: reason, Message: message}
}

// Unknown is the verdict on an object that was ready and cannot be checked now.
func Unknown(reason, message string) Verdict {
	return Verdict{Ready: metav1.ConditionUnknown, Reason: reason, Message: message}
}

// Set puts the verdict into conditions: Ready always, Stalled or Reconciling only while true.
func (v Verdict) Set(conditions *[]metav1.Condition, generation int64) {
	Set(conditions, generation, v1alpha1.ConditionReady, v.Ready, v.Reason, v.Message)
	mark := func(kind string, on bool) {
		if on {
			Set(conditions, generation, kind, metav1.ConditionTrue, v.Reason, v.Message)
		} else {
			meta.RemoveStatusCondition(conditions, kind)
		}
	}
	mark(v1alpha1.ConditionStalled, v.Stalled)
	mark(v1alpha1.ConditionReconciling, !v.Stalled && v.Ready != metav1.ConditionTrue)
}

// Set puts one more condition into conditions.
func Set(
	conditions *[]metav1.Condition, generation int64, kind string, s metav1.ConditionStatus, reason, message string,
) {
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: kind, Status: s, Reason: reason, Message: provider.Truncate(message, maxMessage),
		ObservedGeneration: generation,
	})
}
