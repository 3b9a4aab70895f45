package webhookserver

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// maxNonce is the length of status.replayed.
const maxNonce = 256

// replayWanted is the nonce of a replay that was not acted on yet, or "".
func replayWanted(e *v1alpha1.WebhookEvent) string {
	nonce := provider.Truncate(e.Annotations[v1alpha1.AnnotationReplay], maxNonce)
	if nonce == e.Status.Replayed {
		return ""
	}
	return nonce
}

// choreAt is when something has to be done to the object itself: a replay, the end of an event that every sink took, or
// of one that is too old. Zero is never.
func choreAt(e *v1alpha1.WebhookEvent, now time.Time, r retry) time.Time {
	due := retryUntil(e, r)
	if next := e.Status.NextAttempt; next != nil {
		due = later(due, next.Time) // it was too old, and has to wait for an earlier one
	}
	switch {
	case replayWanted(e) != "", e.Status.Phase == v1alpha1.EventDelivered:
		due = now
	case e.Status.Phase == v1alpha1.EventDead:
		return time.Time{}
	case dunningAlone(e):
		// Nothing is left for receivers but to end the event when the operator is through with it.
		if atOperator(e) {
			return time.Time{}
		}
		due = now
	}
	return later(due, claimedUntil(e))
}

// dueAt is when a sink gets an event that it still has to take. jitter spreads the first attempts.
func dueAt(e *v1alpha1.WebhookEvent, d v1alpha1.SinkDelivery, now time.Time, jitter time.Duration) time.Time {
	due := now.Add(jitter)
	switch {
	case d.NextAttempt != nil:
		due = d.NextAttempt.Time
	case e.Status.NextAttempt != nil:
		due = e.Status.NextAttempt.Time
	}
	return later(due, claimedUntil(e))
}

// claimedUntil is zero without a claim.
func claimedUntil(e *v1alpha1.WebhookEvent) time.Time {
	if e.Status.ClaimedBy == "" || e.Status.ClaimedUntil == nil {
		return time.Time{}
	}
	return e.Status.ClaimedUntil.Time
}

// retryUntil is when an event is given up. That of a replay was fixed when it began.
func retryUntil(e *v1alpha1.WebhookEvent, r retry) time.Time {
	if e.Status.Replayed != "" && e.Status.RetryUntil != nil {
		return e.Status.RetryUntil.Time
	}
	return e.Spec.ReceivedAt.Add(r.maxAge)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// replayed is the status with which all sinks get the event again.
func replayed(nonce string, now time.Time, r retry) v1alpha1.WebhookEventStatus {
	return v1alpha1.WebhookEventStatus{
		Phase: v1alpha1.EventPending, Replayed: nonce,
		RetryUntil: microTime(now.Add(r.maxAge)),
	}
}

// toDeliver are the names of the receiver's sinks that still have to take the event. A replay that is wanted begins
// with none.
func toDeliver(e *v1alpha1.WebhookEvent) []string {
	if !waits(e.Status.Phase) || replayWanted(e) != "" {
		return nil
	}
	var out []string
	for _, name := range e.Spec.Sinks {
		if name == v1alpha1.SinkDunning {
			continue
		}
		if d := deliveryOf(e.Status.Sinks, name); d.Phase == v1alpha1.EventPending {
			out = append(out, name)
		}
	}
	return out
}

func deliveryOf(all []v1alpha1.SinkDelivery, name string) v1alpha1.SinkDelivery {
	i := slices.IndexFunc(all, func(d v1alpha1.SinkDelivery) bool { return d.Name == name })
	if i < 0 || all[i].Phase == "" {
		return v1alpha1.SinkDelivery{Name: name, Phase: v1alpha1.EventPending}
	}
	return all[i]
}

// afterAttempts is the status after attempts at the sinks in results. A sink that is in no result stays as it was.
// random gives a number in [0, n).
//
// An event is given up only after an attempt: one that was too old when the receiver came back gets its chance.
func afterAttempts(
	e *v1alpha1.WebhookEvent, results map[string]attempt, r retry, now time.Time,
	random func(n time.Duration) time.Duration,
) v1alpha1.WebhookEventStatus {
	out := *e.Status.DeepCopy()
	end := retryUntil(e, r)
	out.Sinks, out.NextAttempt, out.RetryUntil = nil, nil, microTime(end)
	pending, dead := false, false
	for _, name := range e.Spec.Sinks {
		d := deliveryOf(e.Status.Sinks, name)
		if a, tried := results[name]; tried && d.Phase == v1alpha1.EventPending {
			d = afterAttempt(d, a, r, now, end, random)
		}
		switch d.Phase {
		case v1alpha1.EventPending:
			pending = true
			if name == v1alpha1.SinkDunning {
				break // the operator's time is not the receivers'
			}
			if out.NextAttempt == nil || d.NextAttempt != nil && d.NextAttempt.Before(out.NextAttempt) {
				out.NextAttempt = d.NextAttempt
			}
		case v1alpha1.EventDead:
			dead = true
		}
		out.Sinks = append(out.Sinks, d)
	}
	switch {
	case pending:
		out.Phase = v1alpha1.EventPending
	case dead:
		out.Phase = v1alpha1.EventDead
	default:
		out.Phase = v1alpha1.EventDelivered
		if replayWanted(e) == "" {
			// The claim is kept: whoever delivered the event also deletes it.
			return out
		}
	}
	out.ClaimedBy, out.ClaimedUntil = "", nil
	return out
}

// afterAttempt is the state at one sink. What was not sent is no attempt, and leaves word of it only where there is no
// better one.
func afterAttempt(
	d v1alpha1.SinkDelivery, a attempt, r retry, now, end time.Time, random func(n time.Duration) time.Duration,
) v1alpha1.SinkDelivery {
	if a.withheld == "" {
		d.Attempts++
	}
	if a.withheld == "" || a.withheld == classUnready || d.LastError == "" {
		d.LastError = provider.Truncate(a.err, maxError)
	}
	d.NextAttempt = nil
	switch {
	case a.taken:
		d.Phase = v1alpha1.EventDelivered
	case a.gone, !now.Before(end) && a.withheld != classOrder && a.withheld != classBusy:
		d.Phase = v1alpha1.EventDead
	default:
		next := now.Add(max(random(ceiling(d.Attempts, r)), a.retryAfter))
		if next.After(end) && now.Before(end) {
			next = end
		}
		d.NextAttempt = microTime(next)
	}
	return d
}

// ceiling is the longest pause after so many attempts: doubled each time, and never above maxBackoff.
func ceiling(attempts int32, r retry) time.Duration {
	pause := r.minBackoff
	for i := int32(1); i < attempts && pause < r.maxBackoff; i++ {
		pause *= 2
	}
	return min(pause, r.maxBackoff)
}

func microTime(t time.Time) *metav1.MicroTime { return &metav1.MicroTime{Time: t} }

// statusPatch replaces the whole status by a JSON merge patch that the API server refuses unless the object still
// has the given resource version. The payload does not travel.
func statusPatch(version string, s v1alpha1.WebhookEventStatus) ([]byte, error) {
	fields := map[string]any{
		"phase": nil, "sinks": nil, "nextAttempt": nil, "claimedBy": nil, "claimedUntil": nil, "replayed": nil,
		"retryUntil": nil,
	}
	if s.Phase != "" {
		fields["phase"] = s.Phase
	}
	if len(s.Sinks) > 0 {
		fields["sinks"] = s.Sinks
	}
	if s.NextAttempt != nil {
		fields["nextAttempt"] = s.NextAttempt
	}
	if s.ClaimedBy != "" {
		fields["claimedBy"] = s.ClaimedBy
	}
	if s.ClaimedUntil != nil {
		fields["claimedUntil"] = s.ClaimedUntil
	}
	if s.Replayed != "" {
		fields["replayed"] = s.Replayed
	}
	if s.RetryUntil != nil {
		fields["retryUntil"] = s.RetryUntil
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version},
		"status":   fields,
	})
}

// claimPatch takes an event in hand without touching the rest of its status.
func claimPatch(version, by string, until time.Time) ([]byte, error) {
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version},
		"status":   map[string]any{"claimedBy": by, "claimedUntil": microTime(until)},
	})
}
