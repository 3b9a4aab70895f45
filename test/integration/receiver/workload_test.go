package receiver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// deployed makes a receiver whose server is applied but, without a node, does not run.
func deployed(t *testing.T, edit ...func(*v1alpha1.WebhookReceiver)) (*stack.Stack, *v1alpha1.WebhookReceiver) {
	t.Helper()
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	hooks := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: "hooks"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef:  v1alpha1.ProviderReference{Name: "stripe"},
			URL:          "https://" + s.Namespace + ".example.com/stripe",
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
		},
	}
	for _, e := range edit {
		e(hooks)
	}
	s.Create(hooks)
	NewWithT(t).Eventually(func() error {
		return s.Client.Get(t.Context(), s.Key("hooks-receiver"), &appsv1.Deployment{})
	}, stack.Patience, often).Should(Succeed())
	return s, hooks
}

// reconcile asks the operator to look again and waits until it did.
func reconcile(s *stack.Stack, hooks *v1alpha1.WebhookReceiver) {
	s.T.Helper()
	g := NewWithT(s.T)
	name := hooks.Name
	// A change that only the operator acts on: its outcome shows that it has been there.
	for _, mode := range []v1alpha1.NetworkPolicyMode{v1alpha1.NetworkPolicyDisabled, v1alpha1.NetworkPolicyEnabled} {
		s.Change(hooks, func() {
			if hooks.Spec.Workload == nil {
				hooks.Spec.Workload = &v1alpha1.Workload{}
			}
			hooks.Spec.Workload.NetworkPolicy = &v1alpha1.WorkloadNetworkPolicy{Mode: mode}
		})
		g.Eventually(func() bool {
			err := s.Client.Get(s.T.Context(), s.Key(name+"-receiver"), &networkingv1.NetworkPolicy{})
			return apierrors.IsNotFound(err) == (mode == v1alpha1.NetworkPolicyDisabled)
		}, stack.Patience, often).Should(BeTrue())
	}
}

// replicaCounts are all numbers of replicas that a Deployment ever has, in order.
type replicaCounts struct {
	mu   sync.Mutex
	seen []int32
}

func watchReplicas(s *stack.Stack, name string) *replicaCounts {
	s.T.Helper()
	g := NewWithT(s.T)
	c, err := client.NewWithWatch(s.Plane.Config(), client.Options{Scheme: s.Client.Scheme()})
	g.Expect(err).NotTo(HaveOccurred())
	w, err := c.Watch(context.Background(), &appsv1.DeploymentList{}, client.InNamespace(s.Namespace),
		client.MatchingFields{"metadata.name": name})
	g.Expect(err).NotTo(HaveOccurred())
	s.T.Cleanup(w.Stop)
	counts := &replicaCounts{}
	go func() {
		for e := range w.ResultChan() {
			d, ok := e.Object.(*appsv1.Deployment)
			if !ok || d.Spec.Replicas == nil {
				continue
			}
			counts.mu.Lock()
			if n := len(counts.seen); n == 0 || counts.seen[n-1] != *d.Spec.Replicas {
				counts.seen = append(counts.seen, *d.Spec.Replicas)
			}
			counts.mu.Unlock()
		}
	}()
	return counts
}

func (c *replicaCounts) all() []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int32(nil), c.seen...)
}

// An autoscaler takes the number of replicas over as it is, keeps it to itself while it is there, and gives it back.
func TestAutoscalerTakesOverTheReplicas(t *testing.T) {
	s, hooks := deployed(t, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Workload = &v1alpha1.Workload{Replicas: ptr.To[int32](3)}
	})
	g := NewWithT(t)
	counts := watchReplicas(s, "hooks-receiver")
	g.Eventually(counts.all, stack.Patience, often).Should(Equal([]int32{3}))

	s.Change(hooks, func() {
		hooks.Spec.Workload = &v1alpha1.Workload{Autoscaling: &v1alpha1.Autoscaling{MaxReplicas: 6}}
	})
	scaler := &autoscalingv2.HorizontalPodAutoscaler{}
	g.Eventually(func() error {
		return s.Client.Get(t.Context(), s.Key("hooks-receiver"), scaler)
	}, stack.Patience, often).Should(Succeed())
	g.Expect(scaler.Spec.MinReplicas).To(HaveValue(BeEquivalentTo(2)))
	g.Expect(scaler.Spec.ScaleTargetRef.Name).To(Equal("hooks-receiver"))
	reconcile(s, hooks)
	g.Expect(counts.all()).To(Equal([]int32{3}), "the number of replicas changed while it changed hands")

	deployment := &appsv1.Deployment{}
	g.Expect(s.Client.Get(t.Context(), s.Key("hooks-receiver"), deployment)).To(Succeed())
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 5}}
	body := client.WithSubResourceBody(scale)
	g.Expect(s.Client.SubResource("scale").Update(t.Context(), deployment, body)).To(Succeed())
	reconcile(s, hooks)
	g.Eventually(counts.all, stack.Patience, often).Should(Equal([]int32{3, 5}))
	reconcile(s, hooks)
	g.Expect(counts.all()).To(Equal([]int32{3, 5}), "the operator wrote what is the autoscaler's")

	s.Change(hooks, func() { hooks.Spec.Workload = &v1alpha1.Workload{Replicas: ptr.To[int32](4)} })
	g.Eventually(func() bool {
		return apierrors.IsNotFound(s.Client.Get(t.Context(), s.Key("hooks-receiver"), scaler))
	}, stack.Patience, often).Should(BeTrue())
	g.Eventually(counts.all, stack.Patience, often).Should(Equal([]int32{3, 5, 4}))
}

// A receiver that is autoscaled from the beginning begins with the least that is allowed, not with 1.
func TestAutoscaledFromTheBeginning(t *testing.T) {
	s, _ := deployed(t, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Workload = &v1alpha1.Workload{
			Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](3), MaxReplicas: 6},
		}
	})
	g := NewWithT(t)
	g.Eventually(func() error {
		return s.Client.Get(t.Context(), s.Key("hooks-receiver"), &autoscalingv2.HorizontalPodAutoscaler{})
	}, stack.Patience, often).Should(Succeed())
	deployment := &appsv1.Deployment{}
	g.Expect(s.Client.Get(t.Context(), s.Key("hooks-receiver"), deployment)).To(Succeed())
	g.Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(3)))
}

// What carries the server's name and is not the receiver's is left as it is, and told.
func TestForeignObjectsAreLeftAlone(t *testing.T) {
	s := stack.New(t, stack.Options{})
	g := NewWithT(t)
	mine := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "hooks-receiver"}}
	s.Create(mine)
	s.Operator()
	s.CreateProvider()
	hooks := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: "hooks"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "stripe"}, URL: "https://" + s.Namespace + ".example.com/",
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
		},
	}
	s.Create(hooks)
	s.AwaitState(hooks, "InProgress False OwnedByAnother")
	g.Expect(stack.Message(hooks)).To(ContainSubstring(`NetworkPolicy "hooks-receiver" exists`))
	s.Change(hooks, func() {
		hooks.Spec.Workload = &v1alpha1.Workload{
			NetworkPolicy: &v1alpha1.WorkloadNetworkPolicy{Mode: v1alpha1.NetworkPolicyDisabled},
		}
	})
	s.AwaitState(hooks, "InProgress False WorkloadUnavailable")
	version := mine.ResourceVersion
	g.Expect(s.Client.Get(t.Context(), s.Key("hooks-receiver"), mine)).To(Succeed())
	g.Expect(mine.ResourceVersion).To(Equal(version))
}

// The API server's own Pod Security admission takes the pods in a namespace that enforces the restricted profile.
func TestPodsAreRestricted(t *testing.T) {
	s, _ := deployed(t, func(r *v1alpha1.WebhookReceiver) { r.Spec.TLS = &v1alpha1.ServerTLS{SecretName: "none"} })
	g := NewWithT(t)
	namespace := &corev1.Namespace{}
	g.Expect(s.Client.Get(t.Context(), types.NamespacedName{Name: s.Namespace}, namespace)).To(Succeed())
	enforce := client.MergeFrom(namespace.DeepCopy())
	metav1.SetMetaDataLabel(&namespace.ObjectMeta, "pod-security.kubernetes.io/enforce", "restricted")
	g.Expect(s.Client.Patch(t.Context(), namespace, enforce)).To(Succeed())
	deployment := &appsv1.Deployment{}
	g.Expect(s.Client.Get(t.Context(), s.Key("hooks-receiver"), deployment)).To(Succeed())
	attempt := func(spoil func(*corev1.PodSpec)) error {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, GenerateName: "try-"},
			Spec:       *deployment.Spec.Template.Spec.DeepCopy(),
		}
		spoil(&pod.Spec)
		return s.Client.Create(t.Context(), pod, client.DryRunAll)
	}
	spoiled := func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil }
	// Admission takes a moment to see the label.
	g.Eventually(func() error { return attempt(spoiled) }, stack.Patience, often).
		Should(MatchError(ContainSubstring("violates PodSecurity")))
	g.Expect(attempt(func(*corev1.PodSpec) {})).To(Succeed())
	container := deployment.Spec.Template.Spec.Containers[0]
	g.Expect(container.SecurityContext.ReadOnlyRootFilesystem).To(HaveValue(BeTrue()), "more than the profile asks for")
}

// What only the server reads is live within seconds in the processes that run, and the Deployment stays as it is.
func TestSpecIsFollowedWithoutARollout(t *testing.T) {
	s, r, first := stack.DeployReceiver(t)
	g := NewWithT(t)
	deployment := func() *appsv1.Deployment {
		d := &appsv1.Deployment{}
		g.Expect(s.Client.Get(t.Context(), s.Key(r.Workload()), d)).To(Succeed())
		return d
	}
	before, replicas := deployment(), r.Replicas()
	second := stack.NewSink(t)
	hooks := r.Object()
	s.Change(hooks, func() {
		hooks.Spec.Delivery.Sinks = []v1alpha1.Sink{
			{Name: "app", HTTP: v1alpha1.HTTPSink{URI: first.URL}, Events: []string{"payment.*"}},
			{Name: "second", HTTP: v1alpha1.HTTPSink{URI: second.URL}},
		}
		hooks.Spec.SignatureTolerance = &metav1.Duration{Duration: 10 * time.Minute}
		hooks.Spec.Ledger = &v1alpha1.LedgerSettings{Retention: &metav1.Duration{Duration: 100 * time.Hour}}
		hooks.Spec.HTTPSPolicy = v1alpha1.HTTPSRequireProof
	})
	// Either replica sends to the new sink; the filter keeps the event from the old one.
	for i, p := range replicas {
		g.Eventually(func() map[string]int {
			id := fmt.Sprintf("evt_%d_%d", i, time.Now().UnixNano())
			answer, err := r.Send(r.ReplicaURL(p), stack.Event(id), r.SigningSecret())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
			taken := second.Taken()
			return map[string]int{id: taken[s.CloudEventID(id)]}
		}, stack.Patience, often).Should(ContainElement(1))
	}
	// The operator has seen the change too: what it applied is the same.
	g.Eventually(func() int64 { return r.Object().Status.ObservedGeneration }, stack.Patience, often).
		Should(Equal(hooks.Generation))
	g.Expect(deployment().Generation).To(Equal(before.Generation))
	now := r.Replicas()
	g.Expect(now).To(HaveLen(len(replicas)))
	for i := range now {
		g.Expect(now[i].PID).To(Equal(replicas[i].PID))
	}
}
