package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// A PaymentProvider is replaced by another one of the same account, maybe with another address: what is on sale there
// is what is wanted.
func TestMoveWithinOneAccount(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		address := strings.Replace(w.url, "127.0.0.1", "localhost", 1)
		w.create(stack.Secret("third", "key", w.key("first")), w.peer.Provider("third", address))
		w.create(p)
		w.settle(false)
		before := w.shelf("first")
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("third") })
		w.settle(false)
		g.Expect(w.shelf("first")).To(Equal(before))
		g.Expect(w.entry("first")).To(BeNil())
		// And back, when all that is known is that something was begun.
		p = w.get()
		p.Status.Providers = []v1alpha1.PlanProviderStatus{{Name: "third", Written: true, Ready: "Unknown"}}
		g.Expect(w.client.Status().Update(t.Context(), p)).To(Succeed())
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("first") })
		w.restart()
		w.settle(false)
		g.Expect(w.shelf("first")).To(Equal(before))
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

// What was made at the new provider cannot be bought while its prices are refused, or it is away.
func TestAMoveThatArrivesInPart(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
				g := NewWithT(t)
				w.create(p)
				w.settle(false)
				g.Expect(w.sandbox.Faults().Add(traffic.Fault{
					Method: http.MethodPost, Path: w.peer.Path + "prices", Times: -1, Status: status,
				})).To(Succeed())
				w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
				w.some()
				g.Expect(w.shelf("first").Amounts).To(HaveLen(2))
				w.sandbox.Faults().Clear()
				w.change(func(p *v1alpha1.Plan) { p.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"} })
				w.settle(false)
				g.Expect(w.shelf("first").OnSale).To(BeZero())
				g.Expect(w.shelf("second").Amounts).To(HaveLen(2))
			})
		})
	}
}

// A plan that can be bought elsewhere leaves a provider, whatever becomes of the others.
func TestARemovedProviderWaitsForNobodyElse(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		p.Spec.Providers = at("first", "second", "nowhere")
		w.create(p)
		w.some()
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("first", "nowhere") })
		w.some()
		NewWithT(t).Expect(w.shelf("second").OnSale).To(BeZero())
	})
}

// A PaymentProvider moves to another namespace, with the account that it is. Its Secret may come later.
func TestMoveToAnotherNamespace(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("the Secret comes later: %t", late), func(t *testing.T) {
			atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
				g := NewWithT(t)
				w.create(p)
				w.settle(false)
				before := w.shelf("first")
				shared := controlplane.Shared(t).Namespace(t)
				pp, secret := w.peer.Provider("first", w.url), stack.Secret("first", "key", w.key("first"))
				pp.Namespace, secret.Namespace = shared, shared
				pp.Spec.AllowedNamespaces.From = v1alpha1.NamespacesAll
				g.Expect(w.client.Create(t.Context(), pp)).To(Succeed())
				if !late {
					g.Expect(w.client.Create(t.Context(), secret)).To(Succeed())
				}
				w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
				w.change(func(p *v1alpha1.Plan) {
					p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "first", Namespace: shared}}
				})
				w.sandbox.OnRequest(func(traffic.Phase, traffic.Request) { g.Expect(w.shelf("first")).To(Equal(before)) })
				w.some()
				g.Expect(w.shelf("first")).To(Equal(before))
				if late {
					g.Expect(stateOf(w.get())).To(HavePrefix("False " + v1alpha1.ReasonProviderNotReady))
					g.Expect(w.client.Create(t.Context(), secret)).To(Succeed())
				}
				w.settle(false)
				g.Expect(w.entry("first").Namespace).To(Equal(shared))
				w.sandbox.OnRequest(nil)
				w.delete()
				w.settle(false)
				g.Expect(w.shelf("first").OnSale).To(BeZero())
			})
		})
	}
}

// Two PaymentProviders of one account sell the Plan by two products: neither is the other's twin.
func TestTwoProductsOfOneAccount(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		w.create(stack.Secret("third", "key", w.key("first")), w.peer.Provider("third", w.url))
		w.create(p)
		w.settle(false)
		adopting := v1alpha1.PlanProvider{Name: "third", Adopt: w.adoption("first")}
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = append(at("first"), adopting) })
		w.settle(false)
		w.restart()
		w.change(func(p *v1alpha1.Plan) { p.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"} })
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(Equal(2))

		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = []v1alpha1.PlanProvider{adopting} })
		w.restart()
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(Equal(1))
		g.Expect(w.entry("third").ProductID).To(Equal(adopting.Adopt.ProductID))
		w.delete()
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(BeZero())
	})
}

// What refuses to be archived is tried again whenever something happens, and takes the Plan with it in the end.
func TestADeletionThatIsRefused(t *testing.T) {
	atEach(t, func(t *testing.T, w *world, p *v1alpha1.Plan) {
		g := NewWithT(t)
		w.create(p)
		w.settle(false)
		g.Expect(w.sandbox.Faults().Add(traffic.Fault{
			Path: w.peer.Path + "products/" + w.entry("first").ProductID, Method: w.peer.Update, Status: 400, Times: -1,
		})).To(Succeed())
		w.delete()
		w.some()
		g.Expect(stateOf(w.get())).To(And(HavePrefix("False "+v1alpha1.ReasonProviderError),
			ContainSubstring("set spec.deletionPolicy to Orphan")))
		w.sandbox.Faults().Clear()
		w.settle(false)
		g.Expect(w.shelf("first").OnSale).To(BeZero())
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
		adopting := v1alpha1.PlanProvider{Name: "first", Adopt: w.adoption("first")}
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = at("second") })
		w.change(func(p *v1alpha1.Plan) { p.Spec.Providers = append(p.Spec.Providers, adopting) })
		w.settle(false)
		g.Expect(w.shelf("first")).To(And(HaveField("OnSale", 1), HaveField("Amounts", map[string][]string{
			"monthly": {"2900"}, "yearly": {"29000"},
		})))
		g.Expect(w.entry("first").ProductID).To(Equal(adopting.Adopt.ProductID))
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
