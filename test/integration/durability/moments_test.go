package durability

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/localnode"
	"github.com/kassa-dev/kassa/test/stack"
)

// moments holds events at chosen moments of their way, so that replicas can be killed there.
type moments struct {
	*stack.Stack
	t    *testing.T
	r    *stack.Receiver
	sink *stack.Sink

	requests sync.WaitGroup
	mu       sync.Mutex
	answers  map[string]int // status of the first request
}

// newMoments deploys a receiver and ends its operator, which would put rights back that a test takes away.
func newMoments(t *testing.T) *moments {
	s := stack.New(t, stack.Options{Node: true})
	operator := s.Operator()
	s.CreateProvider()
	sink := stack.NewSink(t)
	r := s.CreateReceiver("hooks", sink)
	r.AwaitReady(workload.DefaultReplicas)
	operator.Kill()
	return &moments{Stack: s, t: t, r: r, sink: sink, answers: map[string]int{}}
}

// begin sends events to one replica and does not wait for the answers.
func (m *moments) begin(to localnode.Pod, ids ...string) {
	secret := m.r.SigningSecret()
	for _, id := range ids {
		m.requests.Go(func() {
			answer, err := m.r.Send(m.r.ReplicaURL(to), stack.Event(id), secret)
			if err == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.answers[id] = answer.Status
			}
		})
	}
}

func (m *moments) answer(id string) func() int {
	return func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.answers[id]
	}
}

// accept repeats events, anywhere, until they are acknowledged.
func (m *moments) accept(ids ...string) {
	m.t.Helper()
	d, to := m.r.Sender(""), m.r.AnyReplica()
	for _, id := range ids {
		m.requests.Go(func() {
			NewWithT(m.t).Eventually(func() bool { return d.Attempt(id, to(), stack.Event(id)) }, stack.Persistence, often).
				Should(BeTrue(), id)
		})
	}
	m.requests.Wait()
}

// tried is how often the sink was offered an event under its one CloudEvent id.
func (m *moments) tried(id string) int { return m.sink.Tried()[m.CloudEventID(id)] }

func (m *moments) awaitTried(n int, ids ...string) {
	m.t.Helper()
	for _, id := range ids {
		NewWithT(m.t).Eventually(func() int { return m.tried(id) }, stack.Patience, often).Should(Equal(n), id)
	}
}

// deny takes rights on a resource from the receivers, and returns what gives them back. Both wait for the effect.
func (m *moments) deny(resource string, verbs ...string) (allow func()) {
	m.t.Helper()
	g := NewWithT(m.t)
	role := &rbacv1.Role{}
	change := func(edit func()) {
		NewWithT(m.t).Eventually(func() error {
			if err := m.Client.Get(m.t.Context(), m.Key(m.r.Workload()), role); err != nil {
				return err
			}
			edit()
			return m.Client.Update(m.t.Context(), role)
		}, stack.Patience, often).Should(Succeed())
	}
	await := func(allowed bool) {
		NewWithT(m.t).Eventually(func() (bool, error) { return m.mayReceiver(resource, verbs[0]) }, stack.Patience, often).
			Should(Equal(allowed))
	}
	g.Expect(m.mayReceiver(resource, verbs[0])).To(BeTrue())
	var before []rbacv1.PolicyRule
	change(func() {
		before = (&rbacv1.Role{Rules: role.Rules}).DeepCopy().Rules
		for i := range role.Rules {
			if slices.Contains(role.Rules[i].Resources, resource) {
				role.Rules[i].Verbs = slices.DeleteFunc(role.Rules[i].Verbs, func(v string) bool {
					return slices.Contains(verbs, v)
				})
			}
		}
		role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return len(r.Verbs) == 0 })
	})
	await(false)
	return func() {
		change(func() { role.Rules = before })
		await(true)
	}
}

func (m *moments) mayReceiver(resource, verb string) (bool, error) {
	resource, sub, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + m.Namespace + ":" + m.r.Workload(),
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: m.Namespace, Group: v1alpha1.GroupVersion.Group, Resource: resource, Subresource: sub, Verb: verb,
		},
	}}
	err := m.Client.Create(m.t.Context(), review)
	return review.Status.Allowed, err
}

func (m *moments) inbox() (names []string) {
	var list v1alpha1.WebhookEventList
	NewWithT(m.t).Expect(m.Client.List(m.t.Context(), &list, client.InNamespace(m.Namespace))).To(Succeed())
	for i := range list.Items {
		names = append(names, list.Items[i].Spec.EventID)
	}
	return names
}

// A replica is killed with an event at each moment of the way. Nothing is lost, and only what had been in the sink's
// hands comes again, under the same id.
func TestKillAtEachMoment(t *testing.T) {
	const (
		inHands   = "evt_in_hands"  // the sink has it and has not answered
		delivered = "evt_delivered" // the sink took it, which is not written down
		refused   = "evt_refused"   // it is in the inbox, which the ledger does not know
		unclaimed = "evt_unclaimed" // the claim is not durable
	)
	m := newMoments(t)
	g := NewWithT(t)
	goOn, killed := make(chan struct{}), make(chan struct{})
	m.sink.Answer(func(id string, attempt int) int {
		if attempt > 1 {
			return http.StatusOK
		}
		switch {
		case strings.HasSuffix(id, inHands):
			<-killed
		case strings.HasSuffix(id, delivered):
			<-goOn
		case strings.HasSuffix(id, refused):
			<-goOn
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	victim := m.r.Replicas()[0]
	m.begin(victim, inHands, delivered, refused)
	m.awaitTried(1, inHands, delivered, refused)
	allow := m.deny("eventledgers", "update", "create")
	m.begin(victim, unclaimed)
	close(goOn)
	// Its ledger has given up on all of them by then.
	g.Eventually(m.answer(unclaimed), stack.Patience, often).Should(Equal(http.StatusServiceUnavailable))
	g.Eventually(m.answer(delivered), stack.Patience, often).Should(Equal(http.StatusServiceUnavailable))
	g.Eventually(m.answer(refused), stack.Patience, often).Should(Equal(http.StatusServiceUnavailable))
	g.Expect(m.tried(unclaimed)).To(BeZero())
	g.Expect(m.Node.Kill(victim)).To(BeTrue())
	allow()
	close(killed)

	all := []string{inHands, delivered, refused, unclaimed}
	m.accept(all...)
	m.awaitTried(2, inHands, delivered, refused)
	m.awaitTried(1, unclaimed)
	m.AwaitEmptyInbox()
	m.accept(all...)
	taken := map[string]int{
		m.CloudEventID(inHands): 2, m.CloudEventID(delivered): 2, m.CloudEventID(refused): 1, m.CloudEventID(unclaimed): 1,
	}
	g.Expect(m.sink.Taken()).To(Equal(taken), "nothing is delivered again that is settled")
	g.Expect(m.answer(inHands)()).To(BeZero(), "the request broke at the kill")
}

// Replicas are killed while an event of the inbox is in the sink's hands, and while it was taken and that is not
// written down.
func TestKillWithAnEventOfTheInbox(t *testing.T) {
	const inHands, delivered = "evt_in_hands", "evt_delivered"
	m := newMoments(t)
	g := NewWithT(t)
	goOn, killed := make(chan struct{}), make(chan struct{})
	m.sink.Answer(func(id string, attempt int) int {
		switch {
		case attempt == 1:
			return http.StatusServiceUnavailable
		case attempt > 2:
		case strings.HasSuffix(id, inHands):
			<-killed
		default:
			<-goOn
		}
		return http.StatusOK
	})
	m.begin(m.r.Replicas()[0], inHands, delivered)
	for _, id := range []string{inHands, delivered} {
		g.Eventually(m.answer(id), stack.Patience, often).Should(Equal(http.StatusOK), "it is durable in the inbox")
	}
	m.awaitTried(2, inHands, delivered)
	g.Expect(m.inbox()).To(ConsistOf(inHands, delivered))
	allow := []func(){
		m.deny("webhookevents/status", "patch"), m.deny("webhookevents", "delete"),
		m.deny("eventledgers", "update", "create"),
	}
	close(goOn)
	g.Eventually(func() int { return m.sink.Taken()[m.CloudEventID(delivered)] }, stack.Patience, often).Should(Equal(1))
	for _, p := range m.r.Replicas() {
		g.Expect(m.Node.Kill(p)).To(BeTrue())
	}
	slices.Reverse(allow)
	for _, a := range allow {
		a()
	}
	close(killed)
	m.AwaitEmptyInbox()
	m.awaitTried(3, inHands, delivered)
	m.accept(inHands, delivered)
	m.awaitTried(3, inHands, delivered)
	g.Expect(m.inbox()).To(BeEmpty())
}
