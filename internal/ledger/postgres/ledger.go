package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/store"
)

// Ledger is a ledger.Ledger in PostgreSQL.
type Ledger struct {
	o       Options
	db      *store.DB
	holder  string       // this process, in claims
	numbers atomic.Int64 // of its claims
	metrics *metrics

	queue chan *op // what providers wait for
	told  chan *op // what came of deliveries
	ready atomic.Bool
	// notReady is why not, while it is not.
	notReady atomic.Pointer[error]
	late     lateKeeps
	payloads chan struct{} // a place for each that is being read
	// ended is closed when Run takes nothing any more. Under gate nothing enters the queue after that.
	ended chan struct{}
	gate  sync.RWMutex
}

var _ ledger.Ledger = (*Ledger)(nil)

// New makes a Ledger. Run keeps it.
func New(o Options) (*Ledger, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Ledger{
		o: o, db: o.DB, holder: o.Replica + "-" + rand.String(8), metrics: newMetrics(o.Registerer, o.Log),
		queue: make(chan *op, 4*o.MaxBatch), told: make(chan *op, 4*o.MaxBatch), ended: make(chan struct{}),
		payloads: make(chan struct{}, maxReads),
	}, nil
}

// Ready is nil once the database was found usable. It is not taken back: a database that is away for a while makes
// events wait at the provider, and replicas that go in and out of their Service would help nobody.
func (l *Ledger) Ready() error {
	if l.ready.Load() {
		return nil
	}
	if why := l.notReady.Load(); why != nil {
		return unavailable(*why)
	}
	return fmt.Errorf("%w: the database has not answered yet", ledger.ErrUnavailable)
}

// Claim takes an event in hand; see ledger.Ledger.
func (l *Ledger) Claim(ctx context.Context, e ledger.Event) (ledger.Claim, error) {
	if err := check(e); err != nil {
		return ledger.Claim{}, err
	}
	o := l.newOp(e)
	if err := l.commit(ctx, o); err != nil {
		return ledger.Claim{}, err
	}
	return o.claim, nil
}

// Settle ends a claim; see ledger.Ledger.
func (l *Ledger) Settle(ctx context.Context, id string, s ledger.State) error {
	if s != ledger.Processed && s != ledger.Deferred && s != ledger.Dead {
		return fmt.Errorf("ledger: an event cannot be settled as %q", s)
	}
	o := l.newOp(ledger.Event{ID: id})
	o.settle = s
	return l.commit(ctx, o)
}

func check(e ledger.Event) error {
	for _, s := range []string{e.ID, e.Type} {
		if !utf8.ValidString(s) || containsZero(s) {
			return fmt.Errorf("%w: not a text", ledger.ErrTooLarge)
		}
	}
	if e.ID == "" || len(e.ID) > MaxID || len(e.Type) > MaxType {
		return ledger.ErrTooLarge
	}
	return nil
}

// containsZero: PostgreSQL's texts have no byte 0.
func containsZero(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

// commit waits until a transaction has the call's row.
func (l *Ledger) commit(ctx context.Context, o *op) error {
	if err := l.Ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.o.CommitTimeout, errSlow)
	defer cancel()
	l.gate.RLock()
	select {
	case <-l.ended:
		l.gate.RUnlock()
		return fmt.Errorf("%w: the ledger ends", ledger.ErrUnavailable)
	default:
	}
	queue := l.queue
	if o.attempt != nil {
		queue = l.told
	}
	select {
	case queue <- o:
		l.gate.RUnlock()
	case <-ctx.Done():
		l.gate.RUnlock()
		return l.why(ctx)
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		if o.turn.CompareAndSwap(open, left) {
			return l.why(ctx)
		}
		<-o.done // the answer was on its way
	}
	return o.err
}

var errSlow = fmt.Errorf("%w: the database did not answer in time", ledger.ErrUnavailable)

// why is the caller's own end, or that of the ledger's patience.
func (l *Ledger) why(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, errSlow) {
		return err
	}
	return l.metrics.late()
}

// op is a call that waits for its transaction.
type op struct {
	event  ledger.Event
	number int64 // of the claim
	// One of these is set; none for a claim.
	settle  ledger.State
	work    *ledger.Work
	attempt *ledger.Attempt
	bare    bool // the records of work were left out

	lease    time.Duration // of work
	later    bool          // the deliveries of work are left to Due
	claim    ledger.Claim
	behind   []string
	followed bool // something was behind the delivery that is over now
	err      error
	turn     atomic.Int32
	done     chan struct{}
}

// What an op's turn says.
const (
	open     = iota
	left     // nobody waits for it any more
	answered // it has its answer
)

func (l *Ledger) newOp(e ledger.Event) *op {
	return &op{event: e, number: l.numbers.Add(1), done: make(chan struct{})}
}

// finish answers, and is false if nobody waits for that.
func (o *op) finish(err error) bool {
	if !o.turn.CompareAndSwap(open, answered) {
		return false
	}
	o.err = err
	close(o.done)
	return true
}

// key of the row that a statement takes once.
func (o *op) key() string {
	if o.attempt != nil {
		return o.event.ID + "\x00" + o.attempt.Sink
	}
	return o.event.ID
}

// isLeft says that nobody waits for it any more.
func (o *op) isLeft() bool { return o.turn.Load() == left }

func (o *op) isClaim() bool { return o.settle == "" && o.work == nil && o.attempt == nil }

// Run keeps the ledger until ctx ends; see ledger.Ledger.
func (l *Ledger) Run(ctx context.Context) error {
	var pruning sync.WaitGroup
	defer pruning.Wait()
	w := writer{Ledger: l, abandoned: map[int64]time.Time{}, most: l.o.MaxBatch}
	if !w.awaitDatabase(ctx) {
		l.end()
		w.refuse()
		return nil
	}
	l.ready.Store(true)
	pruning.Go(func() { l.prune(ctx) })
	pruning.Go(func() { l.strays(ctx) })
	pruning.Go(func() { l.lookForLate(ctx) })
	w.run(ctx)
	l.end()
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
	defer cancel()
	w.flush(rest)
	return nil
}

// lastWrites is how long what waits at the end may take.
const lastWrites = 4 * time.Second

// end lets nothing more into the queue.
func (l *Ledger) end() {
	l.gate.Lock()
	defer l.gate.Unlock()
	close(l.ended)
}
