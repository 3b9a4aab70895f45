package dunning

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

func dunning(after int32, action v1alpha1.DunningAction) func(*v1alpha1.WebhookReceiver) {
	return func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Dunning = &v1alpha1.Dunning{AfterFailedPayments: after, Action: action}
	}
}

// told are the CloudEvents of Kassa's own that the app took, by id.
func told(sink *stack.Sink) map[string]int {
	out := map[string]int{}
	for id, n := range sink.Taken() {
		if strings.Contains(id, ":dunning-") {
			out[id] = n
		}
	}
	return out
}

// writes counts the requests that change a subscription.
func (b *buyer) writes() int {
	n := 0
	for _, r := range b.Sandbox.Requests() {
		if r.Write() && strings.Contains(r.Path, "/subscriptions/") {
			n++
		}
	}
	return n
}

func (b *buyer) inbox() []v1alpha1.WebhookEvent {
	var list v1alpha1.WebhookEventList
	b.g.Expect(b.Client.List(context.Background(), &list, client.InNamespace(b.Namespace))).To(Succeed())
	return list.Items
}

func (b *buyer) status() v1alpha1.DunningStatus {
	if d := b.hooks().Status.Dunning; d != nil {
		return *d
	}
	return v1alpha1.DunningStatus{}
}

func (b *buyer) hooks() *v1alpha1.WebhookReceiver {
	out := &v1alpha1.WebhookReceiver{}
	b.g.Expect(b.Client.Get(context.Background(), b.Key("hooks"), out)).To(Succeed())
	return out
}

// Two replicas get three failures of one invoice, in any order and again and again: one action at the provider, and one
// event at the app. Nothing is left in the inbox.
func TestOneActionForAnInvoice(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{Node: true})
	g := b.g
	b.Operator()
	sink := stack.NewSink(t)
	hooks := b.CreateReceiver("hooks", sink, dunning(3, v1alpha1.DunningCancelAtPeriodEnd))
	hooks.AwaitReady(workload.DefaultReplicas)
	for _, wait := range stripeSale.waits[:2] {
		b.Sandbox.Clock().Advance(wait)
	}
	invoice := stripeSale.invoice(b)
	g.Expect(invoice).NotTo(BeEmpty())
	var together sync.WaitGroup
	send := func(n int) {
		for i := range n {
			body := []byte(stripeSale.failure(fmt.Sprintf("evt_again_%d", i), invoice, b.sub))
			for _, p := range hooks.Replicas() {
				together.Go(func() {
					NewWithT(t).Eventually(func() (int, error) {
						answer, err := hooks.Send(hooks.ReplicaURL(p), body, hooks.SigningSecret())
						return answer.Status, err
					}, stack.Patience, often).Should(Equal(http.StatusOK))
				})
			}
		}
		together.Wait()
	}
	send(5) // however many events there are, the provider's count is 2
	g.Eventually(b.inbox, stack.Patience, often).Should(BeEmpty())
	g.Expect(b.is()).To(Equal("PastDue"))
	g.Expect(told(sink)).To(BeEmpty())

	before := b.writes()
	b.Sandbox.Clock().Advance(stripeSale.waits[2])
	send(10)
	want := map[string]int{b.CloudEventID(notice.EventID(invoice)): 1}
	g.Eventually(func() map[string]int { return told(sink) }, stack.Patience, often).Should(Equal(want))
	g.Eventually(b.inbox, stack.Patience, often).Should(BeEmpty())
	g.Expect(b.is()).To(Equal("ends"))
	g.Expect(b.writes() - before).To(Equal(1))
	g.Expect(told(sink)).To(Equal(want))
	d := b.status()
	g.Expect(d.Actions).To(BeEquivalentTo(1))
	g.Expect(d.Invoices).To(HaveLen(1))
	g.Expect(d.Invoices[0]).To(And(HaveField("ID", invoice), HaveField("SubscriptionID", b.sub),
		HaveField("FailedPayments", BeEquivalentTo(3)), HaveField("ActedAt", Not(BeNil()))))
}

// The customer pays while the operator is away: nothing is done about what had failed before.
func TestARecoveredPaymentIsLeftAlone(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{Node: true})
	g := b.g
	b.Operator()
	sink := stack.NewSink(t)
	hooks := b.CreateReceiver("hooks", sink, dunning(2, v1alpha1.DunningCancel))
	hooks.AwaitReady(workload.DefaultReplicas)
	b.KillOperators()
	for _, wait := range stripeSale.waits {
		b.Sandbox.Clock().Advance(wait)
	}
	g.Eventually(b.inbox, stack.Patience, often).Should(HaveLen(3))
	portal, err := b.Subscriptions().Portal(t.Context(), b.subscription(), "https://app.example.com")
	g.Expect(err).NotTo(HaveOccurred())
	b.post(portal, goodCard, "card")
	g.Expect(b.is()).To(Equal("Active"))
	b.Operator()
	g.Eventually(b.inbox, stack.Patience, often).Should(BeEmpty())
	g.Expect(b.is()).To(Equal("Active"))
	g.Expect(told(sink)).To(BeEmpty())
	g.Expect(b.status().Actions).To(BeZero())
}

// The operator is killed right after the action took effect at the provider. The next one tells of it once.
func TestKilledBetweenActionAndStatus(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{Node: true})
	g := b.g
	b.Operator()
	sink := stack.NewSink(t)
	hooks := b.CreateReceiver("hooks", sink, dunning(1, v1alpha1.DunningCancel), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Events = []string{"checkout.*"} // failures are asked for all the same
	})
	hooks.AwaitReady(workload.DefaultReplicas)
	var once sync.Once
	killed := make(chan struct{})
	b.Sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
		if phase == traffic.AfterCommit && r.Method == http.MethodDelete && strings.Contains(r.Path, b.sub) {
			once.Do(func() { b.KillOperators(); close(killed) })
		}
	})
	b.Sandbox.Clock().Advance(stripeSale.waits[0])
	g.Eventually(killed, stack.Patience).Should(BeClosed())
	g.Expect(b.is()).To(Equal("ended"))
	g.Expect(told(sink)).To(BeEmpty())
	g.Expect(b.status().Actions).To(BeZero())
	invoice := stripeSale.invoice(b)

	b.Operator()
	want := map[string]int{b.CloudEventID(notice.EventID(invoice)): 1}
	g.Eventually(func() map[string]int { return told(sink) }, stack.Patience, often).Should(Equal(want))
	g.Eventually(b.inbox, stack.Patience, often).Should(BeEmpty())
	g.Expect(told(sink)).To(Equal(want))
	g.Expect(b.status().Actions).To(BeEquivalentTo(1))
}

// left is an event as a receiver without sinks of its own leaves it for the operator.
func (b *buyer) left(x *sale, id, invoice string) *v1alpha1.WebhookEvent {
	b.t.Helper()
	payload, err := notice.Pack([]byte(x.failure(id, invoice, b.sub)))
	b.g.Expect(err).NotTo(HaveOccurred())
	return &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Name:   notice.ObjectName("hooks", id),
			Labels: map[string]string{v1alpha1.LabelReceiver: "hooks", v1alpha1.LabelDunning: "true"},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: "hooks", EventID: id, Type: "payment.failed", ReceivedAt: metav1.Now(), Payload: payload,
			Sinks: []string{v1alpha1.SinkDunning},
		},
	}
}

// unregistered is a receiver that nobody calls.
func unregistered(edit func(*v1alpha1.WebhookReceiver)) *v1alpha1.WebhookReceiver {
	r := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: "hooks"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "stripe"}, URL: "https://hooks.example.com/",
			Registration: v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
				SigningSecretRef: v1alpha1.SigningSecretReference{Name: "signing"},
			}},
			Delivery: &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{
				{Name: "app", HTTP: v1alpha1.HTTPSink{URI: "http://app.example.com"}, Events: []string{"dunning.*"}},
				{Name: "other", HTTP: v1alpha1.HTTPSink{URI: "http://app.example.com"}, Events: []string{"payment.*"}},
			}},
		},
	}
	edit(r)
	return r
}

func (b *buyer) phase(e *v1alpha1.WebhookEvent) func() v1alpha1.EventPhase {
	return func() v1alpha1.EventPhase {
		now := &v1alpha1.WebhookEvent{}
		b.g.Expect(b.Client.Get(context.Background(), client.ObjectKeyFromObject(e), now)).To(Succeed())
		if len(now.Status.Sinks) == 0 {
			return ""
		}
		return now.Status.Sinks[0].Phase
	}
}

// Every action, at every provider that can do it.
func TestActions(t *testing.T) {
	for _, x := range sales {
		for action, want := range map[v1alpha1.DunningAction][2]string{
			v1alpha1.DunningCancel:            {"ended", "dunning.canceled"},
			v1alpha1.DunningCancelAtPeriodEnd: {"ends", "dunning.cancel_scheduled"},
			v1alpha1.DunningPause:             {"paused", "dunning.paused"},
			v1alpha1.DunningNotify:            {"PastDue", "dunning.notified"},
		} {
			t.Run(x.name+"/"+string(action), func(t *testing.T) {
				b := x.buy(t, stack.Options{})
				g := b.g
				b.Operator()
				b.Create(stack.Secret("signing", "secret", "whsec_1"))
				b.Create(unregistered(dunning(2, action)))
				hooks := b.hooks()
				if x.name == "lemonsqueezy" && action == v1alpha1.DunningCancel {
					b.AwaitState(hooks, "Failed False "+v1alpha1.ReasonUnsupported)
					g.Expect(stack.Message(hooks)).To(ContainSubstring("write CancelAtPeriodEnd"))
					return
				}
				b.Sandbox.Clock().Advance(x.waits[0])
				invoice := x.invoice(b)
				g.Expect(invoice).NotTo(BeEmpty())
				first, again := b.left(&x, "evt_first", invoice), b.left(&x, "evt_again", invoice)
				b.Create(first)
				g.Eventually(b.phase(first), stack.Patience, often).Should(Equal(v1alpha1.EventDelivered))
				g.Expect(b.is()).To(Equal("PastDue"))
				b.Sandbox.Clock().Advance(x.waits[1])
				b.Create(again)
				g.Eventually(b.phase(again), stack.Patience, often).Should(Equal(v1alpha1.EventDelivered))
				g.Expect(b.is()).To(Equal(want[0]))

				g.Eventually(func() string {
					c := meta.FindStatusCondition(b.hooks().Status.Conditions, v1alpha1.ConditionEndpointRegistered)
					if c == nil {
						return ""
					}
					return c.Reason
				}, stack.Patience, often).Should(Equal(v1alpha1.ReasonManual), "a sink may ask for Kassa's own events")

				made := &v1alpha1.WebhookEvent{}
				name := notice.ObjectName("hooks", notice.EventID(invoice))
				g.Expect(b.Client.Get(t.Context(), b.Key(name), made)).To(Succeed())
				g.Expect(made.Spec.Type).To(Equal(want[1]))
				g.Expect(made.Spec.Sinks).To(Equal([]string{"app", v1alpha1.SinkDunning}))
				d := b.status()
				g.Expect(d.Actions).To(BeEquivalentTo(1))
				g.Expect(d.Failing).To(BeEmpty())
				g.Expect(d.Invoices).To(HaveLen(1))
				g.Expect(d.Invoices[0]).To(And(HaveField("ID", invoice), HaveField("Action", action),
					HaveField("FailedPayments", BeEquivalentTo(2)), HaveField("ActedAt", Not(BeNil()))))
			})
		}
	}
}
