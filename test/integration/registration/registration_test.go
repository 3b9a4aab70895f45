package registration

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/stack"
)

const endpointsPath = "/v1/webhook_endpoints"

func endpoints(s *stack.Stack) []stripe.WebhookEndpoint {
	return s.Sandbox.Stripe().Account(s.APIKey()).Endpoints()
}

// awaitOneEndpoint waits until Stripe has exactly one endpoint, whose secret is in the Secret.
func awaitOneEndpoint(t *testing.T, s *stack.Stack, r *stack.Receiver) stripe.WebhookEndpoint {
	t.Helper()
	var one stripe.WebhookEndpoint
	NewWithT(t).Eventually(func(g Gomega) {
		all := endpoints(s)
		g.Expect(all).To(HaveLen(1))
		one = all[0]
		g.Expect(r.EndpointID()).To(Equal(one.ID))
		g.Expect(r.SigningSecret()).To(Equal(one.Secret))
		g.Expect(r.Object().Status.EndpointID).To(Equal(one.ID))
	}, stack.Patience, often).Should(Succeed())
	return one
}

// expectCalls has Stripe announce an event and waits until the application has it.
func expectCalls(t *testing.T, s *stack.Stack, sink *stack.Sink) {
	t.Helper()
	g := NewWithT(t)
	event, err := s.Sandbox.Stripe().Account(s.APIKey()).Emit("customer.subscription.deleted", nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(sink.Taken, stack.Patience, often).Should(HaveKeyWithValue(s.CloudEventID(event.ID), 1))
}

// killAtWrites runs operators. The first is killed when Stripe has done its first write, the next at its second, and so
// on, until one comes to the end. It returns the writes at which they were killed.
func killAtWrites(t *testing.T, s *stack.Stack, settled func() bool) []string {
	t.Helper()
	g := NewWithT(t)
	var writes []string
	for {
		operator, killed, left := make(chan *child.Process, 1), make(chan string, 1), atomic.Int64{}
		left.Store(int64(len(writes)) + 1)
		s.Sandbox.OnRequest(func(at traffic.Phase, req traffic.Request) {
			if at == traffic.AfterCommit && req.Method != http.MethodGet && strings.HasPrefix(req.Path, endpointsPath) &&
				left.Add(-1) == 0 {
				(<-operator).Kill()
				killed <- req.Method
			}
		})
		running := s.Operator()
		operator <- running
		var method string
		g.Eventually(func() bool {
			select {
			case method = <-killed:
				return true
			default:
				return settled()
			}
		}, stack.Patience, often).Should(BeTrue())
		if method == "" {
			s.Sandbox.OnRequest(nil)
			return writes
		}
		writes = append(writes, method)
	}
}

// The operator dies after every single write to Stripe: when it made an endpoint whose secret it could not store, which
// Stripe never tells again, when it cleans that up, and when it has the endpoint sent events. In the end there is one
// endpoint, and its events are taken; and so it is with a rotation.
func TestRegistrationSurvivesCrashes(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	g := NewWithT(t)
	s.CreateProvider()
	sink := stack.NewSink(t)
	hooks := s.CreateReceiver("hooks", sink)
	writes := killAtWrites(t, s, func() bool { return hooks.Object().Status.EndpointID != "" })
	g.Expect(len(writes)).To(BeNumerically(">=", 3), "%v", writes)
	first := awaitOneEndpoint(t, s, hooks)
	hooks.AwaitReady(workload.DefaultReplicas)
	expectCalls(t, s, sink)

	s.KillOperators()
	hooks.Rotate("crash")
	writes = killAtWrites(t, s, func() bool { return hooks.Object().Status.Rotated == "crash" })
	g.Expect(len(writes)).To(BeNumerically(">=", 3), "%v", writes)
	second := awaitServing(t, s, hooks, 1)
	g.Expect(second.ID).NotTo(Equal(first.ID))
	expectCalls(t, s, sink)
}

// Somebody deletes the endpoint at Stripe: it is made again, and running replicas take events of the new one. When the
// WebhookReceiver is deleted nothing of it is left, here or there.
func TestEndpointFollowsTheReceiver(t *testing.T) {
	s, hooks, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	first := awaitOneEndpoint(t, s, hooks)
	expectCalls(t, s, sink)

	at := s.SandboxURL + endpointsPath + "/" + first.ID
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, at, http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+s.APIKey())
	answer, err := hooks.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
	g.Expect(endpoints(s)).To(BeEmpty())
	before := hooks.Object()
	now := before.DeepCopy()
	now.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: time.Now().String()}
	g.Expect(s.Client.Patch(t.Context(), now, client.MergeFrom(before))).To(Succeed())
	second := awaitOneEndpoint(t, s, hooks)
	g.Expect(second.ID).NotTo(Equal(first.ID))
	g.Expect(second.Secret).NotTo(Equal(first.Secret))
	expectCalls(t, s, sink)

	g.Expect(s.Client.Delete(t.Context(), now)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(endpoints(s)).To(BeEmpty())
		for _, list := range []client.ObjectList{
			&v1alpha1.WebhookReceiverList{}, &v1alpha1.EventLedgerList{}, &appsv1.DeploymentList{}, &corev1.PodList{},
			&corev1.ServiceList{}, &corev1.ServiceAccountList{}, &rbacv1.RoleList{}, &rbacv1.RoleBindingList{},
			&policyv1.PodDisruptionBudgetList{}, &networkingv1.NetworkPolicyList{},
		} {
			g.Expect(s.Client.List(t.Context(), list, client.InNamespace(s.Namespace))).To(Succeed())
			g.Expect(meta.LenList(list)).To(BeZero(), "%T", list)
		}
		g.Expect(hooks.SigningSecret()).To(BeEmpty())
	}, stack.Patience, often).Should(Succeed())
}

// What somebody deletes of a deployed server is put back.
func TestDeployedObjectsArePutBack(t *testing.T) {
	s, r, _ := stack.DeployReceiver(t)
	g := NewWithT(t)
	all := r.Object()
	s.Change(all, func() {
		all.Spec.Expose = &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
		all.Spec.Workload = &v1alpha1.Workload{Autoscaling: &v1alpha1.Autoscaling{MaxReplicas: 2}}
	})
	for _, kind := range workload.Kinds() {
		o, _ := kind.DeepCopyObject().(client.Object)
		name := client.ObjectKey{Namespace: s.Namespace, Name: "hooks-receiver"}
		g.Eventually(func() error { return s.Client.Get(t.Context(), name, o) }, stack.Patience, often).Should(Succeed())
		was := o.GetUID()
		g.Expect(s.Client.Delete(t.Context(), o)).To(Succeed())
		g.Eventually(func() (types.UID, error) {
			again, _ := kind.DeepCopyObject().(client.Object)
			err := s.Client.Get(t.Context(), name, again)
			return again.GetUID(), err
		}, stack.Patience, often).ShouldNot(Equal(was), "%T", kind)
	}
}

// A suspended receiver is not registered and says why; then it is.
func TestSuspendedReceiverIsNotRegistered(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) { r.Spec.Suspend = true })
	object := hooks.Object()
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonSuspended)
	NewWithT(t).Expect(endpoints(s)).To(BeEmpty())
	s.Change(object, func() { object.Spec.Suspend = false })
	awaitOneEndpoint(t, s, hooks)
	s.AwaitState(object, "Current True "+v1alpha1.ReasonSucceeded)
}

// What a sink asks for by name comes, also when it is not among spec.events; a misspelt name is refused.
func TestEventsOfSinksAreRegistered(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	g := NewWithT(t)
	s.Operator()
	s.CreateProvider()
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Events = []string{"invoice.paid"}
		r.Spec.Delivery.Sinks[0].Events = []string{"payout.paid", "invoice.paid"}
	})
	object := hooks.Object()
	g.Expect(awaitOneEndpoint(t, s, hooks).EnabledEvents).To(ConsistOf("invoice.paid", "payout.paid",
		"price.created", "price.updated", "price.deleted", "product.created", "product.updated", "product.deleted"),
		"what the sinks and the Plans need")
	s.Change(object, func() { object.Spec.Delivery.Sinks[0].Events = []string{"payout.payed"} })
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonUnsupported)
	g.Expect(stack.Message(object)).To(ContainSubstring(
		"spec.delivery.sinks[app].events: payout.payed is no event of Stripe"))
}

// The endpoint that Kassa made goes when the registration becomes the user's.
func TestManagedRegistrationBecomesManual(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	hooks := s.CreateReceiver("hooks", stack.NewSink(t))
	awaitOneEndpoint(t, s, hooks)
	s.Create(stack.Secret("mine", "signing-secret", "whsec_"+"mine"))
	object := hooks.Object()
	s.AwaitState(object, "Current True "+v1alpha1.ReasonSucceeded)
	s.Change(object, func() {
		object.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: "mine"},
		}}
	})
	g := NewWithT(t)
	g.Eventually(func() int { return len(endpoints(s)) }, stack.Patience, often).Should(BeZero())
	g.Eventually(func() string { return hooks.Object().Status.EndpointID }, stack.Patience, often).Should(BeEmpty())
}
