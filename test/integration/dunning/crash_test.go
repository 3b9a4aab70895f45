package dunning

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/controllers/webhookevent"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

var errCrash = errors.New("the operator ends here")

// dying is an operator's life: it ends at one write, before or after that takes effect.
type dying struct {
	client.Client
	left   atomic.Int64
	before bool
	dead   atomic.Bool
	made   *atomic.Int64 // notices
}

// step lets a write pass, or ends the life at it.
func (d *dying) step(write func() error) error {
	last := d.left.Add(-1) == 0
	if d.dead.Load() || last && d.before {
		d.dead.Store(true)
		return errCrash
	}
	err := write()
	if last {
		d.dead.Store(true)
		return errCrash
	}
	return err
}

func (d *dying) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	return d.step(func() error {
		err := d.Client.Create(ctx, o, opts...)
		if err == nil {
			d.made.Add(1)
		}
		return err
	})
}

func (d *dying) Status() client.SubResourceWriter { return &dyingStatus{d.Client.Status(), d} }

type dyingStatus struct {
	client.SubResourceWriter
	of *dying
}

func (s *dyingStatus) Patch(
	ctx context.Context, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption,
) error {
	return s.of.step(func() error { return s.SubResourceWriter.Patch(ctx, o, p, opts...) })
}

// RoundTrip ends the life at a request that changes something at the provider.
func (d *dying) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if r.Method == http.MethodGet {
		return http.DefaultTransport.RoundTrip(r)
	}
	err = d.step(func() error {
		res, err = http.DefaultTransport.RoundTrip(r)
		return err
	})
	if err != nil && res != nil {
		_ = res.Body.Close()
	}
	return res, err
}

// always gives everybody the same client.
type always struct{ client *http.Client }

func (a always) Client(billing.Provider, string, string, float64, int) *http.Client { return a.client }
func (a always) Keep(string, ...string)                                             {}

// operator is one that works by itself, in this process.
func (b *buyer) operator(d *dying, x *sale) *webhookevent.Reconciler {
	metrics, err := webhookevent.NewMetrics(prometheus.NewRegistry())
	b.g.Expect(err).NotTo(HaveOccurred())
	return &webhookevent.Reconciler{
		Client: d, Live: b.Client, Events: events.NewFakeRecorder(100), Metrics: metrics, Now: time.Now,
		Accounts: &accounts.Pool{
			Registry: provider.NewRegistry(x.adapter), Metadata: b.Client, Live: b.Client, Now: time.Now,
			Clients: always{&http.Client{Transport: d}},
		},
	}
}

// receive does what receivers do: a notice that the app took, and dunning needs no more, is deleted. It returns how
// many of them the app took.
func (b *buyer) receive(taken map[string]bool) (delivered int) {
	for _, e := range b.inbox() {
		if e.Spec.Type == "payment.failed" {
			continue
		}
		if at := string(e.UID); !taken[at] {
			taken[at], delivered = true, delivered+1
		}
		for _, s := range e.Status.Sinks {
			if s.Name == v1alpha1.SinkDunning && s.Phase == v1alpha1.EventDelivered {
				b.g.Expect(client.IgnoreNotFound(b.Client.Delete(context.Background(), &e))).To(Succeed())
			}
		}
	}
	return delivered
}

// Whichever write of the operator's is its last, to Kubernetes or to the provider, and whether or not that took effect,
// the next operator brings it to the same end: one action, one event of it at the app, and it is remembered.
func TestTheOperatorEndsAtEveryWrite(t *testing.T) {
	for _, x := range []sale{stripeSale, paddleSale} {
		for _, action := range []v1alpha1.DunningAction{
			v1alpha1.DunningCancel, v1alpha1.DunningCancelAtPeriodEnd, v1alpha1.DunningPause, v1alpha1.DunningNotify,
		} {
			for _, before := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/before %t", x.name, action, before), func(t *testing.T) {
					points := int64(1)
					for !endsAt(t, &x, action, points, before) {
						points++
					}
					NewWithT(t).Expect(points).To(BeNumerically(">=", 5))
				})
			}
		}
	}
}

// endsAt is true if there are not as many writes as that.
func endsAt(t *testing.T, x *sale, action v1alpha1.DunningAction, point int64, before bool) (survived bool) {
	t.Helper()
	b := x.buy(t, stack.Options{})
	g := b.g
	b.Create(unregistered(dunning(1, action)))
	b.Sandbox.Clock().Advance(x.waits[0])
	invoice := x.invoice(b)
	var acts, made atomic.Int64
	b.Sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
		if phase == traffic.AfterCommit && r.Write() && r.Status < 300 && strings.Contains(r.Path, "/subscriptions/") {
			acts.Add(1)
		}
	})
	source := b.left(x, "evt_1", invoice)
	b.Create(source)
	delivered, taken := 0, map[string]bool{}
	request := ctrl.Request{NamespacedName: b.Key("hooks")}
	// Each round is an operator's life; the first ends early.
	for life := range 4 {
		d := &dying{Client: b.Client, before: before, made: &made}
		d.left.Store(point)
		if life > 0 {
			d.left.Store(-1)
		}
		r := b.operator(d, x)
		for range 3 {
			_, err := r.Reconcile(t.Context(), request)
			if !d.dead.Load() {
				g.Expect(err).NotTo(HaveOccurred())
			}
			delivered += b.receive(taken)
		}
		if life == 0 {
			survived = !d.dead.Load()
		}
		g.Eventually(func() bool { // a failed request of the provider's is put off for a moment
			for _, e := range b.inbox() {
				for _, s := range e.Status.Sinks {
					if s.NextAttempt != nil && s.NextAttempt.After(time.Now()) {
						return false
					}
				}
			}
			return true
		}, stack.Patience, often).Should(BeTrue())
	}
	at := fmt.Sprintf("point %d", point)
	g.Expect(b.phase(source)()).To(Equal(v1alpha1.EventDelivered), at)
	g.Expect(b.inbox()).To(HaveLen(1), at)
	g.Expect(delivered).To(Equal(1), at)
	g.Expect(made.Load()).To(Equal(int64(1)), at)
	status := b.status()
	g.Expect(status.Actions).To(BeEquivalentTo(1), at)
	g.Expect(status.Invoices).To(HaveLen(1), at)
	g.Expect(status.Invoices[0].ActedAt).NotTo(BeNil(), at)
	want := map[v1alpha1.DunningAction]string{
		v1alpha1.DunningCancel: "ended", v1alpha1.DunningCancelAtPeriodEnd: "ends", v1alpha1.DunningPause: "paused",
		v1alpha1.DunningNotify: "PastDue",
	}
	g.Expect(b.is()).To(Equal(want[action]), at)
	if action != v1alpha1.DunningNotify {
		g.Expect(acts.Load()).To(BeNumerically(">=", 1), at)
	}
	return survived
}
