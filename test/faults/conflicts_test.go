package faults

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// Somebody changes the spec while a product is adopted, so that what the operator found out is not written down: the
// product stays on sale all the same.
func TestAdoptionWhileSomebodyChangesThePlan(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Spec.Providers[0].Adopt = w.adoption("first")
		w.create(p)
		var once atomic.Bool
		sale := stack.NewSale(stack.Sequence{First: map[string][]string{"monthly": nil}}, w.shelf)
		w.sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
			sale.Look(phase, r)
			if r.Write() && once.CompareAndSwap(false, true) {
				w.change(func(p *v1alpha1.Plan) { p.Spec.Description = "Changed" })
			}
		})
		w.settle(false)
		g.Expect(sale.Lost()).To(BeEmpty())
		g.Expect(w.shelf("first")).To(And(HaveField("Products", 1), HaveField("OnSale", 1)))
	})
}

// midway has the operator reconcile the Plan as far as its first write. The function that it returns lets that go on to
// the end.
func (w *world) midway() func() {
	held, free, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	w.t.Cleanup(release)
	w.sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
		if phase == traffic.BeforeCommit && r.Write() {
			w.sandbox.OnRequest(nil)
			close(held)
			<-free
		}
	})
	operator := w.operator
	go func() {
		defer close(ended)
		_, _ = operator.Reconcile(context.Background(), request(w.namespace))
	}()
	<-held
	return func() {
		release()
		<-ended
	}
}

// Two Plans adopt one product at the same moment: the second one is told whose it is, and marks no part of it.
func TestTwoPlansAdoptOneProduct(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Spec.Providers[0].Adopt = w.adoption("first")
		other := stack.SequencePlan("other")
		other.Spec.Providers[0].Adopt = p.Spec.Providers[0].Adopt
		w.create(p, other)
		goOn := w.midway()
		before := w.sandbox.Counts().Writes
		late := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(other)}
		_, err := w.operator.Reconcile(t.Context(), late)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.sandbox.Counts().Writes).To(Equal(before))
		g.Expect(w.client.Get(t.Context(), late.NamespacedName, other)).To(Succeed())
		g.Expect(stateOf(other)).To(And(HavePrefix("False "+v1alpha1.ReasonOwnedByAnother), ContainSubstring("/pro as well")))
		goOn()
		w.settle(false)
		g.Expect(w.shelf("first").Amounts).To(HaveLen(2))
	})
}

// Somebody who writes labels or annotations as often as the provider answers holds nothing up.
func TestABusyAnnotator(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		w.create(p)
		w.sandbox.OnRequest(func(phase traffic.Phase, _ traffic.Request) {
			if phase == traffic.BeforeCommit {
				w.touch()
			}
		})
		w.settle(false)
		NewWithT(t).Expect(w.shelf("first").OnSale).To(Equal(1))
	})
}

// What an adoption names does not exist: that is said once, and costs nothing more until something happens.
func TestAMissingProductIsSaidOnce(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Spec.Providers[0].Adopt = w.adoption("second")
		w.create(p)
		w.some()
		g.Expect(stateOf(w.get())).To(HavePrefix("False " + v1alpha1.ReasonMissing))
		version, requests := w.get().ResourceVersion, len(w.sandbox.Requests())
		w.some()
		g.Expect(w.get().ResourceVersion).To(Equal(version))
		g.Expect(w.sandbox.Requests()).To(HaveLen(requests))
	})
}

// A namespace that was mistyped is put right, and the operator cannot write down what it did at first.
func TestAMistypedNamespace(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		p.Spec.Providers[0].Namespace = "no-such-namespace"
		w.create(p)
		w.some()
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("first") })
		var once atomic.Bool
		w.sandbox.OnRequest(func(_ traffic.Phase, r traffic.Request) {
			if r.Write() && once.CompareAndSwap(false, true) {
				w.change(func(p *v1alpha1.Plan) { p.Spec.Description = "Changed" })
			}
		})
		w.settle(false)
		NewWithT(t).Expect(w.shelf("first").OnSale).To(Equal(1))
	})
}

// A refused create whose end cannot be noted, because somebody changed the Plan at that moment, is no conflict for
// ever.
func TestARefusalThatCannotBeNoted(t *testing.T) {
	w := newWorld(t, stack.Peers[1])
	w.create(stack.SequencePlan(name))
	w.settle(false)
	w.restart()
	w.change(func(p *v1alpha1.Plan) { p.Spec.Prices[0].Amount = "39.00" })
	g := NewWithT(t)
	g.Expect(w.sandbox.Faults().Add(traffic.Fault{
		Method: http.MethodPost, Path: "/paddle/prices", Times: -1, Status: 400,
	})).To(Succeed())
	var once atomic.Bool
	w.operator.Accounts.Clients = onAnswer{do: func(r *http.Request) {
		create := r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/paddle/prices")
		if create && once.CompareAndSwap(false, true) {
			w.change(func(p *v1alpha1.Plan) { p.Spec.Description = "Changed" })
		}
	}}
	for range 10 {
		result, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		w.now = w.now.Add(max(result.RequeueAfter, time.Second))
	}
	g.Expect(stateOf(w.get())).To(And(HavePrefix("False "+v1alpha1.ReasonProviderError), ContainSubstring("HTTP 400")))
	result, err := w.reconcile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(BeZero())
}

// onAnswer does something whenever an answer has come.
type onAnswer struct {
	unlimited
	do func(*http.Request)
}

func (c onAnswer) Client(p billing.Provider, owner, scope string, perSecond float64, burst int) *http.Client {
	answering := c.unlimited.Client(p, owner, scope, perSecond, burst)
	next := answering.Transport
	answering.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		c.do(r)
		return resp, err
	})
	return answering
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A create that is under way is noted in the status: an operator whose cache is behind the note gets a conflict, and
// makes nothing a second time.
func TestAStaleCacheCreatesNothingTwice(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Finalizers = []string{v1alpha1.Finalizer}
		w.create(p)
		stale := w.get()
		goOn := w.midway()
		w.restart()
		behind, ok := w.operator.Client.(client.WithWatch)
		g.Expect(ok).To(BeTrue())
		served := false
		w.operator.Client = interceptor.NewClient(behind, interceptor.Funcs{
			Get: func(
				ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption,
			) error {
				if plan, ok := o.(*v1alpha1.Plan); ok && !served {
					served = true
					stale.DeepCopyInto(plan)
					return nil
				}
				return c.Get(ctx, key, o, opts...)
			},
		})
		result, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).NotTo(BeZero(), "it looks again")
		goOn()
		w.settle(false)
		g.Expect(w.shelf("first")).To(And(HaveField("Products", 1), HaveField("Prices", 2)))
	})
}
