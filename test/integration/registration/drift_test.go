package registration

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	stripeadapter "github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// atStripe makes an operator and its PaymentProvider, and a way to the account's endpoints.
func atStripe(t *testing.T) (*stack.Stack, provider.Endpoints) {
	t.Helper()
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	return s, endpointsOf(t, stripeadapter.Adapter{}, provider.Config{APIKey: s.APIKey(), BaseURL: s.SandboxURL})
}

func lookAgain(s *stack.Stack, r *stack.Receiver) {
	s.T.Helper()
	r.Annotate(v1alpha1.AnnotationReconcileAt, time.Now().String())
}

func endpoint(s *stack.Stack, id string) stripe.WebhookEndpoint {
	all := endpoints(s)
	i := slices.IndexFunc(all, func(e stripe.WebhookEndpoint) bool { return e.ID == id })
	if i < 0 {
		return stripe.WebhookEndpoint{}
	}
	return all[i]
}

// What somebody changes at the provider is put right, and what the spec changes is followed, at the same endpoint. When
// all is well, nobody is asked and nothing is written.
func TestEndpointDriftIsPutRight(t *testing.T) {
	s, at := atStripe(t)
	g := NewWithT(t)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t))
	hooks.AwaitReady(workload.DefaultReplicas)
	one := awaitOneEndpoint(t, s, hooks)
	good := func() (string, string, []string) {
		e := endpoint(s, one.ID)
		return e.Status, e.URL, e.EnabledEvents
	}
	want := slices.Clone(one.EnabledEvents)
	owner := billing.Owner{Cluster: one.Metadata["kassa_cluster"], UID: one.Metadata["kassa_uid"]}
	_, err := at.Update(context.Background(), one.ID, provider.EndpointSpec{
		Owner: owner, URL: "https://elsewhere.example.com", Events: []string{"invoice.paid"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	lookAgain(s, hooks)
	g.Eventually(func(g Gomega) {
		status, url, events := good()
		g.Expect(status).To(Equal("enabled"))
		g.Expect(url).To(Equal(hooks.URL()))
		g.Expect(events).To(Equal(want))
	}, stack.Patience, often).Should(Succeed())

	object := hooks.Object()
	s.Change(object, func() { object.Spec.Events = []string{"payment.succeeded"} })
	g.Eventually(func() []string { return endpoint(s, one.ID).EnabledEvents }, stack.Patience, often).
		Should(And(ContainElement("invoice.paid"), Not(ContainElement("customer.subscription.deleted"))))
	s.AwaitState(object, "Current True "+v1alpha1.ReasonSucceeded)

	s.Quiet()
	calls, writes := s.Sandbox.Counts(), s.Writes()
	s.Change(object, func() { // a label is no reason to look
		object.Labels = map[string]string{"team": "growth"}
	})
	g.Consistently(func() any { return s.Sandbox.Counts() }, time.Second, often).Should(Equal(calls))
	g.Expect(s.Writes()["APPLY webhookreceivers/status"]).To(Equal(writes["APPLY webhookreceivers/status"]))
}

// The deployed server of a suspended receiver takes what the provider still sends to the old URL.
func TestSuspendedReceiverKeepsItsURL(t *testing.T) {
	s, hooks, sink := stack.DeployReceiver(t)
	one := awaitOneEndpoint(t, s, hooks)
	object := hooks.Object()
	s.Change(object, func() { object.Spec.Suspend, object.Spec.URL = true, hooks.URL()+"/new" })
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonSuspended)
	expectCalls(t, s, sink)
	NewWithT(t).Expect(endpoint(s, one.ID).URL).To(Equal(hooks.URL()))

	s.Change(object, func() { object.Spec.Suspend = false })
	NewWithT(t).Eventually(func() string { return endpoint(s, one.ID).URL }, stack.Patience, often).
		Should(Equal(hooks.URL() + "/new"))
	s.AwaitState(object, "Current True "+v1alpha1.ReasonSucceeded)
	expectCalls(t, s, sink)
}

// An endpoint that exists is taken over as it is, once its signing secret is there.
func TestEndpointIsAdopted(t *testing.T) {
	s, at := atStripe(t)
	g := NewWithT(t)
	hooks := s.Receiver("hooks")
	made, err := at.Create(context.Background(), provider.EndpointSpec{URL: hooks.URL(), Events: []string{"invoice.paid"}})
	g.Expect(err).NotTo(HaveOccurred())
	sink := stack.NewSink(t)
	adopt := &v1alpha1.EndpointAdoption{EndpointID: "we_missing"}
	s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) { r.Spec.Registration.Managed.Adopt = adopt })
	object := hooks.Object()
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonMissing)
	g.Expect(stack.Message(object)).To(ContainSubstring("Stripe has no endpoint we_missing"))
	change := func(ref *v1alpha1.SecretKeyReference) {
		s.Change(object, func() {
			object.Spec.Registration.Managed.Adopt = &v1alpha1.EndpointAdoption{EndpointID: made.ID, SigningSecretRef: ref}
		})
	}
	change(nil)
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonSigningSecretMissing)
	g.Expect(stack.Message(object)).To(ContainSubstring("signingSecretRef is required"))
	change(&v1alpha1.SecretKeyReference{Name: "known", Key: "secret"})
	g.Eventually(func() string { s.State(object); return stack.Message(object) }, stack.Patience, often).
		Should(ContainSubstring(`Secret "known" does not exist`))
	g.Expect(endpoints(s)).To(HaveLen(1))
	s.Create(stack.Secret("known", "secret", made.Secret+"\n"))
	g.Expect(awaitOneEndpoint(t, s, hooks).ID).To(Equal(made.ID), "the Secret's coming is seen")
	hooks.AwaitReady(workload.DefaultReplicas)
	expectCalls(t, s, sink)

	hooks.Rotate("now")
	g.Expect(awaitServing(t, s, hooks, 1).ID).NotTo(Equal(made.ID), "it is not adopted twice")
	expectCalls(t, s, sink)
}

// What belongs to another is left alone: a Secret of the name that Kassa would use, and an endpoint with others' marks.
func TestNothingOfOthersIsTouched(t *testing.T) {
	s, at := atStripe(t)
	g := NewWithT(t)
	s.Create(stack.Secret("hooks-signing", "signing-secret", "mine"))
	hooks := s.CreateReceiver("hooks", stack.NewSink(t))
	object := hooks.Object()
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonUnsupported)
	g.Expect(stack.Message(object)).To(ContainSubstring(`Secret "hooks-signing" exists and is not this receiver's`))
	g.Expect(endpoints(s)).To(BeEmpty())

	theirs, err := at.Create(context.Background(), provider.EndpointSpec{
		Owner: billing.Owner{Cluster: "another", Namespace: "shop", Name: "hooks", UID: "another"},
		URL:   "https://theirs.example.com", Events: []string{"invoice.paid"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	second := s.CreateReceiver("second", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Registration.Managed.Adopt = &v1alpha1.EndpointAdoption{EndpointID: theirs.ID}
	}).Object()
	s.AwaitState(second, "Failed False "+v1alpha1.ReasonOwnedByAnother)
	g.Expect(stack.Message(second)).To(ContainSubstring("another/shop/hooks"))
	g.Expect(endpoint(s, theirs.ID).URL).To(Equal("https://theirs.example.com"))
}

// Who deletes a receiver and makes it again at once meets what the garbage collector has not deleted yet. That is
// nothing that somebody has to put right, and holds up no deletion.
func TestWhatANamesakeLeft(t *testing.T) {
	s, _ := atStripe(t)
	g := NewWithT(t)
	const hold = "example.com/hold"
	left := stack.Secret("hooks-signing", "signing-secret", "of the one before")
	yes := true
	left.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: "hooks", UID: "gone", Controller: &yes,
	}}
	left.Finalizers = []string{hold}
	s.Create(left)
	object := s.CreateReceiver("hooks", stack.NewSink(t)).Object()
	s.AwaitState(object, "InProgress False "+v1alpha1.ReasonProgressing)
	g.Expect(stack.Message(object)).To(ContainSubstring(`"hooks-signing" is of a WebhookReceiver of this name`))
	g.Expect(endpoints(s)).To(BeEmpty())
	g.Expect(s.Client.Delete(t.Context(), object)).To(Succeed())
	g.Eventually(func() string { return s.State(object) }, stack.Patience, often).Should(Equal("NotFound"))

	hooks := s.CreateReceiver("hooks", stack.NewSink(t))
	s.AwaitState(hooks.Object(), "InProgress False "+v1alpha1.ReasonProgressing)
	s.Change(left, func() { left.Finalizers = nil })
	g.Expect(client.IgnoreNotFound(s.Client.Delete(t.Context(), left))).To(Succeed())
	awaitOneEndpoint(t, s, hooks)
	hooks.AwaitReady(workload.DefaultReplicas)
}

// A sink's Secret that is missing is named, and its coming is seen.
func TestMissingSecretOfASinkIsNamed(t *testing.T) {
	s, _ := atStripe(t)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Sinks[0].HTTP.TokenSecretRef = &v1alpha1.SecretKeyReference{Name: "app", Key: "token"}
	})
	g := NewWithT(t)
	delivery := func() metav1.Condition {
		if c := meta.FindStatusCondition(hooks.Object().Status.Conditions, v1alpha1.ConditionDeliveryHealthy); c != nil {
			return *c
		}
		return metav1.Condition{}
	}
	g.Eventually(delivery, stack.Patience, often).Should(And(
		HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonSecretMissing),
		HaveField("Message", ContainSubstring(`sinks[app].http.tokenSecretRef: Secret "app" does not exist`))))
	s.Create(stack.Secret("app", "token", "value"))
	g.Eventually(delivery, stack.Patience, often).Should(HaveField("Status", metav1.ConditionTrue))
}

// A PaymentProvider of another namespace serves a receiver that it admits, and is not let go before the receiver is.
func TestReceiverOfAnotherNamespacesProvider(t *testing.T) {
	s, _ := atStripe(t)
	g := NewWithT(t)
	abroad := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace + "-abroad"}}
	g.Expect(s.Client.Create(t.Context(), abroad)).To(Succeed())
	object := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: abroad.Name, Name: "hooks"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef:  v1alpha1.ProviderReference{Name: "stripe", Namespace: s.Namespace},
			URL:          "http://hooks.example.com/stripe",
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
		},
	}
	g.Expect(s.Client.Create(t.Context(), object)).To(Succeed())
	s.AwaitState(object, "Failed False "+v1alpha1.ReasonReferenceNotPermitted)
	pp := s.Provider()
	s.Change(pp, func() { pp.Spec.AllowedNamespaces.From = v1alpha1.NamespacesAll })
	g.Eventually(func() int { return len(endpoints(s)) }, stack.Patience, often).Should(Equal(1))

	g.Expect(s.Client.Delete(t.Context(), pp)).To(Succeed())
	s.AwaitState(pp, "Terminating False "+v1alpha1.ReasonInUse)
	g.Expect(stack.Message(pp)).To(ContainSubstring("WebhookReceiver " + abroad.Name + "/hooks"))
	g.Expect(s.Client.Delete(t.Context(), object)).To(Succeed())
	g.Eventually(func() int { return len(endpoints(s)) }, stack.Patience, often).Should(BeZero())
	g.Eventually(func() string { return s.State(pp) }, stack.Patience, often).Should(Equal("NotFound"))
}

// Managed, by hand, and managed again: the endpoint goes and comes, and every key of the user's Secret is live.
func TestRegistrationChangesHands(t *testing.T) {
	s, _, _ := stack.DeployReceiver(t)
	g := NewWithT(t)
	hooks := s.Receiver("hooks")
	first := awaitOneEndpoint(t, s, hooks)
	mine := stack.Secret("mine", "old", "whsec_"+"old")
	mine.Data["new"], mine.Data["empty"] = []byte("whsec_"+"new\n"), nil
	s.Create(mine)
	object := hooks.Object()
	s.Change(object, func() {
		object.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: "mine"},
		}}
	})
	g.Eventually(func() int { return len(endpoints(s)) }, stack.Patience, often).Should(BeZero())
	g.Eventually(hooks.SigningSecret, stack.Patience, often).Should(BeEmpty(), "what is not live is not kept")
	for i, secret := range []string{"whsec_" + "old", "whsec_" + "new"} {
		g.Eventually(func() (int, error) {
			answer, err := hooks.Send(hooks.URL(), stack.Event("evt_hand_"+strconv.Itoa(i)), secret)
			return answer.Status, err
		}, stack.Patience, often).Should(Equal(200))
	}
	s.Change(object, func() {
		object.Spec.Registration = v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}}
	})
	g.Expect(awaitOneEndpoint(t, s, hooks).ID).NotTo(Equal(first.ID))
	s.AwaitState(object, "Current True "+v1alpha1.ReasonSucceeded)
}

// A deletion waits for a provider that is away, says so, and has a way out.
func TestDeletionWaitsForTheProvider(t *testing.T) {
	s, _ := atStripe(t)
	g := NewWithT(t)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t))
	awaitOneEndpoint(t, s, hooks)
	object := hooks.Object()
	s.SandboxDown()
	g.Expect(s.Client.Delete(t.Context(), object)).To(Succeed())
	s.AwaitState(object, "Terminating False "+v1alpha1.ReasonDeleting)
	g.Expect(stack.Message(object)).To(And(ContainSubstring("still registered"),
		ContainSubstring("spec.registration.manual")))
	s.Change(object, func() {
		object.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: "any"},
		}}
	})
	g.Eventually(func() string { return s.State(object) }, stack.Patience, often).Should(Equal("NotFound"))
	s.SandboxUp()
	g.Expect(endpoints(s)).To(HaveLen(1), "it is the user's to delete")
}
