package faults

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// atEach runs a test with the Plan of the sequences at each provider that Kassa writes to.
func atEach(t *testing.T, test func(*testing.T, *world, *v1alpha1.Plan)) {
	for _, p := range stack.Peers {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, p), stack.SequencePlan(name))
		})
	}
}

// some lets the operator look at the Plan a few times.
func (w *world) some() {
	w.t.Helper()
	for range 4 {
		_, _ = w.reconcile()
		w.now = w.now.Add(2 * time.Second)
	}
}

func at(names ...string) (providers []v1alpha1.PlanProvider) {
	for _, n := range names {
		providers = append(providers, v1alpha1.PlanProvider{Name: n})
	}
	return providers
}

// entry is what the status has of a provider.
func (w *world) entry(name string) *v1alpha1.PlanProviderStatus {
	p := w.get()
	for i := range p.Status.Providers {
		if p.Status.Providers[i].Name == name {
			return &p.Status.Providers[i]
		}
	}
	return nil
}

func (w *world) delete() {
	w.t.Helper()
	if err := w.client.Delete(context.Background(), w.get()); err != nil {
		w.t.Fatal(err)
	}
}

var touches atomic.Int64

// touch writes an annotation, as other controllers do.
func (w *world) touch() {
	w.t.Helper()
	w.change(func(p *v1alpha1.Plan) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, "example.com/touched", strconv.FormatInt(touches.Add(1), 10))
	})
}
