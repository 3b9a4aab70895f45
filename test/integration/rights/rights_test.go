package rights

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// The operator has the rights for everything that it does, where it works: nothing is refused, from the first object to
// the last.
func TestTheWholeJob(t *testing.T) {
	for name, some := range map[string]bool{"everywhere": false, "in some namespaces": true} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t)
			var namespaces []string
			if some {
				namespaces = []string{j.Namespace, j.accounts}
			}
			r := install(j.Stack, namespaces...)
			r.start()
			j.declare()
			j.buy()
			j.g.Eventually(j.taken, stack.Patience, often).ShouldNot(BeEmpty())
			j.dun()
			j.recover()
			j.remove()
			j.g.Expect(r.OperatorLog()).NotTo(Or(ContainSubstring("forbidden"), ContainSubstring("unknown namespace")))
		})
	}
}

// A receiver, and a checkout server, read their own Secrets and nobody else's, of whatever kind the release is.
func TestServersReadTheirOwnSecrets(t *testing.T) {
	j := newJob(t)
	install(j.Stack, j.Namespace, j.accounts).start()
	j.declare()
	other := j.CreateReceiver("other", j.sink, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Namespace = j.accounts
	})
	other.AwaitReady(workload.DefaultReplicas)
	elsewhere := client.ObjectKey{Namespace: j.accounts, Name: "stripe-api"}
	own := map[string][]client.ObjectKey{
		j.hooks.Workload(): {j.Key("hooks-signing")},
		other.Workload():   {j.Key("other-signing")},
		j.shop.Workload():  {j.Key(storefront.SecretName("shop")), j.Key("shop-token"), elsewhere},
	}
	for name := range own {
		server := j.As(j.Namespace, name)
		for owner, keys := range own {
			for _, key := range keys {
				err := server.Get(t.Context(), key, &corev1.Secret{})
				if owner == name {
					j.g.Expect(err).NotTo(HaveOccurred(), "%s reads %s", name, key)
				} else {
					j.g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%s reads %s: %v", name, key, err)
				}
			}
		}
		err := server.List(t.Context(), &corev1.SecretList{}, client.InNamespace(j.Namespace))
		j.g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%s lists Secrets: %v", name, err)
	}
}

// Where it does not work the operator may not look, does nothing, and says so to whom refers there.
func TestNothingElsewhere(t *testing.T) {
	g, s := NewWithT(t), stack.New(t, stack.Options{})
	elsewhere := s.Plane.Namespace(t)
	r := install(s, s.Namespace)
	r.start()

	operator := s.As(r.namespace, r.name)
	g.Expect(secrets(t, operator, s.Namespace)).To(Succeed())
	for _, namespace := range []string{elsewhere, r.namespace, ""} {
		err := secrets(t, operator, namespace)
		g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "Secrets of %q: %v", namespace, err)
	}
	for _, verb := range []string{"create", "update", "patch", "delete"} {
		g.Expect(may(t, operator, verb, "namespaces")).To(BeFalse(), "%s namespaces", verb)
	}

	secret, pp, theirs := stack.Secret("stripe-api", "api-key", s.APIKey()), s.Provider(), stack.Plan("theirs")
	for _, o := range []client.Object{secret, pp, theirs} {
		o.SetNamespace(elsewhere)
		g.Expect(s.Client.Create(t.Context(), o)).To(Succeed())
	}
	plan := stack.Plan("pro")
	plan.Spec.Providers[0].Namespace = elsewhere
	s.Create(plan)
	s.AwaitState(plan, "Failed False "+v1alpha1.ReasonReferenceNotPermitted)
	g.Expect(stack.Message(plan)).To(And(ContainSubstring("where this operator does not work"),
		ContainSubstring("--namespaces")))
	g.Expect(s.Client.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs)).To(Succeed())
	g.Expect(theirs.Status.Conditions).To(BeEmpty())
	g.Expect(theirs.Finalizers).To(BeEmpty())

	// Its own namespace works meanwhile.
	s.CreateProvider()
	s.AwaitState(s.Provider(), "Current True "+v1alpha1.ReasonCredentialsValid)
	g.Expect(r.OperatorLog()).NotTo(Or(ContainSubstring("forbidden"), ContainSubstring("unknown namespace")))
}

// Two operators of a release agree on who works, and the other one takes over.
func TestStandbyTakesOver(t *testing.T) {
	g, s := NewWithT(t), stack.New(t, stack.Options{})
	r := install(s, s.Namespace)
	first := r.start()
	s.CreateProvider()
	plan := stack.Plan("pro")
	s.Create(plan)
	s.AwaitState(plan, inSync)
	second := r.start()
	g.Consistently(second.Running, time.Second, often).Should(BeTrue(), "it waits")
	first.Kill()
	next := stack.Plan("next")
	s.Create(next)
	s.AwaitState(next, inSync)
	g.Expect(r.OperatorLog()).NotTo(ContainSubstring("forbidden"))
}

func secrets(t *testing.T, c client.Client, namespace string) error {
	t.Helper()
	return c.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace))
}

// may asks the API server whether a client may do something to objects that are in no namespace.
func may(t *testing.T, c client.Client, verb, resource string) bool {
	t.Helper()
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Resource: resource},
	}}
	NewWithT(t).Expect(c.Create(t.Context(), review)).To(Succeed())
	return review.Status.Allowed
}
