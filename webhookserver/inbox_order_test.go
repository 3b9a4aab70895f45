package webhookserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// ordered is a waiting event of a key that happened at that second.
func ordered(name, key string, second int, sinks ...string) *v1alpha1.WebhookEvent {
	e := indexed(name, v1alpha1.EventPending, noon)
	e.Spec.EventID, e.Spec.OrderKey, e.Spec.Sinks = name, key, sinks
	e.Spec.ReceivedAt = metav1.NewTime(noon)
	e.Spec.OccurredAt = microTime(noon.Add(time.Duration(second) * time.Second))
	return e
}

// drain takes what the index hands out at a time, without ending the work.
func drain(x *index, now time.Time) []job {
	var out []job
	for {
		j, _, ok := x.take(now)
		if !ok {
			return out
		}
		out = append(out, j)
	}
}

func describe(jobs []job) []string {
	var out []string
	for _, j := range jobs {
		for _, s := range j.sinks {
			out = append(out, j.name+"→"+s)
		}
	}
	slices.Sort(out)
	return out
}

// Of each key the earliest event goes first, at each sink for itself; later ones wait until it was taken or is dead.
func TestIndexKeepsTheOrder(t *testing.T) {
	g := NewWithT(t)
	x, now := newIndex(unlimited), noon.Add(time.Minute)
	for _, e := range []*v1alpha1.WebhookEvent{
		ordered("a3", "a", 3, "app", "crm"), ordered("a1", "a", 1, "app"), ordered("a2", "a", 2, "app"),
		ordered("b9", "b", 9, "app"), ordered("x1", "", 1, "app"), ordered("x2", "", 2, "app"),
	} {
		x.set(e, now, 0, patient)
	}
	jobs := drain(x, now)
	g.Expect(describe(jobs)).To(Equal([]string{"a1→app", "a3→crm", "b9→app", "x1→app", "x2→app"}))
	g.Expect(x.earlier(turnKey{"a", "app"}, momentOf(noon.Add(2*time.Second), noon, "new"))).To(BeTrue())
	g.Expect(x.earlier(turnKey{"a", "app"}, momentOf(noon, noon, "new"))).To(BeFalse())
	g.Expect(x.earlier(turnKey{"a", "other"}, momentOf(noon.Add(time.Hour), noon, "new"))).To(BeFalse())
	end := func(name string, edit func(*v1alpha1.WebhookEvent)) {
		i := slices.IndexFunc(jobs, func(j job) bool { return j.name == name })
		e := ordered(name, jobs[i].key, 0, "app")
		e.Spec.OccurredAt = microTime(jobs[i].at.at)
		edit(e)
		x.set(e, now, 0, patient)
		x.done(jobs[i], time.Time{})
	}
	end("a1", func(e *v1alpha1.WebhookEvent) {
		e.Status.Sinks = []v1alpha1.SinkDelivery{
			{Name: "app", Phase: v1alpha1.EventPending, Attempts: 1, NextAttempt: microTime(now.Add(time.Hour))},
		}
	})
	g.Expect(drain(x, now)).To(BeEmpty(), "it failed, and is tried later")
	x.set(ordered("a0", "a", 0, "app"), now, 0, patient)
	g.Expect(describe(drain(x, now))).To(Equal([]string{"a0→app"}), "an earlier one that comes later goes first")
	x.remove("a0")
	jobs = append(jobs, drain(x, now.Add(time.Hour))...)
	end("a1", func(e *v1alpha1.WebhookEvent) { e.Status.Phase = v1alpha1.EventDead })
	g.Expect(describe(drain(x, now))).To(Equal([]string{"a2→app"}), "a1 is dead")
	x.remove("a2")
	g.Expect(drain(x, now)).To(BeEmpty(), "a3 is in hand for the other sink")
	end("a3", func(e *v1alpha1.WebhookEvent) {
		e.Spec.Sinks = []string{"app", "crm"}
		e.Status.Sinks = []v1alpha1.SinkDelivery{{Name: "crm", Phase: v1alpha1.EventDelivered}}
	})
	g.Expect(describe(drain(x, now))).To(Equal([]string{"a3→app"}))
}

// While a sink is down its events stay where they are but one, the one that was tried least; the other sink's go on.
func TestIndexProbesASinkThatIsDown(t *testing.T) {
	g := NewWithT(t)
	gates := map[string]opening{"app": {until: noon.Add(time.Hour)}, "crm": {most: 2}}
	x, now := newIndex(func(sink string, _ time.Time) opening { return gates[sink] }), noon
	for i := range 10 {
		e := ordered(fmt.Sprint("e", i), "", i, "app", "crm")
		e.Status.Sinks = []v1alpha1.SinkDelivery{{Name: "app", Phase: v1alpha1.EventPending, Attempts: int32(10 - i),
			NextAttempt: microTime(noon.Add(time.Minute))}}
		x.set(e, now, 0, patient)
	}
	jobs := drain(x, now)
	g.Expect(jobs).To(HaveLen(2), "no more than the sink's bound")
	for _, j := range jobs {
		g.Expect(j.sinks).To(Equal([]string{"crm"}))
	}
	x.done(jobs[0], now.Add(time.Second))
	x.done(jobs[1], now.Add(time.Second))
	gates["crm"], gates["app"] = opening{}, opening{most: 1, probe: true}
	jobs = drain(x, now)
	g.Expect(describe(jobs)).To(Equal([]string{"e9→app"}), "before it is due, and one at a time")
	x.done(jobs[0], now.Add(time.Hour))
	gates["app"] = opening{most: 100}
	g.Expect(drain(x, now)).To(BeEmpty(), "none is due")
	x.hurry("app", now)
	g.Expect(drain(x, now)).To(HaveLen(10))
}

// Random changes against the plain rule: what is handed out is due, the first of its key that waits for the sink, and
// not in hand.
func TestIndexModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	sinks := []string{"app", "crm"}
	phases := []v1alpha1.EventPhase{v1alpha1.EventPending, v1alpha1.EventPending, v1alpha1.EventDelivered}
	for range 300 {
		x, now := newIndex(unlimited), noon
		x.clock = func() time.Time { return now }
		objects := map[string]*v1alpha1.WebhookEvent{}
		working := map[string]job{}
		for range 150 {
			name := fmt.Sprint("e", random.IntN(12))
			switch random.IntN(5) {
			case 0, 1: // appears, or changes
				e := objects[name]
				if e == nil {
					e = ordered(name, []string{"", "a", "b"}[random.IntN(3)], random.IntN(5), sinks[:1+random.IntN(2)]...)
				}
				e.Status.Sinks = nil
				for _, s := range e.Spec.Sinks {
					e.Status.Sinks = append(e.Status.Sinks, v1alpha1.SinkDelivery{Name: s,
						Phase:       phases[random.IntN(len(phases))],
						NextAttempt: microTime(now.Add(time.Duration(random.IntN(20)-10) * time.Second))})
				}
				objects[name] = e
				x.set(e, now, 0, patient)
			case 2:
				delete(objects, name)
				x.remove(name)
				if j, busy := working[name]; busy {
					x.done(j, time.Time{})
					delete(working, name)
				}
			case 3:
				now = now.Add(time.Second)
			default:
				for name, j := range working {
					x.done(j, time.Time{})
					delete(working, name)
					break
				}
			}
			want := map[string]bool{}
			for _, e := range objects {
				if _, busy := working[e.Name]; busy {
					continue
				}
				for _, s := range toDeliver(e) {
					first := e.Spec.OrderKey == "" || !slices.ContainsFunc(slices.Collect(maps.Values(objects)),
						func(o *v1alpha1.WebhookEvent) bool {
							return o.Spec.OrderKey == e.Spec.OrderKey && slices.Contains(toDeliver(o), s) &&
								storedMoment(o).before(storedMoment(e))
						})
					if first && !deliveryOf(e.Status.Sinks, s).NextAttempt.After(now) {
						want[e.Name+"→"+s] = true
					}
				}
			}
			got := drain(x, now)
			for _, j := range got {
				working[j.name] = j
			}
			for _, d := range describe(got) {
				if !want[d] {
					t.Fatalf("%s was handed out; %v", d, want)
				}
				delete(want, d)
			}
			if len(want) > 0 {
				t.Fatalf("not handed out: %v", want)
			}
		}
	}
}

// An event that says already what it waits for is left in peace until that changes.
func TestIndexParksWhatCannotBeSent(t *testing.T) {
	g := NewWithT(t)
	shut := opening{most: 8, unready: "no Secret"}
	x := newIndex(func(string, time.Time) opening { return shut })
	e := ordered("e", "", 1, "app")
	x.set(e, noon, 0, patient)
	jobs := drain(x, noon)
	g.Expect(jobs).To(HaveLen(1), "to write down why")
	e.Status.Sinks = []v1alpha1.SinkDelivery{{Name: "app", Phase: v1alpha1.EventPending, LastError: "no Secret"}}
	x.set(e, noon, 0, patient)
	x.done(jobs[0], time.Time{})
	g.Expect(drain(x, noon.Add(71*time.Hour))).To(BeEmpty())
	x.hurry("app", noon)
	g.Expect(drain(x, noon)).To(HaveLen(1))
}

// Too old, an event is looked at even while its sink is down.
func TestIndexEndsWhatIsTooOld(t *testing.T) {
	g := NewWithT(t)
	x := newIndex(func(string, time.Time) opening { return opening{until: noon.Add(1000 * time.Hour)} })
	x.set(ordered("e", "", 1, "app"), noon, 0, patient)
	g.Expect(drain(x, noon.Add(patient.maxAge-time.Second))).To(BeEmpty())
	jobs := drain(x, noon.Add(patient.maxAge))
	g.Expect(jobs).To(HaveLen(1))
	g.Expect(jobs[0].chore()).To(BeTrue())
}
