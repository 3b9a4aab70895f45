package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// listingTime is when to ask again about a claim that was listed and is not proved yet.
const listingTime = time.Second

// drainTime is how long Run goes on committing after its context ended.
const drainTime = 5 * time.Second

// Ledger is one replica's ledger. Make it with New, start it with Run.
type Ledger struct {
	opts    Options
	store   store
	names   names
	me      string // what claimedBy says: the replica and a random suffix
	metrics *metrics

	listing chan struct{} // holds one value while the ledger is listed
	wake    chan struct{} // the head has work, or its turn may have changed
	stopped chan struct{} // closed when Run has ended

	mu       sync.Mutex
	view     view
	turns    turns
	tempo    tempo
	appends  []*op            // events for the head
	lanes    map[uint32]*lane // work on entries, by segment
	claiming map[key]*op      // claims that are under way, by event
	working  int              // goroutines of lanes
	lastMark time.Time
	log      logr.Logger
	work     context.Context // of all writes; nil before Run
	loaded   bool
	closing  bool
	// ended says of segments whose end the watch showed while the ledger is listed, in which version they ended.
	ended map[uint32]string
	// committing: the head's ops are in a write.
	committing bool
	failing    time.Time // since when writes fail; zero while they do not
}

var _ ledger.Ledger = (*Ledger)(nil)

// New makes a Ledger on the API server that o.Client talks to.
func New(o Options) (*Ledger, error) {
	if o.Client == nil {
		return nil, errors.New("ledger: a client is required")
	}
	s := &apiStore{client: o.Client, namespace: o.Namespace, selector: v1alpha1.LabelReceiver + "=" + o.Receiver}
	l, err := newLedger(o, s)
	if err != nil {
		return nil, err
	}
	s.wrote = l.metrics.wrote
	return l, nil
}

func newLedger(o Options, s store) (*Ledger, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	me := replicaName(o.Replica)
	l := &Ledger{
		opts:     o,
		store:    s,
		names:    namesOf(o.Receiver),
		me:       me,
		wake:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		listing:  make(chan struct{}, 1),
		view:     newView(me),
		turns:    newTurns(me, o.BatchWindow),
		lanes:    map[uint32]*lane{},
		claiming: map[key]*op{},
		log:      logr.Discard(),
	}
	m, err := newMetrics(o.Registerer, l.size)
	l.metrics = m
	return l, err
}

// replicaName gives each Ledger a name of its own, so that no claim of an earlier process of the same pod, or of a
// pod that was given the same name by mistake, is taken for this one's. At most 63 characters.
func replicaName(replica string) string {
	var nonce [5]byte
	_, _ = rand.Read(nonce[:])
	replica = strings.ToValidUTF8(replica, "?")
	if len(replica) > 52 {
		replica = strings.ToValidUTF8(replica[len(replica)-52:], "")
	}
	return replica + "/" + hex.EncodeToString(nonce[:])
}

// Run keeps the ledger until ctx ends; see ledger.Ledger. Its logger comes from ctx.
func (l *Ledger) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l.mu.Lock()
	if l.work != nil {
		l.mu.Unlock()
		return errors.New("ledger: Run may be called once")
	}
	l.work, l.log = work, logr.FromContextOrDiscard(ctx).WithName("ledger")
	l.mu.Unlock()

	var tasks sync.WaitGroup
	tasks.Go(func() { l.follow(work) })
	tasks.Go(func() { l.appendLoop(work) })
	tasks.Go(func() { l.pruneLoop(work) })
	tasks.Go(func() { l.mergeLoop(work) })
	<-ctx.Done()
	l.drain(work)
	cancel()
	tasks.Wait()
	l.stop(work)
	return nil
}

// drain commits what waits.
func (l *Ledger) drain(ctx context.Context) {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	end := l.opts.Clock.Now().Add(drainTime)
	for !l.idle() && l.opts.Clock.Now().Before(end) {
		l.signal()
		l.sleep(ctx, 2*time.Millisecond)
	}
}

func (l *Ledger) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.committing && len(l.appends) == 0 && len(l.lanes) == 0 && len(l.claiming) == 0
}

// stop waits for the lanes and gives up what is left.
func (l *Ledger) stop(ctx context.Context) {
	for {
		l.mu.Lock()
		if l.working == 0 {
			break
		}
		l.mu.Unlock()
		l.sleep(context.WithoutCancel(ctx), time.Millisecond)
	}
	defer l.mu.Unlock()
	l.loaded = false
	close(l.stopped)
}

// Ready is nil once every event is known that was remembered when Run began.
func (l *Ledger) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded {
		return notLoaded()
	}
	return nil
}

func notLoaded() error { return fmt.Errorf("%w: not loaded", ledger.ErrUnavailable) }

// Claim takes an event in hand; see ledger.Ledger. An id that is empty or not UTF-8 is refused like a long one: the
// API server could not keep it as it is.
func (l *Ledger) Claim(ctx context.Context, e ledger.Event) (ledger.Claim, error) {
	switch {
	case len(e.ID) > MaxID || len(e.Type) > MaxType:
		return ledger.Claim{}, ledger.ErrTooLarge
	case e.ID == "" || !utf8.ValidString(e.ID) || !utf8.ValidString(e.Type):
		return ledger.Claim{}, fmt.Errorf("%w, or not text", ledger.ErrTooLarge)
	}
	limit := l.opts.Clock.NewTimer(l.opts.CommitTimeout)
	defer limit.Stop()
	for {
		l.mu.Lock()
		if err := l.refusal(); err != nil {
			l.mu.Unlock()
			return ledger.Claim{}, err
		}
		if l.closing {
			l.mu.Unlock()
			return ledger.Claim{}, fmt.Errorf("%w: shutting down", ledger.ErrUnavailable)
		}
		if before := l.claiming[keyOf(e.ID)]; before != nil && before.abandoned {
			// A claim is being written but its caller left. It may be old when it is durable, so this caller gets
			// a claim of its own, with all of the time that a claim has.
			l.mu.Unlock()
			if err := l.await(ctx, limit, before); err != nil {
				return ledger.Claim{}, err
			}
			continue
		}
		o, answer := l.admit(e)
		l.mu.Unlock()
		if o == nil {
			return answer, nil
		}
		return l.wait(ctx, limit, o)
	}
}

// refusal says why nothing can be made durable now.
func (l *Ledger) refusal() error {
	switch {
	case l.work == nil || !l.loaded:
		return notLoaded()
	case !l.failing.IsZero() && l.opts.Clock.Since(l.failing) > l.opts.CommitTimeout:
		return fmt.Errorf("%w: the API server does not take writes", ledger.ErrUnavailable)
	}
	return nil
}

// admit answers a claim from memory, or queues an op for it.
func (l *Ledger) admit(e ledger.Event) (*op, ledger.Claim) {
	k := keyOf(e.ID)
	if o := l.claiming[k]; o != nil {
		return nil, ledger.Claim{Outcome: ledger.Busy, RetryAfter: l.opts.ClaimTimeout, ReceivedAt: o.received}
	}
	now := l.opts.Clock.Now()
	o := &op{kind: opAppend, event: e, key: k, done: make(chan struct{})}
	answer, over := l.answer(k, now)
	if over == nil && answer != nil {
		return nil, *answer
	}
	l.mark(o, now)
	o.received = o.mark.at.Truncate(time.Second)
	if over != nil {
		l.intoTakeOver(o, over)
	}
	l.claiming[k] = o
	l.enqueue(o)
	return o, ledger.Claim{}
}

// answer is what is known of an event: nil, nil if nothing; a claim if it is over; otherwise the answer to a caller.
func (l *Ledger) answer(k key, now time.Time) (*ledger.Claim, *claim) {
	p, known := l.view.index[k]
	if !known {
		return nil, nil
	}
	received := l.view.receivedAt(k)
	c := l.view.claims[k]
	if p.state != codeClaimed || c == nil {
		return &ledger.Claim{Outcome: ledger.Duplicate, State: stateNames[p.state], ReceivedAt: received}, nil
	}
	left := c.seen.Add(l.opts.ClaimTimeout).Sub(now)
	if left <= 0 || (c.by == l.me && !c.held) {
		if l.view.segments[p.seq].first {
			return nil, c
		}
		left = listingTime // it is being found out whether this claim counts
	}
	return &ledger.Claim{Outcome: ledger.Busy, RetryAfter: left, ReceivedAt: received}, nil
}

func (l *Ledger) intoTakeOver(o *op, over *claim) {
	o.kind, o.over = opTakeOver, over.claimMark
	o.resumed = over.by != l.me || over.held || over.resumed
	o.received = l.view.receivedAt(o.key)
}

// mark gives an op a mark that no claim had before.
func (l *Ledger) mark(o *op, now time.Time) {
	at := micros(now)
	if !at.After(l.lastMark) {
		at = l.lastMark.Add(time.Microsecond)
	}
	l.lastMark = at
	o.mark, o.marked = claimMark{by: l.me, at: at}, now
}

// Settle ends a claim; see ledger.Ledger. An event that the ledger does not know is ErrLost.
func (l *Ledger) Settle(ctx context.Context, id string, s ledger.State) error {
	if s != ledger.Processed && s != ledger.Deferred && s != ledger.Dead {
		return fmt.Errorf("an event cannot be settled as %q", s)
	}
	l.mu.Lock()
	if err := l.refusal(); err != nil {
		l.mu.Unlock()
		return err
	}
	k := keyOf(id)
	p, known := l.view.index[k]
	c := l.view.claims[k]
	switch {
	case known && stateNames[p.state] == s:
		l.mu.Unlock()
		return nil
	case !known, stateNames[p.state] == ledger.Processed, stateNames[p.state] == ledger.Dead,
		c != nil && c.by != l.me:
		l.mu.Unlock()
		return ledger.ErrLost
	}
	o := &op{kind: opSettle, event: ledger.Event{ID: id}, key: k, to: v1alpha1.EntryState(s), done: make(chan struct{})}
	l.enqueue(o)
	l.mu.Unlock()
	limit := l.opts.Clock.NewTimer(l.opts.CommitTimeout)
	defer limit.Stop()
	_, err := l.wait(ctx, limit, o)
	return err
}

// await the end of an op, the caller's context, the time limit, or the end of the ledger.
func (l *Ledger) await(ctx context.Context, limit clock.Timer, o *op) error {
	select {
	case <-o.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, ctx.Err())
	case <-limit.C():
	case <-l.stopped:
	}
	return ledger.ErrUnavailable
}

// wait for an op's verdict.
func (l *Ledger) wait(ctx context.Context, limit clock.Timer, o *op) (ledger.Claim, error) {
	err := l.await(ctx, limit, o)
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.finished {
		return o.claim, o.err
	}
	o.abandoned = true
	if !o.writing {
		l.release(o)
	}
	return ledger.Claim{}, err
}

// release ends an op's hold on its event. The op of a caller that left ends with it.
func (l *Ledger) release(o *op) {
	if l.claiming[o.key] == o {
		delete(l.claiming, o.key)
	}
	if o.abandoned {
		o.finish(ledger.Claim{}, ledger.ErrUnavailable)
	}
}

func (l *Ledger) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// sleep returns early, with false, when ctx ends.
func (l *Ledger) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := l.opts.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Ledger) size() (events, segments int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.view.index), len(l.view.segments)
}
