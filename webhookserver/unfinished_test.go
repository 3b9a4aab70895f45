package webhookserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// A sink took an event, and the ledger could not be told. The provider, which gets no 200, may repeat it or not: it is
// settled as soon as that can be done, and the sink does not get it again.
func TestWhatASinkTookIsSettledLater(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.ledger.do(func() { f.ledger.settleErr = ledger.ErrUnavailable })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503), "it is not durable yet")
	f.ledger.do(func() { f.ledger.settleErr = nil })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(func() ledger.State { return f.ledger.state("evt_2") }, patience, often).Should(Equal(ledger.Processed))
	f.g.Expect(sink.count()).To(Equal(2))
	f.g.Eventually(f.totals, patience, often).Should(Equal(v1alpha1.EventTotals{Received: 4, Processed: 2, Duplicate: 1}))
	f.g.Expect(f.read().Status.RecentEvents).To(HaveLen(2))
}

// One sink took an event, the other did not, and the inbox could not be written.
func TestWhatOneSinkTookGoesIntoTheInboxLater(t *testing.T) {
	healthy, sink := newApp(t, nil), newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{healthy.sink("healthy"), sink.sink("app")})
	broken := &brokenClient{WithWatch: f.client}
	broken.fail.Store(true)
	r := f.start(func(o *Options) { o.Client = broken })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	// The request's buffer is used again meanwhile.
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(503))
	broken.fail.Store(false)
	sink.recover()
	f.g.Eventually(func() []ledger.State {
		return []ledger.State{f.ledger.state("evt_1"), f.ledger.state("evt_2")}
	}, patience, often).Should(HaveEach(ledger.Processed))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(healthy.count()).To(Equal(2))
	f.g.Expect(sink.ids()).To(ContainElements("stripe:acct_1:evt_1", "stripe:acct_1:evt_2"))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(healthy.count()).To(Equal(2))
}

// mutePatches is a client whose status patches fail a number of times, once it took one: the claim.
type mutePatches struct {
	client.WithWatch
	left  atomic.Int64
	calls atomic.Int64
}

func (c *mutePatches) Status() client.SubResourceWriter {
	return &muteStatus{c.WithWatch.Status(), c}
}

type muteStatus struct {
	client.SubResourceWriter
	of *mutePatches
}

func (w *muteStatus) Patch(
	ctx context.Context, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption,
) error {
	if _, inbox := o.(*v1alpha1.WebhookEvent); inbox && w.of.calls.Add(1) > 1 && w.of.left.Add(-1) >= 0 {
		return errors.New("the API server is away")
	}
	return w.SubResourceWriter.Patch(ctx, o, p, opts...)
}

// A sink took an event of the inbox, and then the API server was away for a while.
func TestWhatASinkTookFromTheInboxIsWrittenDownLater(t *testing.T) {
	sink := newApp(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	mute := &mutePatches{WithWatch: f.client}
	mute.left.Store(7)
	r := f.start(func(o *Options) { o.Client = mute })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(mute.left.Load()).To(BeNumerically("<", 0), "the API server was away")
	f.g.Expect(sink.count()).To(Equal(2), "the refused attempt and the one that was taken")
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
}

// lateClient creates an object, and says that it did not, as when the answer is lost.
type lateClient struct {
	client.WithWatch
	lost atomic.Bool
}

func (c *lateClient) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	err := c.WithWatch.Create(ctx, o, opts...)
	if err == nil && c.lost.Swap(false) {
		return errors.New("the answer was lost")
	}
	return err
}

// The inbox was written and the answer was lost. By the time of the next try the event is delivered and gone.
func TestWhatWasPutUnseenIsNotPutAgain(t *testing.T) {
	sink := newApp(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	late := &lateClient{WithWatch: f.client}
	late.lost.Store(true)
	r := f.start(func(o *Options) { o.Client = late })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Eventually(func() ledger.State { return f.ledger.state("evt_1") }, patience, often).Should(Equal(ledger.Processed))
	f.g.Expect(r.server.unfinished.await(t.Context(), "evt_1", time.Now().Add(patience))).To(BeTrue())
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.count()).To(Equal(2))
}

// While an event of a subscription is on its way into the inbox, later ones do not overtake it.
func TestNoneOvertakesWhatGoesIntoTheInboxLater(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	broken := &brokenClient{WithWatch: f.client}
	broken.fail.Store(true)
	r := f.start(func(o *Options) { o.Client = broken })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	sink.recover()
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Expect(r.send(of("evt_3")).StatusCode).To(Equal(200), "of another subscription")
	broken.fail.Store(false)
	f.g.Eventually(func() ledger.State { return f.ledger.state("evt_2") }, patience, often).Should(Equal(ledger.Processed))
	f.g.Expect(sink.ids()[1:]).To(Equal([]string{"stripe:acct_1:evt_3", "stripe:acct_1:evt_1", "stripe:acct_1:evt_2"}))
	f.g.Eventually(func() int {
		r.server.turns.mu.Lock()
		defer r.server.turns.mu.Unlock()
		return len(r.server.turns.all)
	}, patience, often).Should(BeZero())
}

func TestUnfinishedIsBounded(t *testing.T) {
	g := NewWithT(t)
	var u unfinished
	var tries atomic.Int32
	never := func(context.Context) error { tries.Add(1); return errors.New("away") }
	u.keep("before it begins", 0, never, func() {})
	ctx, cancel := context.WithCancel(t.Context())
	u.begin(ctx)
	for i := range 2 * maxUnfinished {
		u.keep(strconv.Itoa(i), 0, never, func() {})
	}
	g.Expect(u.events).To(HaveLen(maxUnfinished))
	cancel()
	u.drain(t.Context())
	g.Expect(u.events).To(BeEmpty())

	u.begin(t.Context())
	u.keep("large", maxUnfinishedBytes, func(context.Context) error { tries.Add(1); return nil }, func() {})
	u.keep("one more", 1, never, func() {})
	g.Expect(u.events).To(HaveLen(1))
	g.Expect(u.await(t.Context(), "one more", time.Now())).To(BeTrue())
	g.Expect(u.await(t.Context(), "large", time.Now())).To(BeFalse())
	g.Expect(u.await(t.Context(), "large", time.Now().Add(patience))).To(BeTrue())
	u.keep("lost", maxUnfinishedBytes, func(context.Context) error { return ledger.ErrLost }, func() {})
	g.Expect(u.await(t.Context(), "lost", time.Now().Add(patience))).To(BeTrue())
	u.drain(t.Context())
	g.Expect(u.bytes).To(BeZero())
	g.Expect(u.keep("after the end", 0, never, func() {})).To(BeFalse())
}
