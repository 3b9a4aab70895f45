package eventlist

import (
	"slices"

	"k8s.io/apimachinery/pkg/watch"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Changed is what a change of an object tells of events, of one receiver or of all where none is named.
func Changed(change watch.Event, receiver string) []Event {
	switch o := change.Object.(type) {
	case *v1alpha1.WebhookReceiver:
		if change.Type == watch.Deleted || receiver != "" && o.Name != receiver {
			return nil
		}
		events := FromStatus(o)
		slices.Reverse(events) // the latest last
		return events
	case *v1alpha1.WebhookEvent:
		if receiver != "" && o.Spec.Receiver != receiver {
			return nil
		}
		e := FromInbox(o)
		if change.Type == watch.Deleted && e.State != Processed {
			e.State = Released
		}
		return []Event{e}
	}
	return nil
}
