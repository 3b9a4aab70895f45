package dunning

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/controllers/webhookevent"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	lemon "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// living is an operator in this process that does not end, and what it told.
func (b *buyer) living(x *sale) (*webhookevent.Reconciler, *events.FakeRecorder) {
	d := &dying{Client: b.Client, made: &b.made}
	r := b.operator(d, x)
	told := events.NewFakeRecorder(100)
	r.Events = told
	return r, told
}

func (b *buyer) reconcile(r *webhookevent.Reconciler) {
	b.t.Helper()
	_, err := r.Reconcile(b.t.Context(), ctrl.Request{NamespacedName: b.Key("hooks")})
	b.g.Expect(err).NotTo(HaveOccurred())
}

// mine is dunning's part of an event.
func (b *buyer) mine(e *v1alpha1.WebhookEvent) v1alpha1.SinkDelivery {
	now := &v1alpha1.WebhookEvent{}
	b.g.Expect(b.Client.Get(context.Background(), client.ObjectKeyFromObject(e), now)).To(Succeed())
	for _, s := range now.Status.Sinks {
		if s.Name == v1alpha1.SinkDunning {
			return s
		}
	}
	return v1alpha1.SinkDelivery{}
}

// A provider that cannot be asked is asked again; what was decided is done then.
func TestAProviderThatIsAway(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(dunning(1, v1alpha1.DunningCancel)))
	b.Sandbox.Clock().Advance(stripeSale.waits[0])
	source := b.left(&stripeSale, "evt_1", stripeSale.invoice(b))
	b.Create(source)
	r, told := b.living(&stripeSale)
	g.Expect(b.Sandbox.Faults().Add(traffic.Fault{Path: "/v1/invoices/", Status: 500})).To(Succeed())
	b.reconcile(r)
	d := b.mine(source)
	g.Expect(d.Phase).To(Equal(v1alpha1.EventPending))
	g.Expect(d.Attempts).To(BeEquivalentTo(1))
	g.Expect(d.LastError).To(ContainSubstring("get invoice: HTTP 500"))
	g.Expect(b.inbox()).To(ConsistOf(HaveField("Status.Phase", v1alpha1.EventPending)), "kubectl get shows it")
	g.Expect(told.Events).To(Receive(ContainSubstring("DunningFailed")))
	g.Expect(b.is()).To(Equal("PastDue"))
	g.Eventually(func() v1alpha1.EventPhase { b.reconcile(r); return b.mine(source).Phase }, stack.Patience, often).
		Should(Equal(v1alpha1.EventDelivered))
	g.Expect(b.is()).To(Equal("ended"))
	g.Expect(told.Events).To(Receive(And(ContainSubstring("DunningCanceled"), HaveSuffix("failed to be paid once"))))
}

// What a provider refuses for good is given up, said so, and not taken for done.
func TestWhatAProviderRefusesIsShown(t *testing.T) {
	b := lemonSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(dunning(1, v1alpha1.DunningPause)))
	b.Sandbox.Clock().Advance(lemonSale.waits[0])
	id, err := strconv.ParseInt(b.sub, 10, 64)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.Sandbox.LemonSqueezy().EditSubscription(id, func(s *lemon.Subscription) {
		s.PaymentProcessor = "paypal"
	})).To(Succeed())
	source := b.left(&lemonSale, "evt_1", lemonSale.invoice(b))
	b.Create(source)
	r, told := b.living(&lemonSale)
	b.reconcile(r)
	d := b.mine(source)
	g.Expect(d.Phase).To(Equal(v1alpha1.EventDead))
	g.Expect(d.LastError).To(ContainSubstring("PayPal"))
	g.Expect(told.Events).To(Receive(And(ContainSubstring("DunningGivenUp"), ContainSubstring("PayPal"))))
	status := b.status()
	g.Expect(status.Actions).To(BeZero())
	g.Expect(status.Invoices).To(BeEmpty(), "the next failure asks again")
	g.Expect(status.Failing).To(HaveLen(1))
}

// While spec.suspend is true, events wait; without spec.dunning they are let go.
func TestSuspendedDunningWaits(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(func(r *v1alpha1.WebhookReceiver) {
		dunning(1, v1alpha1.DunningCancel)(r)
		r.Spec.Suspend = true
	}))
	b.Sandbox.Clock().Advance(stripeSale.waits[0])
	source := b.left(&stripeSale, "evt_1", stripeSale.invoice(b))
	b.Create(source)
	r, _ := b.living(&stripeSale)
	b.reconcile(r)
	g.Expect(b.mine(source)).To(BeZero())
	hooks := b.hooks()
	b.Change(hooks, func() { hooks.Spec.Suspend, hooks.Spec.Dunning = false, nil })
	b.reconcile(r)
	g.Expect(b.mine(source).Phase).To(Equal(v1alpha1.EventDelivered))
	g.Expect(b.is()).To(Equal("PastDue"))
}

// A notice is made after the action. Its being there ends what an operator did not get as far as to write down, also
// where the event that it is made for is gone.
func TestANoticeIsRemembered(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(func(*v1alpha1.WebhookReceiver) {}))
	made := b.left(&stripeSale, notice.EventID("in_1"), "in_1")
	made.Spec.Type = string(billing.DunningCanceled)
	b.Create(made)
	b.remember(v1alpha1.DunnedInvoice{
		ID: "in_1", SubscriptionID: b.sub, FailedPayments: 1, Action: v1alpha1.DunningCancel,
		BegunAt: &metav1.Time{Time: time.Now()},
	})
	r, told := b.living(&stripeSale)
	for range 2 {
		b.reconcile(r)
		g.Expect(b.mine(made).Phase).To(Equal(v1alpha1.EventDelivered))
	}
	d := b.status()
	g.Expect(d.Actions).To(BeEquivalentTo(1))
	g.Expect(d.Invoices[0].ActedAt).NotTo(BeNil())
	g.Expect(told.Events).To(Receive(ContainSubstring("DunningCanceled")))
	g.Expect(told.Events).NotTo(Receive())
}

// remember has a receiver's status remember an invoice.
func (b *buyer) remember(entry v1alpha1.DunnedInvoice) {
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"dunning": map[string]any{"actions": 0, "invoices": []any{entry}},
	}})
	b.g.Expect(err).NotTo(HaveOccurred())
	b.g.Expect(b.Client.Status().Patch(b.t.Context(), b.hooks(), client.RawPatch(types.MergePatchType, patch))).
		To(Succeed())
}

// Somebody stops dunning while it is looking at an event: nothing is done about that one, nor about those that wait.
func TestDunningIsStoppedInTheMiddle(t *testing.T) {
	for name, stop := range map[string]func(*v1alpha1.WebhookReceiver){
		"suspended": func(r *v1alpha1.WebhookReceiver) { r.Spec.Suspend = true },
		"removed":   func(r *v1alpha1.WebhookReceiver) { r.Spec.Dunning = nil },
		"changed":   dunning(9, v1alpha1.DunningCancel),
	} {
		t.Run(name, func(t *testing.T) {
			b := stripeSale.buy(t, stack.Options{})
			g := b.g
			b.Create(unregistered(dunning(1, v1alpha1.DunningCancel)))
			b.Sandbox.Clock().Advance(stripeSale.waits[0])
			invoice := stripeSale.invoice(b)
			b.Create(b.left(&stripeSale, "evt_1", invoice), b.left(&stripeSale, "evt_2", invoice))
			var once sync.Once
			b.Sandbox.OnRequest(func(_ traffic.Phase, r traffic.Request) {
				if strings.HasPrefix(r.Path, "/v1/invoices/") {
					once.Do(func() {
						hooks := b.hooks()
						b.Change(hooks, func() { stop(hooks) })
					})
				}
			})
			r, told := b.living(&stripeSale)
			b.reconcile(r)
			g.Expect(b.is()).To(Equal("PastDue"))
			g.Expect(told.Events).NotTo(Receive())

			hooks := b.hooks()
			b.Change(hooks, func() {
				hooks.Spec.Suspend = false
				dunning(1, v1alpha1.DunningCancelAtPeriodEnd)(hooks)
			})
			b.Create(b.left(&stripeSale, "evt_3", invoice))
			b.reconcile(r)
			g.Expect(b.is()).To(Equal("ends"), "as the spec says now")
			g.Expect(b.status().Actions).To(BeEquivalentTo(1))
		})
	}
}

// Who may make WebhookEvents may have the operator look at an invoice, and nothing else: it is the provider's that is
// read, and of its own subscription.
func TestAForgedEvent(t *testing.T) {
	b := stripeSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(dunning(1, v1alpha1.DunningCancel)))
	b.Sandbox.Clock().Advance(stripeSale.waits[0])
	invoice, mine := stripeSale.invoice(b), b.sub
	b.sub = "sub_other"
	other := b.left(&stripeSale, "evt_1", invoice)
	b.sub = mine
	unknown := b.left(&stripeSale, "evt_2", "in_none")
	b.Create(other, unknown)
	r, told := b.living(&stripeSale)
	b.reconcile(r)
	g.Expect(b.is()).To(Equal("PastDue"))
	g.Expect(b.mine(other)).To(And(HaveField("Phase", v1alpha1.EventDead),
		HaveField("LastError", ContainSubstring("is of another subscription"))))
	g.Expect(b.mine(unknown)).To(And(HaveField("Phase", v1alpha1.EventPending), HaveField("Attempts", int32(1)),
		HaveField("LastError", ContainSubstring("404"))), "with the key of another account it would not be there")
	g.Expect(told.Events).To(Receive(ContainSubstring("DunningGivenUp")))
	g.Expect(b.status().Invoices).To(BeEmpty())
}

// A subscription that the provider has as active is paid for, whatever is open. It may be about to change its mind.
func TestWhatIsPaidForIsLeftAlone(t *testing.T) {
	b := lemonSale.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(dunning(1, v1alpha1.DunningCancelAtPeriodEnd)))
	b.Sandbox.Clock().Advance(lemonSale.waits[0])
	id, err := strconv.ParseInt(b.sub, 10, 64)
	g.Expect(err).NotTo(HaveOccurred())
	becomes := func(status string) {
		g.Expect(b.Sandbox.LemonSqueezy().EditSubscription(id, func(s *lemon.Subscription) { s.Status = status })).
			To(Succeed())
	}
	becomes("active")
	invoice := lemonSale.invoice(b)
	late, young := b.left(&lemonSale, "evt_1", invoice), b.left(&lemonSale, "evt_2", invoice)
	late.Spec.ReceivedAt = metav1.NewTime(time.Now().Add(-5 * time.Minute))
	b.Create(late, young)
	r, told := b.living(&lemonSale)
	b.reconcile(r)
	g.Expect(b.mine(late).Phase).To(Equal(v1alpha1.EventDelivered))
	g.Expect(b.mine(young)).To(And(HaveField("Phase", v1alpha1.EventPending),
		HaveField("LastError", ContainSubstring("does not say yet"))))
	g.Expect(b.status().Invoices).To(BeEmpty())

	becomes("past_due")
	g.Eventually(func() v1alpha1.EventPhase { b.reconcile(r); return b.mine(young).Phase }, stack.Patience, often).
		Should(Equal(v1alpha1.EventDelivered))
	g.Expect(b.is()).To(Equal("ends"))
	g.Expect(told.Events).To(Receive(ContainSubstring("DunningCancelScheduled")), "and nothing before")
}
