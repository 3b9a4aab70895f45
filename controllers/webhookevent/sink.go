package webhookevent

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Defaults of spec.delivery.retry, as the API promises.
const (
	defaultMaxAge     = 72 * time.Hour
	defaultMinBackoff = time.Second
	defaultMaxBackoff = 10 * time.Minute
)

// maxError is the length of a sink's last error.
const maxError = 512

// deliveryOf is the state of an event at a sink.
func deliveryOf(e *v1alpha1.WebhookEvent, sink string) v1alpha1.SinkDelivery {
	i := slices.IndexFunc(e.Status.Sinks, func(d v1alpha1.SinkDelivery) bool { return d.Name == sink })
	if i < 0 || e.Status.Sinks[i].Phase == "" {
		return v1alpha1.SinkDelivery{Name: sink, Phase: v1alpha1.EventPending}
	}
	return e.Status.Sinks[i]
}

// pending says that dunning still has to look at an event.
func pending(e *v1alpha1.WebhookEvent) bool {
	return e.DeletionTimestamp.IsZero() && slices.Contains(e.Spec.Sinks, v1alpha1.SinkDunning) &&
		deliveryOf(e, v1alpha1.SinkDunning).Phase == v1alpha1.EventPending
}

// dueAt is when dunning looks at an event; zero for at once.
func dueAt(e *v1alpha1.WebhookEvent) time.Time {
	if next := deliveryOf(e, v1alpha1.SinkDunning).NextAttempt; next != nil {
		return next.Time
	}
	return time.Time{}
}

// afterFailure is the state after a look that failed. last says that there will be no other.
func afterFailure(
	e *v1alpha1.WebhookEvent, receiver *v1alpha1.WebhookReceiver, why string, least time.Duration, forGood bool,
	now time.Time,
) (d v1alpha1.SinkDelivery, last bool) {
	maxAge, pause, ceiling := retryOf(receiver)
	end := e.Spec.ReceivedAt.Add(maxAge)
	if e.Status.RetryUntil != nil { // of a replay, that is later
		end = e.Status.RetryUntil.Time
	}
	d = deliveryOf(e, v1alpha1.SinkDunning)
	d.Attempts++
	d.LastError, d.NextAttempt = provider.Truncate(why, maxError), nil
	if forGood || !now.Before(end) {
		d.Phase = v1alpha1.EventDead
		return d, true
	}
	for i := int32(1); i < d.Attempts && pause < ceiling; i++ {
		pause *= 2
	}
	pause = min(pause, ceiling)
	wait := max(pause/2+rand.N(pause/2+1), least)
	d.NextAttempt = &metav1.MicroTime{Time: now.Add(wait)}
	return d, false
}

func retryOf(receiver *v1alpha1.WebhookReceiver) (maxAge, first, longest time.Duration) {
	maxAge, first, longest = defaultMaxAge, defaultMinBackoff, defaultMaxBackoff
	d := receiver.Spec.Delivery
	if d == nil || d.Retry == nil {
		return maxAge, first, longest
	}
	for _, x := range []struct {
		from *metav1.Duration
		to   *time.Duration
	}{{d.Retry.MaxAge, &maxAge}, {d.Retry.MinBackoff, &first}, {d.Retry.MaxBackoff, &longest}} {
		if x.from != nil {
			*x.to = x.from.Duration
		}
	}
	return maxAge, first, max(first, longest)
}

// write puts dunning's part into an event's status. The rest is the receivers', who end the event when nothing of it
// waits, and so is the phase, which is only given a beginning. It is refused with a conflict if anybody wrote the event
// since it was read.
func (r *Reconciler) write(ctx context.Context, e *v1alpha1.WebhookEvent, mine v1alpha1.SinkDelivery) error {
	sinks := make([]v1alpha1.SinkDelivery, len(e.Spec.Sinks))
	for i, name := range e.Spec.Sinks {
		sinks[i] = deliveryOf(e, name)
		if name == mine.Name {
			sinks[i] = mine
		}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": e.ResourceVersion},
		"status":   map[string]any{"sinks": sinks, "phase": cmp.Or(e.Status.Phase, v1alpha1.EventPending)},
	})
	if err != nil {
		return err
	}
	return client.IgnoreNotFound(r.Client.Status().Patch(ctx, e, client.RawPatch(types.MergePatchType, patch)))
}

// done says that dunning needs the event no more.
func (r *Reconciler) done(ctx context.Context, e *v1alpha1.WebhookEvent) error {
	d := deliveryOf(e, v1alpha1.SinkDunning)
	d.Phase, d.Attempts, d.LastError, d.NextAttempt = v1alpha1.EventDelivered, d.Attempts+1, "", nil
	return r.write(ctx, e, d)
}
