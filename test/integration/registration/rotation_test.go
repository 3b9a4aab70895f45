package registration

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/registration"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const quietEvent = "test_helpers.test_clock.internal_failure"

// awaitServing waits until Stripe has one endpoint that is sent events, whose secret is in the Secret, and so many that
// retire.
func awaitServing(t *testing.T, s *stack.Stack, r *stack.Receiver, retiring int) stripe.WebhookEndpoint {
	t.Helper()
	var serving stripe.WebhookEndpoint
	NewWithT(t).Eventually(func(g Gomega) {
		all, now := endpoints(s), r.Object()
		g.Expect(all).To(HaveLen(1 + retiring))
		g.Expect(now.Status.RetiringEndpoints).To(HaveLen(retiring))
		for _, e := range all {
			if slices.Equal(e.EnabledEvents, []string{quietEvent}) {
				retires := func(x v1alpha1.RetiringEndpoint) bool { return x.ID == e.ID }
				g.Expect(slices.ContainsFunc(now.Status.RetiringEndpoints, retires)).To(BeTrue(), e.ID)
				continue
			}
			serving = e
			g.Expect(now.Status.EndpointID).To(Equal(e.ID))
			g.Expect(r.EndpointID()).To(Equal(e.ID))
			g.Expect(r.SigningSecret()).To(Equal(e.Secret))
		}
	}, stack.Patience, often).Should(Succeed())
	return serving
}

// restart rolls the Deployment, as kubectl rollout restart does.
func restart(s *stack.Stack, r *stack.Receiver, value string) {
	s.T.Helper()
	patch := fmt.Appendf(nil,
		`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, value)
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = s.Namespace, r.Workload()
	NewWithT(s.T).Expect(s.Client.Patch(s.T.Context(), deployment, client.RawPatch(types.MergePatchType, patch))).
		To(Succeed())
}

// rolledOut expects that the last restart is over.
func rolledOut(g Gomega, s *stack.Stack, r *stack.Receiver) {
	d := &appsv1.Deployment{}
	g.Expect(s.Client.Get(s.T.Context(), s.Key(r.Workload()), d)).To(Succeed())
	g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
	g.Expect([]int32{d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.Replicas}).
		To(Equal([]int32{*d.Spec.Replicas, *d.Spec.Replicas, *d.Spec.Replicas}))
}

// Ten rotations and five rolling restarts while Stripe sends events by whatever endpoints it has at that moment, and a
// sender signs with the secret that is live: no event is refused, and each is delivered once.
func TestRotationsUnderLoadRefuseNothing(t *testing.T) {
	s, hooks, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	d := hooks.Sender("rotate")
	last := hooks.SigningSecret()
	d.Live = func() string {
		if secret := hooks.SigningSecret(); secret != "" {
			return secret
		}
		return last
	}
	account := s.Sandbox.Stripe().Account(s.APIKey())
	want := map[string]int{}
	emit := func() {
		e, err := account.Emit("customer.subscription.deleted", nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		want[s.CloudEventID(e.ID)] = 1
	}
	stop := d.Load(30, hooks.URL)
	defer stop()
	for i := range 10 {
		value := strconv.Itoa(i)
		hooks.Rotate(value)
		if i%2 == 1 {
			restart(s, hooks, value)
		}
		g.Eventually(func(g Gomega) {
			emit()
			g.Expect(hooks.Object().Status.Rotated).To(Equal(value))
			if i%2 == 1 {
				rolledOut(g, s, hooks)
			}
		}, stack.Patience, 3*often).Should(Succeed())
	}
	stop()
	d.Wait()
	g.Expect(d.Accepted).To(HaveLen(d.Sent()), "answers %v", d.Statuses)
	for id := range d.Accepted {
		want[s.CloudEventID(id)] = 1
	}
	g.Eventually(func() int { return len(sink.Taken()) }, stack.Patience, often).Should(Equal(len(want)))
	s.AwaitEmptyInbox()
	for id, n := range sink.Taken() {
		g.Expect(want).To(HaveKey(id))
		event := id[strings.LastIndex(id, ":")+1:]
		g.Expect(n == 1 || d.WasBroken(event)).To(BeTrue(), "%s came %d times", id, n)
	}
	for status := range d.Statuses {
		g.Expect(status).To(BeElementOf(http.StatusOK, http.StatusServiceUnavailable), "%v", d.Answers)
	}
	// Replicas that are gone by now wrote what they counted when they ended.
	g.Eventually(func() int64 { return hooks.Object().Status.Events.Received }, stack.Patience, often).
		Should(BeNumerically(">=", len(want)))
	g.Expect(hooks.Object().Status.Events.Rejected).To(BeZero(), "an event was refused")
	awaitServing(t, s, hooks, registration.MaxRetiring)
	t.Logf("%d events, answers %v", len(want), d.Statuses)
}
