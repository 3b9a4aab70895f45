// Package trigger sends a receiver what its provider would send: which way it goes, what the receiver answers, and what
// becomes of it.
package trigger

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/notice"
)

// interval is how often a receiver's status is looked at, which it writes about once a second.
const interval = 500 * time.Millisecond

// Outcome is what became of an event.
type Outcome struct {
	// Outcome is empty while the receiver tells of none.
	Outcome v1alpha1.EventOutcome `json:"outcome,omitempty"`
	// Waits has the sinks that did not take the event, with why.
	Waits []string `json:"waits,omitempty"`
}

// Await waits until receivers tell that an event came to its end, and returns what they tell last. Of an event that
// waits for a sink it returns so when ctx ends.
func Await(ctx context.Context, c client.Reader, receiver client.ObjectKey, id string) (Outcome, error) {
	var last Outcome
	for {
		now, err := look(ctx, c, receiver, id)
		if err == nil {
			last = now
		} else if ctx.Err() == nil {
			return last, err
		}
		if last.Outcome == v1alpha1.OutcomeProcessed || last.Outcome == v1alpha1.OutcomeDead {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, nil
		case <-time.After(interval):
		}
	}
}

func look(ctx context.Context, c client.Reader, key client.ObjectKey, id string) (Outcome, error) {
	r := &v1alpha1.WebhookReceiver{}
	if err := c.Get(ctx, key, r); err != nil {
		return Outcome{}, err
	}
	i := slices.IndexFunc(r.Status.RecentEvents, func(e v1alpha1.RecentEvent) bool { return e.ID == id })
	if i < 0 {
		return Outcome{}, nil
	}
	out := Outcome{Outcome: r.Status.RecentEvents[i].Outcome}
	if out.Outcome == v1alpha1.OutcomeProcessed {
		return out, nil
	}
	e := &v1alpha1.WebhookEvent{}
	name := client.ObjectKey{Namespace: key.Namespace, Name: notice.ObjectName(key.Name, id)}
	if err := c.Get(ctx, name, e); err != nil {
		return out, client.IgnoreNotFound(err)
	}
	for _, s := range e.Status.Sinks {
		if s.Phase != v1alpha1.EventDelivered {
			out.Waits = append(out.Waits, strings.TrimSuffix(s.Name+": "+s.LastError, ": "))
		}
	}
	return out, nil
}

// Remembered is what the ledger tells of an event. Where many events come, the status forgets one within a second.
func Remembered(ctx context.Context, c client.Reader, receiver client.ObjectKey, id string) (Outcome, error) {
	is := func(e *eventlist.Event) bool { return e.ID == id }
	list, _, err := eventlist.Read(ctx, c, eventlist.Query{
		Namespace: receiver.Namespace, Receiver: receiver.Name, Keep: is,
	})
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	for _, e := range list.Events(is) {
		switch e.State {
		case eventlist.Processed, eventlist.Deferred, eventlist.Dead:
			out.Outcome = v1alpha1.EventOutcome(e.State)
		}
		if why := e.LastError(); why != "" {
			out.Waits = []string{why}
		}
	}
	return out, nil
}
