package webhookserver

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.MicroTime { return microTime(noon.Add(d)) }

func waiting(edit ...func(*v1alpha1.WebhookEvent)) *v1alpha1.WebhookEvent {
	e := &v1alpha1.WebhookEvent{}
	e.Spec.Sinks = []string{"a", "b"}
	e.Spec.ReceivedAt = metav1.NewTime(noon.Add(-time.Minute))
	for _, f := range edit {
		f(e)
	}
	return e
}

func replay(nonce string) func(*v1alpha1.WebhookEvent) {
	return func(e *v1alpha1.WebhookEvent) {
		e.Annotations = map[string]string{v1alpha1.AnnotationReplay: nonce}
	}
}

func withStatus(s v1alpha1.WebhookEventStatus) func(*v1alpha1.WebhookEvent) {
	return func(e *v1alpha1.WebhookEvent) { e.Status = s }
}

func TestWhenAnEventIsDue(t *testing.T) {
	const jitter = 300 * time.Millisecond
	r := retry{maxAge: time.Hour}
	const end = 59 * time.Minute // received a minute ago
	sinkA := func(d v1alpha1.SinkDelivery) v1alpha1.WebhookEventStatus {
		d.Name, d.Phase = "a", v1alpha1.EventPending
		return v1alpha1.WebhookEventStatus{Phase: v1alpha1.EventPending, Sinks: []v1alpha1.SinkDelivery{d}}
	}
	claimed := func(s v1alpha1.WebhookEventStatus) v1alpha1.WebhookEventStatus {
		s.ClaimedBy, s.ClaimedUntil = "x", at(20*time.Second)
		return s
	}
	const never = -1
	for _, c := range []struct {
		reason     string
		event      *v1alpha1.WebhookEvent
		sink, self time.Duration // never: not at all
	}{
		{"new", waiting(), jitter, end},
		{"waits", waiting(withStatus(sinkA(v1alpha1.SinkDelivery{NextAttempt: at(time.Minute)}))), time.Minute, end},
		{"written without times of the sinks", waiting(withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventPending, NextAttempt: at(time.Minute)})), time.Minute, end},
		{"claimed", waiting(withStatus(claimed(sinkA(v1alpha1.SinkDelivery{NextAttempt: at(0)})))), 20 * time.Second, end},
		{"delivered by a replica that may be gone", waiting(withStatus(claimed(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventDelivered}))), never, 20 * time.Second},
		{"delivered, replay", waiting(replay("1"), withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventDelivered})), never, 0},
		{"dead", waiting(withStatus(v1alpha1.WebhookEventStatus{Phase: v1alpha1.EventDead})), never, never},
		{"dead, replay", waiting(replay("1"), withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventDead})), never, 0},
		{"dead, replay acted on", waiting(replay("1"), withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventDead, Replayed: "1"})), never, never},
		{"dead, second replay", waiting(replay("2"), withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventDead, Replayed: "1"})), never, 0},
		{"waits, replay", waiting(replay("1"), withStatus(sinkA(v1alpha1.SinkDelivery{
			NextAttempt: at(time.Hour)}))), never, 0},
		{"claimed, replay", waiting(replay("1"), withStatus(claimed(sinkA(v1alpha1.SinkDelivery{})))), never,
			20 * time.Second},
		{"replayed: its own end counts", waiting(replay("1"), withStatus(v1alpha1.WebhookEventStatus{
			Phase: v1alpha1.EventPending, Replayed: "1", RetryUntil: at(5 * time.Hour)})), jitter, 5 * time.Hour},
		{"too old, and waits for an earlier one", waiting(func(e *v1alpha1.WebhookEvent) {
			e.Spec.ReceivedAt = metav1.NewTime(noon.Add(-2 * time.Hour))
			e.Status.NextAttempt = at(time.Second)
		}), time.Second, time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			sinkDue := time.Time{}
			if slices.Contains(toDeliver(c.event), "a") {
				sinkDue = dueAt(c.event, deliveryOf(c.event.Status.Sinks, "a"), noon, jitter)
			}
			for what, due := range map[string][2]time.Duration{
				"sink": {c.sink, sinkDue.Sub(noon)}, "object": {c.self, choreAt(c.event, noon, r).Sub(noon)},
			} {
				if got := max(due[1], never); got != due[0] {
					t.Errorf("%s: due after %v, want %v", what, got, due[0])
				}
			}
		})
	}
}

func TestAfterAttempts(t *testing.T) {
	r := retry{maxAge: time.Hour, minBackoff: time.Second, maxBackoff: time.Minute}
	taken, failed := attempt{taken: true}, attempt{err: "HTTP 500", status: 500}
	claim := func(s v1alpha1.WebhookEventStatus) v1alpha1.WebhookEventStatus {
		s.ClaimedBy, s.ClaimedUntil = "me", at(20*time.Second)
		return s
	}
	end := at(59 * time.Minute) // received a minute ago
	a := func(p v1alpha1.EventPhase, n int32, err string) v1alpha1.SinkDelivery {
		return v1alpha1.SinkDelivery{Name: "a", Phase: p, Attempts: n, LastError: err}
	}
	b := func(p v1alpha1.EventPhase, n int32, err string, next ...*metav1.MicroTime) v1alpha1.SinkDelivery {
		d := v1alpha1.SinkDelivery{Name: "b", Phase: p, Attempts: n, LastError: err}
		if len(next) > 0 {
			d.NextAttempt = next[0]
		}
		return d
	}
	const pending, delivered, dead = v1alpha1.EventPending, v1alpha1.EventDelivered, v1alpha1.EventDead
	for _, c := range []struct {
		reason  string
		event   *v1alpha1.WebhookEvent
		results map[string]attempt
		now     time.Duration
		want    v1alpha1.WebhookEventStatus
	}{
		{"all taken: the claim is kept for the deletion", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{}))),
			map[string]attempt{"a": taken, "b": taken}, 0,
			claim(v1alpha1.WebhookEventStatus{Phase: delivered, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(delivered, 1, "")}})},
		{"one failed: the other does not get it again", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{}))),
			map[string]attempt{"a": taken, "b": failed}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 1, "HTTP 500", at(time.Second))}}},
		{"fourth failure: the pause has doubled thrice", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{
			Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 3, "x")}}))),
			map[string]attempt{"b": failed}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(8 * time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 4, "HTTP 500", at(8*time.Second))}}},
		{"a sink that was not tried still waits", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{
			Sinks: []v1alpha1.SinkDelivery{b(pending, 3, "x", at(4*time.Second))}}))),
			map[string]attempt{"a": failed}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(time.Second),
				Sinks: []v1alpha1.SinkDelivery{
					{Name: "a", Phase: pending, Attempts: 1, LastError: "HTTP 500", NextAttempt: at(time.Second)},
					b(pending, 3, "x", at(4*time.Second))}}},
		{"gone: given up at once, the other sink goes on", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{}))),
			map[string]attempt{"a": {gone: true, status: 410, err: "HTTP 410"}, "b": failed}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(dead, 1, "HTTP 410"), b(pending, 1, "HTTP 500", at(time.Second))}}},
		{"gone at one, taken by the other: dead", waiting(withStatus(v1alpha1.WebhookEventStatus{
			Sinks: []v1alpha1.SinkDelivery{a(dead, 1, "HTTP 410")}})),
			map[string]attempt{"b": taken}, 0,
			v1alpha1.WebhookEventStatus{Phase: dead, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(dead, 1, "HTTP 410"), b(delivered, 1, "")}}},
		{"not sent for want of a Secret: no attempt, but why", waiting(withStatus(v1alpha1.WebhookEventStatus{
			Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 2, "HTTP 500")}})),
			map[string]attempt{"b": withheld(classUnready, "the Secret x")}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(2 * time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 2, "the Secret x", at(2*time.Second))}}},
		{"not sent because others failed: the last answer is the better word", waiting(withStatus(
			v1alpha1.WebhookEventStatus{Sinks: []v1alpha1.SinkDelivery{
				a(delivered, 1, ""), b(pending, 2, "HTTP 500")}})),
			map[string]attempt{"b": withheld(classCircuit, "shut")}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(2 * time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 2, "HTTP 500", at(2*time.Second))}}},
		{"too old, and the sink does not work: given up", waiting(), map[string]attempt{
			"a": taken, "b": withheld(classCircuit, "shut")}, time.Hour,
			v1alpha1.WebhookEventStatus{Phase: dead, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(dead, 0, "shut")}}},
		{"too old, but behind an earlier one: it gets its chance", waiting(), map[string]attempt{
			"a": taken, "b": withheld(classOrder, "behind")}, time.Hour,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(time.Hour + time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 0, "behind", at(time.Hour+time.Second))}}},
		{"Retry-After is longer than the pause", waiting(),
			map[string]attempt{"a": taken, "b": {err: "HTTP 429", retryAfter: 30 * time.Second}}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: at(30 * time.Second),
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 1, "HTTP 429", at(30*time.Second))}}},
		{"Retry-After beyond the end: one last attempt there", waiting(),
			map[string]attempt{"a": taken, "b": {err: "HTTP 429", retryAfter: 5 * time.Hour}}, 0,
			v1alpha1.WebhookEventStatus{Phase: pending, RetryUntil: end, NextAttempt: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(pending, 1, "HTTP 429", end)}}},
		{"too old: given up", waiting(withStatus(claim(v1alpha1.WebhookEventStatus{}))),
			map[string]attempt{"a": taken, "b": failed}, time.Hour,
			v1alpha1.WebhookEventStatus{Phase: dead, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(dead, 1, "HTTP 500")}}},
		{"too old, but taken", waiting(), map[string]attempt{"a": taken, "b": taken}, time.Hour,
			v1alpha1.WebhookEventStatus{Phase: delivered, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(delivered, 1, "")}}},
		{"replayed: its own end counts", waiting(replay("1"), withStatus(claim(v1alpha1.WebhookEventStatus{
			Replayed: "1", RetryUntil: at(2 * time.Hour)}))),
			map[string]attempt{"a": taken, "b": failed}, time.Hour,
			v1alpha1.WebhookEventStatus{Phase: pending, Replayed: "1", RetryUntil: at(2 * time.Hour),
				NextAttempt: at(time.Hour + time.Second),
				Sinks: []v1alpha1.SinkDelivery{
					a(delivered, 1, ""), b(pending, 1, "HTTP 500", at(time.Hour+time.Second))}}},
		{"replay asked for meanwhile: the claim is given back for it",
			waiting(replay("1"), withStatus(claim(v1alpha1.WebhookEventStatus{}))),
			map[string]attempt{"a": taken, "b": taken}, 0,
			v1alpha1.WebhookEventStatus{Phase: delivered, RetryUntil: end,
				Sinks: []v1alpha1.SinkDelivery{a(delivered, 1, ""), b(delivered, 1, "")}}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			before := c.event.DeepCopy()
			got := afterAttempts(c.event, c.results, r, noon.Add(c.now), func(n time.Duration) time.Duration { return n })
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, c.event); diff != "" {
				t.Errorf("the argument was changed: %s", diff)
			}
		})
	}
}

func TestCeiling(t *testing.T) {
	r := retry{minBackoff: time.Second, maxBackoff: 10 * time.Minute}
	for attempts, want := range map[int32]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 11: 10 * time.Minute,
		1 << 30: 10 * time.Minute,
	} {
		if got := ceiling(attempts, r); got != want {
			t.Errorf("%d: %v, want %v", attempts, got, want)
		}
	}
}

// A patch has to name every field, else an old value would stay.
func TestStatusPatchNamesEveryField(t *testing.T) {
	full := v1alpha1.WebhookEventStatus{
		Phase: v1alpha1.EventPending, Sinks: []v1alpha1.SinkDelivery{{Name: "a", Phase: v1alpha1.EventPending}},
		NextAttempt: at(0), ClaimedBy: "x", ClaimedUntil: at(0), Replayed: "1", RetryUntil: at(0),
	}
	for name, s := range map[string]v1alpha1.WebhookEventStatus{"full": full, "empty": {}} {
		patch, err := statusPatch("7", s)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Metadata struct{ ResourceVersion string }
			Status   map[string]any
		}
		if err := json.Unmarshal(patch, &got); err != nil {
			t.Fatal(err)
		}
		if got.Metadata.ResourceVersion != "7" {
			t.Errorf("%s: no compare-and-swap: %s", name, patch)
		}
		raw, _ := json.Marshal(full)
		var fields map[string]any
		_ = json.Unmarshal(raw, &fields)
		for field := range fields {
			value, there := got.Status[field]
			if !there || (value == nil) != (name == "empty") {
				t.Errorf("%s: field %s: %v", name, field, value)
			}
		}
		if len(got.Status) != len(fields) {
			t.Errorf("%s: %v", name, got.Status)
		}
	}
}

func TestRetryAfterOfAnAnswer(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-3": 0, "soon": 0, "999999999999": maxRetryAfter,
		"Sat, 31 Jan 2026 12:01:00 GMT": time.Minute,
		"Sat, 31 Jan 2026 11:00:00 GMT": 0,
		"Sun, 31 Jan 2027 11:00:00 GMT": maxRetryAfter,
	} {
		if got := parseRetryAfter(value, noon); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
