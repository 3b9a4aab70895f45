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

// dueAt is when an event needs a hand, and whether it ever does. jitter spreads the first attempts.
func dueAt(e *v1alpha1.WebhookEvent, now time.Time, jitter time.Duration) (time.Time, bool) {
	var due time.Time
	switch {
	case replayWanted(e) != "":
		due = now
	case e.Status.Phase == v1alpha1.EventDead:
		return time.Time{}, false
	case e.Status.Phase == v1alpha1.EventDelivered:
		due = now
	case e.Status.NextAttempt != nil:
		due = e.Status.NextAttempt.Time
	default:
		due = now.Add(jitter)
	}
	if e.Status.ClaimedBy != "" && e.Status.ClaimedUntil != nil && due.Before(e.Status.ClaimedUntil.Time) {
		due = e.Status.ClaimedUntil.Time
	}
	return due, true
}

// replayed is the status with which all sinks get the event again.
func replayed(nonce string, now time.Time, r retry) v1alpha1.WebhookEventStatus {
	return v1alpha1.WebhookEventStatus{
		Phase: v1alpha1.EventPending, Replayed: nonce,
		RetryUntil: microTime(now.Add(r.maxAge)),
	}
}

// toDeliver are the names of the sinks that still have to take the event.
func toDeliver(e *v1alpha1.WebhookEvent) []string {
	var out []string
	for _, name := range e.Spec.Sinks {
		if d := deliveryOf(e.Status.Sinks, name); d.Phase != v1alpha1.EventDelivered {
			out = append(out, name)
		}
	}
	return out
}

func deliveryOf(all []v1alpha1.SinkDelivery, name string) v1alpha1.SinkDelivery {
	if i := slices.IndexFunc(all, func(d v1alpha1.SinkDelivery) bool { return d.Name == name }); i >= 0 {
		return all[i]
	}
	return v1alpha1.SinkDelivery{Name: name, Phase: v1alpha1.EventPending}
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
	out.Sinks, out.NextAttempt = nil, nil
	if out.Replayed == "" || out.RetryUntil == nil {
		out.RetryUntil = microTime(e.Spec.ReceivedAt.Add(r.maxAge))
	}
	var waiting, attempts int32
	var asked time.Duration
	for _, name := range e.Spec.Sinks {
		d := deliveryOf(e.Status.Sinks, name)
		if a, tried := results[name]; tried {
			d.Attempts++
			d.LastError, d.Phase = a.err, v1alpha1.EventPending
			asked = max(asked, a.retryAfter)
			if a.taken {
				d.Phase = v1alpha1.EventDelivered
			}
		}
		if d.Phase != v1alpha1.EventDelivered {
			waiting++
			attempts = max(attempts, d.Attempts)
		}
		out.Sinks = append(out.Sinks, d)
	}
	switch {
	case waiting == 0:
		out.Phase = v1alpha1.EventDelivered
		if replayWanted(e) == "" {
			// The claim is kept: whoever delivered the event also deletes it.
			return out
		}
	case !now.Before(out.RetryUntil.Time):
		out.Phase = v1alpha1.EventDead
		for i := range out.Sinks {
			if out.Sinks[i].Phase == v1alpha1.EventPending {
				out.Sinks[i].Phase = v1alpha1.EventDead
			}
		}
	default:
		out.Phase = v1alpha1.EventPending
		next := now.Add(max(random(ceiling(attempts, r)), asked))
		if next.After(out.RetryUntil.Time) {
			next = out.RetryUntil.Time
		}
		out.NextAttempt = microTime(next)
	}
	out.ClaimedBy, out.ClaimedUntil = "", nil
	return out
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
