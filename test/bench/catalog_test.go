package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// many Plans of two prices each, on one account of Stripe.
const many = 1000

// BenchmarkCatalog lets the operator make many Plans, then look at all of them again when none changed, then change one
// of them, and then start anew. What it asks of the provider and of Kubernetes is counted on their side.
func BenchmarkCatalog(b *testing.B) {
	for range b.N {
		b.StopTimer()
		benchmarkCatalog(b)
	}
}

func benchmarkCatalog(b *testing.B) {
	s := stack.New(b, stack.Options{})
	op := start(b, s)
	defer func() { op.process.Kill() }()
	s.CreateProvider()
	await(b, func() bool {
		var now v1alpha1.PaymentProvider
		return s.Client.Get(b.Context(), s.Key("stripe"), &now) == nil &&
			meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)
	})
	seen := watchPlans(b, s)
	b.Cleanup(func() {
		if b.Failed() {
			explain(b, s, seen)
		}
	})

	b.StartTimer()
	create(b, s, op, seen)
	look(b, s, op, false) // the account's status counts what was made
	look(b, s, op, true)
	edit(b, s, op, seen)
	look(b, s, op, false)
	restart(b, s, op)
	b.StopTimer()
}

// create makes the Plans and waits until each is Ready.
func create(b *testing.B, s *stack.Stack, op *operator, seen *plansSeen) {
	b.Helper()
	before, writes := s.Sandbox.Counts(), sum(s.Writes())
	began := time.Now()
	names := make(chan string)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for name := range names {
				s.Create(stack.Plan(name))
			}
		})
	}
	for i := range many {
		names <- fmt.Sprintf("plan-%04d", i)
	}
	close(names)
	all.Wait()
	applied := time.Since(began)
	await(b, func() bool { return seen.ready() == many })
	b.ReportMetric(applied.Seconds(), "applied-s")
	b.ReportMetric(time.Since(began).Seconds(), "ready-s")
	after := s.Quiet()
	b.ReportMetric(float64(after.Writes-before.Writes)/many, "provider-writes/plan")
	b.ReportMetric(float64(after.Reads-before.Reads)/many, "provider-reads/plan")
	b.ReportMetric(float64(sum(s.Writes())-writes-many)/many, "k8s-writes/plan")
	b.Logf("writes of Kubernetes: %v", s.Writes())
	_, peak := memory(b, op.process.PID())
	b.ReportMetric(peak, "peak-rss-MB")
	b.ReportMetric(op.cpu(b), "operator-cpu-s")
}

// look has the account read anew, as its drift interval does, and each Plan compared with what was found.
func look(b *testing.B, s *stack.Stack, op *operator, report bool) {
	b.Helper()
	done := op.reconciles(b)
	var account v1alpha1.PaymentProvider
	if err := s.Client.Get(b.Context(), s.Key("stripe"), &account); err != nil {
		b.Fatal(err)
	}
	before, writes := s.Quiet(), sum(s.Writes())
	patch := client.MergeFrom(account.DeepCopy())
	account.SetAnnotations(map[string]string{v1alpha1.AnnotationReconcileAt: time.Now().Format(time.RFC3339Nano)})
	began := time.Now()
	if err := s.Client.Patch(b.Context(), &account, patch); err != nil {
		b.Fatal(err)
	}
	await(b, func() bool { return op.reconciles(b) >= done+many && op.idle(b) })
	took := time.Since(began)
	after := s.Quiet()
	if !report {
		return
	}
	b.ReportMetric(took.Seconds(), "interval-s")
	b.ReportMetric(calls(after)-calls(before), "calls/interval")
	b.ReportMetric(float64(sum(s.Writes())-writes-1), "k8s-writes/interval")
	now, _ := memory(b, op.process.PID())
	b.ReportMetric(now, "steady-rss-MB")
}

// edit changes one amount and waits until the new price is what the Plan says.
func edit(b *testing.B, s *stack.Stack, op *operator, seen *plansSeen) {
	b.Helper()
	await(b, func() bool { return op.idle(b) })
	var plan v1alpha1.Plan
	if err := s.Client.Get(b.Context(), s.Key("plan-0500"), &plan); err != nil {
		b.Fatal(err)
	}
	before, writes := s.Sandbox.Counts(), sum(s.Writes())
	plan.Spec.Prices[0].Amount = "31.00"
	began := time.Now()
	if err := s.Client.Update(b.Context(), &plan); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(seen.readyAt(b, plan.Name, plan.Generation).Sub(began).Seconds(), "edit-s")
	after := s.Quiet()
	b.ReportMetric(calls(after)-calls(before), "edit-calls")
	b.ReportMetric(float64(sum(s.Writes())-writes-1), "edit-k8s-writes")
}

// restart starts another operator, which has settled when it has looked at each Plan.
func restart(b *testing.B, s *stack.Stack, op *operator) {
	b.Helper()
	op.process.Kill()
	before, writes, began := s.Quiet(), sum(s.Writes()), time.Now()
	*op = *start(b, s)
	await(b, func() bool { return op.reconciles(b) >= many && op.idle(b) })
	b.ReportMetric(time.Since(began).Seconds(), "restart-s")
	after := s.Quiet()
	b.ReportMetric(float64(after.Reads-before.Reads), "restart-reads")
	b.ReportMetric(float64(after.Writes-before.Writes), "restart-provider-writes")
	b.ReportMetric(float64(sum(s.Writes())-writes), "restart-k8s-writes")
	_, peak := memory(b, op.process.PID())
	b.ReportMetric(peak, "restart-peak-rss-MB")
}

// explain shows some of the Plans that are not Ready.
func explain(b *testing.B, s *stack.Stack, seen *plansSeen) {
	b.Helper()
	var list v1alpha1.PlanList
	if err := s.Client.List(context.Background(), &list, client.InNamespace(s.Namespace)); err != nil {
		b.Log(err)
	}
	b.Logf("%d of %d Plans were seen Ready; of the others:", seen.ready(), len(list.Items))
	shown := 0
	for i := range list.Items {
		if shown < 3 && !meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
			b.Logf("%s: %+v", list.Items[i].Name, list.Items[i].Status)
			shown++
		}
	}
}

func calls(c traffic.Counts) float64 { return float64(c.Reads + c.Writes) }

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// plansSeen follows the Plans by a watch: asking for all of them again and again would take the time that is measured.
type plansSeen struct {
	mu    sync.Mutex
	plans map[string]seenPlan
}

type seenPlan struct {
	generation int64 // that Ready speaks of; 0 while it is not True
	at         time.Time
}

func watchPlans(b *testing.B, s *stack.Stack) *plansSeen {
	b.Helper()
	c, err := client.NewWithWatch(s.Plane.Config(), client.Options{Scheme: s.Client.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w, err := c.Watch(ctx, &v1alpha1.PlanList{}, client.InNamespace(s.Namespace))
	if err != nil {
		cancel()
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		w.Stop()
	})
	seen := &plansSeen{plans: map[string]seenPlan{}}
	go func() {
		for e := range w.ResultChan() {
			if plan, ok := e.Object.(*v1alpha1.Plan); ok {
				seen.note(plan)
			}
		}
		if ctx.Err() == nil {
			b.Error("the API server ended the watch of Plans: what was Ready later was not seen")
		}
	}()
	return seen
}

func (p *plansSeen) note(plan *v1alpha1.Plan) {
	now := seenPlan{at: time.Now()}
	if c := meta.FindStatusCondition(plan.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Status == "True" {
		now.generation = c.ObservedGeneration
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans[plan.Name] = now
}

func (p *plansSeen) ready() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, plan := range p.plans {
		if plan.generation > 0 {
			n++
		}
	}
	return n
}

// readyAt waits until a Plan is Ready in a generation.
func (p *plansSeen) readyAt(b *testing.B, name string, generation int64) (at time.Time) {
	b.Helper()
	await(b, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		at = p.plans[name].at
		return p.plans[name].generation >= generation
	})
	return at
}
