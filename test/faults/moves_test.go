package faults

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
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

// A PaymentProvider is replaced by another one of the same account: what is on sale there is what is wanted.
func TestMoveWithinOneAccount(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		w.create(stack.Secret("third", "key", w.key("first")), w.peer.Provider("third", w.url))
		// As the controller of PaymentProviders does, with what it found out.
		w.create(p)
		w.settle(false)
		before := w.shelf("first")
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("third") })
		w.settle(false)
		g.Expect(w.shelf("first")).To(Equal(before))
		g.Expect(w.entry("first")).To(BeNil())
		w.delete()
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(BeZero())
	})
}

// A Plan stays on sale where it was until it is on sale where it goes to.
func TestAMoveThatDoesNotArrive(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		w.create(p)
		w.settle(false)
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("nowhere") })
		w.some()
		g.Expect(w.shelf("first").OnSale).To(Equal(1))
		g.Expect(w.entry("first").Message).To(Equal(`stays on sale here until the plan is on sale at "nowhere"`))
		g.Expect(stateOf(w.get())).To(HavePrefix("False " + v1alpha1.ReasonReferenceNotFound))
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(BeZero())
		g.Expect(w.shelf("second").OnSale).To(Equal(1))
	})
}

// A provider where nothing was ever made holds nothing up: neither the name put right, nor the Plan's end.
func TestAProviderThatNeverWas(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		p.Spec.Providers = at("frist")
		w.create(p)
		w.some()
		NewWithT(t).Expect(stateOf(w.get())).To(HavePrefix("False " + v1alpha1.ReasonReferenceNotFound))
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("first") })
		w.settle(false)
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("first", "frist") })
		w.some()
		w.delete()
		w.settle(false)
		NewWithT(t).Expect(w.shelf("first").OnSale).To(BeZero())
	})
}

// Without leave to write, a provider that is taken out of the spec is not forgotten: what is there is taken off sale as
// soon as Kassa may.
func TestAProviderTakenOutUnderPreview(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		for _, management := range []v1alpha1.Management{v1alpha1.ManagementPreview, v1alpha1.ManagementObserve} {
			g := NewWithT(t)
			p := p.DeepCopy()
			p.Spec.Providers = at("first", "second")
			w.create(p)
			w.settle(false)
			writes := w.sandbox.Counts().Writes
			w.change(func(p *v1alpha1.Plan) { p.Spec.Management, p.Spec.Providers = management, at("first") })
			w.some()
			g.Expect(w.sandbox.Counts().Writes).To(Equal(writes))
			entry := w.entry("second")
			g.Expect(entry.Message).To(HavePrefix(
				"spec.providers does not name it any more, but the plan is still on sale there; "))
			g.Expect(entry.Drift).To(ConsistOf(HaveField("Field", "providers[second]")))
			if management == v1alpha1.ManagementPreview {
				g.Expect(entry.Pending[0].Operation).To(Equal("ArchiveProduct"))
			}
			g.Expect(meta.IsStatusConditionTrue(w.get().Status.Conditions, v1alpha1.ConditionReady)).To(BeFalse())
			w.restart()
			w.change(func(p *v1alpha1.Plan) { p.Spec.Management = v1alpha1.ManagementEnforce })
			w.settle(false)
			g.Expect(w.shelf("second").OnSale).To(BeZero())
			g.Expect(w.shelf("first").OnSale).To(Equal(1))
			w.delete()
			w.settle(false)
		}
	})
}

// A provider is taken out of the spec and put back with another product before the operator looks: what was made first
// is taken off sale, and stays so.
func TestAProviderPutBackWithAnotherProduct(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Spec.Providers = at("second", "first")
		w.create(p)
		w.settle(false)
		product, price := w.peer.ByHand(t, w.url, w.key("first"))
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.change(func(p *v1alpha1.Plan) {
			p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "first", Adopt: &v1alpha1.Adopt{
				ProductID: product, Prices: []v1alpha1.AdoptPrice{{Name: "monthly", ID: price}},
			}})
		})
		w.settle(false)
		g.Expect(w.shelf("first")).To(And(HaveField("OnSale", 1), HaveField("Amounts", map[string][]string{
			"monthly": {"2900"}, "yearly": {"29000"},
		})))
		g.Expect(w.entry("first").ProductID).To(Equal(product))
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second", "first") })
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(Equal(1))
		w.delete()
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(BeZero())
	})
}

// A plan that comes back at a provider comes back at its new amounts.
func TestAProviderPutBackAtAnotherAmount(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Spec.Providers = at("second", "first")
		w.create(p)
		w.settle(false)
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.settle(false)
		g.Expect(w.shelf("first").Amounts).To(BeEmpty())
		w.change(func(p *v1alpha1.Plan) {
			p.Spec.Providers, p.Spec.Prices[0].Amount = at("second", "first"), "39.00"
		})
		w.sandbox.OnRequest(func(traffic.Phase, traffic.Request) {
			g.Expect(w.shelf("first").Amounts["monthly"]).NotTo(ContainElement("2900"))
		})
		w.settle(false)
		w.sandbox.OnRequest(nil)
		g.Expect(w.shelf("first").Amounts).To(Equal(map[string][]string{"monthly": {"3900"}, "yearly": {"29000"}}))
	})
}

// A create that is under way is noted in the status: an operator whose cache is behind the note gets a conflict, and
// makes nothing a second time.
func TestAStaleCacheCreatesNothingTwice(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		p.Finalizers = []string{v1alpha1.Finalizer}
		w.create(p)
		stale := w.get()
		held, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		w.sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
			if phase == traffic.BeforeCommit && r.Write() {
				w.sandbox.OnRequest(nil)
				close(held)
				<-release
			}
		})
		former := w.operator
		go func() {
			defer close(ended)
			_, _ = former.Reconcile(context.Background(), request(w.namespace))
		}()
		<-held
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
		close(release)
		<-ended
		w.settle(false)
		g.Expect(w.shelf("first")).To(And(HaveField("Products", 1), HaveField("Prices", 2)))
	})
}
