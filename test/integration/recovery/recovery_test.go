// Package recovery tests that deployed receivers get what they missed.
package recovery

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 50 * time.Millisecond

// patience is for thousands of events.
const patience = 4 * time.Minute

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := controlplane.Run(m, controlplane.Options{NoFsync: true})
	postgres.Close()
	os.Exit(code)
}

// forgetful gives up each webhook after one attempt, so that only recovery brings it back.
var forgetful = stack.Options{Node: true, Sandbox: sandbox.Options{WebhookRetries: delivery.Schedule{}}}

// natives are what happens during an outage, in turn.
var natives = []string{
	"customer.created", "checkout.session.completed", "customer.subscription.created", "invoice.paid",
	"customer.subscription.updated", "invoice.payment_failed", "product.updated", "charge.refunded",
}

// pair are two receivers of one account. One of them has an outage.
type pair struct {
	*stack.Stack
	*WithT
	hooks, witness     *stack.Receiver
	toHooks, toWitness *stack.Sink
}

// newPair has receivers that keep their events in the databases of their names, if there are any.
func newPair(t *testing.T, dsn map[string]string) *pair {
	t.Helper()
	s := stack.New(t, forgetful)
	s.Operator()
	s.CreateProvider()
	for name, url := range dsn {
		s.Create(stack.Secret("database-"+name, "dsn", url))
	}
	p := &pair{Stack: s, WithT: NewWithT(t), toHooks: stack.NewSink(t), toWitness: stack.NewSink(t)}
	one := func(r *v1alpha1.WebhookReceiver) {
		replicas := int32(1)
		r.Spec.Workload = &v1alpha1.Workload{Replicas: &replicas}
		r.Spec.Recovery = &v1alpha1.Recovery{Interval: &metav1.Duration{Duration: time.Minute}}
		if dsn[r.Name] != "" {
			r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
				DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database-" + r.Name, Key: "dsn"},
			}}
		}
	}
	p.hooks = s.CreateReceiver("hooks", p.toHooks, one)
	p.witness = s.CreateReceiver("witness", p.toWitness, one)
	p.hooks.AwaitReady(1)
	p.witness.AwaitReady(1)
	return p
}

// down takes the receiver away, and the operator, which would bring it back.
func (p *pair) down() {
	p.Stack.T.Helper()
	p.KillOperators()
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Namespace: p.Namespace, Name: p.hooks.Workload(),
	}}
	none := int32(0)
	p.Change(deployment, func() { deployment.Spec.Replicas = &none })
	p.Eventually(p.hooks.Replicas, stack.Patience, often).Should(BeEmpty())
}

// happen makes so many events within an hour.
func (p *pair) happen(n int) {
	p.Stack.T.Helper()
	account := p.Sandbox.Stripe().Account(p.APIKey())
	for i := range n {
		if i%(n/6) == 0 {
			p.Sandbox.Clock().Advance(10 * time.Minute)
		}
		_, err := account.Emit(natives[i%len(natives)], nil, nil)
		p.Expect(err).NotTo(HaveOccurred())
	}
}

func (p *pair) recovered() int64 {
	if s := p.hooks.Object().Status.Recovery; s != nil {
		return s.Recovered
	}
	return 0
}

// At Paddle too; and a provider that talks nonsense meanwhile is shown in the status, and not asked all the time.
func TestOutageAtPaddle(t *testing.T) {
	s := stack.New(t, forgetful)
	s.Operator()
	peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
	key := peer.Key(s.Namespace)
	peer.ByHand(t, s.SandboxURL, key)
	s.Create(stack.Secret("paddle", "key", key), peer.Provider("paddle", s.SandboxURL))
	sink := stack.NewSink(t)
	p := &pair{Stack: s, WithT: NewWithT(t)}
	p.hooks = s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) { r.Spec.ProviderRef.Name = "paddle" })
	p.hooks.AwaitReady(workload.DefaultReplicas)
	p.down()

	var want []string
	account := s.Sandbox.Paddle().Account(key)
	s.Sandbox.Clock().Advance(time.Hour)
	for range 30 {
		e, err := account.Emit("transaction.completed", nil)
		p.Expect(err).NotTo(HaveOccurred())
		want = append(want, "paddle:"+p.hooks.Object().Status.Provider.AccountID+":"+e.EventID)
	}
	nonsense := traffic.Fault{Path: "/paddle/events", Times: -1, Body: traffic.BodyGarbage}
	p.Expect(s.Sandbox.Faults().Add(nonsense)).To(Succeed())
	asked := func() (n int) {
		for _, r := range s.Sandbox.Requests() {
			if strings.HasPrefix(r.Path, nonsense.Path) {
				n++
			}
		}
		return n
	}
	before := asked()
	s.Operator()
	p.hooks.AwaitReady(workload.DefaultReplicas)
	p.Eventually(func() *v1alpha1.RecoveryStatus { return p.hooks.Object().Status.Recovery }, patience, often).Should(
		And(HaveField("Reason", v1alpha1.ReasonUnreachable), HaveField("Message", ContainSubstring("list events"))))
	p.Expect(asked() - before).To(BeNumerically("<=", 4))
	p.Expect(sink.Taken()).To(BeEmpty())
	s.Sandbox.Faults().Clear()
	p.Eventually(func() []string { return sorted(sink.Taken()) }, patience, often).Should(ConsistOf(want))
	p.Eventually(func() *v1alpha1.RecoveryStatus { return p.hooks.Object().Status.Recovery }, patience, often).Should(
		And(HaveField("Reason", ""), HaveField("Pass", BeNil()), HaveField("Recovered", BeEquivalentTo(30))))
}

func sorted(taken map[string]int) []string { return slices.Sorted(maps.Keys(taken)) }

// A receiver that was away for an hour gets all that happened meanwhile, once, and so has delivered, and recorded, what
// one that was not away has. A look at the same hour again brings nothing.
func TestOutage(t *testing.T) {
	for name, stored := range map[string]bool{"objects": false, "database": true} {
		t.Run(name, func(t *testing.T) { testOutage(t, stored) })
	}
}

func testOutage(t *testing.T, stored bool) {
	missed := 5000
	if testing.Short() {
		missed = 240
	}
	dsn := map[string]string{}
	if stored {
		db := postgres.Shared(t)
		dsn["hooks"], dsn["witness"] = db.Database(t), db.Database(t)
	}
	p := newPair(t, dsn)
	p.happen(12)
	p.Eventually(func() int { return len(p.toHooks.Taken()) }, stack.Patience, often).Should(BeNumerically(">=", 12))
	p.down()
	begin := p.Sandbox.Clock().Now()
	p.happen(missed)
	p.Eventually(func() int { return len(p.toWitness.Taken()) }, patience, often).Should(BeNumerically(">=", missed+12))
	end := p.Sandbox.Clock().Now()
	p.Expect(len(p.toHooks.Taken())).To(BeNumerically("<", missed))

	p.Operator()
	began := time.Now()
	p.Eventually(func() []string { return sorted(p.toHooks.Taken()) }, patience, often).
		Should(Equal(sorted(p.toWitness.Taken())))
	t.Logf("%d events were recovered within %s", missed, time.Since(began).Round(100*time.Millisecond))
	p.Eventually(p.recovered, stack.Patience, often).Should(BeEquivalentTo(missed))
	for id, times := range p.toHooks.Taken() {
		p.Expect(times).To(Equal(1), id)
	}
	if stored {
		p.Eventually(rows(t, dsn["hooks"]), stack.Patience, often).Should(Equal(rows(t, dsn["witness"])()))
	}

	asked := fmt.Sprintf("%s/%s", begin.Add(-time.Minute).UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	object := p.hooks.Object()
	p.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked} })
	p.Eventually(func() *v1alpha1.RecoveryStatus { return p.hooks.Object().Status.Recovery }, patience, often).Should(And(
		HaveField("Asked", asked), HaveField("AskedResult", "0 events had not come, and were fetched"),
		HaveField("Calls", BeNumerically("<=", 110))))
	p.Expect(sorted(p.toHooks.Tried())).To(Equal(sorted(p.toWitness.Taken())))
}

// rows are what a database has of customers, subscriptions and payments.
func rows(t *testing.T, dsn string) func() string {
	return func() string {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		var out strings.Builder
		for _, table := range []string{"customers", "subscriptions", "payments", "payment_failures", "refunds"} {
			var text string
			err := conn.QueryRow(t.Context(), "SELECT COALESCE(json_agg(t ORDER BY t::text)::text, '') FROM kassa."+table+" t").
				Scan(&text)
			if err != nil {
				return err.Error()
			}
			fmt.Fprintf(&out, "%s: %s\n", table, text)
		}
		return out.String()
	}
}
