package e2e

import (
	"encoding/json"
	"net/http"
	"strings"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
)

// object is one of Kassa's, as far as all of them are alike.
type object struct {
	client.Object
	kind       string
	conditions []metav1.Condition
}

// objects are those of the samples that have a condition Ready.
func (b *bench) objects(g Gomega) []object {
	ctx, in := b.t.Context(), client.InNamespace(shop)
	var out []object
	providers, plans := &v1alpha1.PaymentProviderList{}, &v1alpha1.PlanList{}
	receivers, endpoints := &v1alpha1.WebhookReceiverList{}, &v1alpha1.CheckoutEndpointList{}
	for _, list := range []client.ObjectList{providers, plans, receivers, endpoints} {
		g.Expect(b.client.List(ctx, list, in)).To(Succeed())
	}
	for i := range providers.Items {
		out = append(out, object{&providers.Items[i], "PaymentProvider", providers.Items[i].Status.Conditions})
	}
	for i := range plans.Items {
		out = append(out, object{&plans.Items[i], "Plan", plans.Items[i].Status.Conditions})
	}
	for i := range receivers.Items {
		out = append(out, object{&receivers.Items[i], "WebhookReceiver", receivers.Items[i].Status.Conditions})
	}
	for i := range endpoints.Items {
		out = append(out, object{&endpoints.Items[i], "CheckoutEndpoint", endpoints.Items[i].Status.Conditions})
	}
	return out
}

// awaitReady waits until every object of Kassa's and every Deployment is as it should be.
func (b *bench) awaitReady() {
	b.t.Helper()
	b.Eventually(func(g Gomega) {
		all := b.objects(g)
		g.Expect(all).To(HaveLen(samples))
		for _, o := range all {
			ready := meta.FindStatusCondition(o.conditions, v1alpha1.ConditionReady)
			g.Expect(ready).NotTo(BeNil(), "%s %s", o.kind, o.GetName())
			g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), "%s %s: %s", o.kind, o.GetName(), ready.Message)
			g.Expect(ready.ObservedGeneration).To(Equal(o.GetGeneration()), "%s %s", o.kind, o.GetName())
		}
		for _, namespace := range []string{system, shop} {
			b.expectRolledOut(g, namespace)
		}
	}).Should(Succeed())
}

// expectRolledOut looks whether Deployments have all the pods that they want, and no older ones.
func (b *bench) expectRolledOut(g Gomega, namespace string) {
	list := &appsv1.DeploymentList{}
	g.Expect(b.client.List(b.t.Context(), list, client.InNamespace(namespace))).To(Succeed())
	g.Expect(list.Items).NotTo(BeEmpty())
	for _, d := range list.Items {
		g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation), d.Name)
		want := *d.Spec.Replicas
		g.Expect([]int32{d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas}).
			To(Equal([]int32{want, want, want}), d.Name)
		for _, c := range d.Status.Conditions {
			// Such as of Pod Security.
			g.Expect(c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue).To(BeFalse(), c.Message)
		}
	}
}

func (b *bench) get(name string, into client.Object) {
	b.t.Helper()
	b.Expect(b.client.Get(b.t.Context(), types.NamespacedName{Namespace: shop, Name: name}, into)).To(Succeed())
}

// identity is what must not change: the objects, and what they are at the providers.
func (b *bench) identity() map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, o := range b.objects(b.WithT) {
		out[o.kind+" "+o.GetName()] = string(o.GetUID())
		switch o := o.Object.(type) {
		case *v1alpha1.Plan:
			for _, at := range o.Status.Providers {
				ids := []string{at.ProductID}
				for _, price := range at.Prices {
					ids = append(ids, price.ID)
				}
				out["Plan "+o.Name+" at "+at.Name] = strings.Join(ids, " ")
			}
		case *v1alpha1.WebhookReceiver:
			out["Endpoint of "+o.Name] = o.Status.EndpointID
		case *v1alpha1.PaymentProvider:
			out["Account of "+o.Name] = o.Status.Account.ID
		}
	}
	return out
}

// appEvents is what the application has: every event, and how often it was delivered.
type appEvents struct {
	Events []struct {
		ID, Type string
		Data     struct {
			Customer     *struct{ UserID string }
			Subscription *struct{ Plan, Price string }
			Payment      *struct{ Amount, Currency string }
		}
	}
	Deliveries map[string]int
}

func (b *bench) appEvents(g Gomega) appEvents {
	var out appEvents
	a := b.reach(http.MethodGet, "http://app.shop.svc/events", nil, "")
	g.Expect(a.status).To(Equal(http.StatusOK))
	g.Expect(json.Unmarshal(a.body, &out)).To(Succeed())
	return out
}

// account is what the sandbox has of the samples' Stripe account.
func (b *bench) account(g Gomega) stripe.State {
	a := b.reach(http.MethodGet, sandbox+"/_kassa/state", nil, "")
	var all struct{ Stripe []stripe.State }
	g.Expect(json.Unmarshal(a.body, &all)).To(Succeed())
	g.Expect(all.Stripe).To(HaveLen(1))
	return all.Stripe[0]
}
