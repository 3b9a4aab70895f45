package kube

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

var (
	modelRuns = flag.Int("ledger.runs", 2000, "random schedules of the model test")
	modelSeed = flag.Uint64("ledger.seed", 0, "the one schedule to run; 0: as many as ledger.runs")
)

// TestModel runs replicas against a model of the API server, in virtual time, on random schedules: delays, errors
// before and after the commit, requests that arrive long after their caller gave up, conflicts, pauses, crashes at
// any call, watches that lag, end and lose their place, skewed clocks. Every change at the server and every answer to
// a caller is checked.
func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		synctest.Test(t, func(t *testing.T) { newModel(*modelSeed).run(t) })
		return
	}
	runs := *modelRuns
	if testing.Short() {
		runs /= 10
	}
	const workers = 2
	base := uint64(time.Now().UnixNano())
	t.Logf("seeds from %d", base)
	var mu sync.Mutex
	var sum totals
	t.Run("schedules", func(t *testing.T) {
		for w := range workers {
			t.Run(strconv.Itoa(w), func(t *testing.T) {
				t.Parallel()
				for i := w; i < runs && !t.Failed(); i += workers {
					synctest.Test(t, func(t *testing.T) {
						got := newModel(base + uint64(i)).run(t)
						mu.Lock()
						sum.add(got)
						mu.Unlock()
					})
				}
			})
		}
	})
	t.Logf("%d schedules: %+v", runs, sum)
	if min(sum.TakenOver, sum.Moved, sum.Pruned, sum.PassedBy, sum.Crashes, sum.Resumed) == 0 {
		t.Errorf("the schedules did not reach what they are to test: %+v", sum)
	}
}

// totals say what the schedules reached.
type totals struct{ Appended, TakenOver, Moved, Pruned, PassedBy, Won, Resumed, Crashes, Changes int }

func (s *totals) add(o totals) {
	s.Appended += o.Appended
	s.TakenOver += o.TakenOver
	s.Moved += o.Moved
	s.Pruned += o.Pruned
	s.PassedBy += o.PassedBy
	s.Won += o.Won
	s.Resumed += o.Resumed
	s.Crashes += o.Crashes
	s.Changes += o.Changes
}

// model is one schedule.
type model struct {
	seed      uint64
	dice      *dice
	server    *modelServer
	faults    faults
	timeout   time.Duration
	retention time.Duration
	skew      time.Duration
	entries   int
	events    int
	patience  time.Duration // of callers
	deletes   bool          // a person deletes the anchor now and then
	givesUp   float64       // chance that the provider never repeats an event that was not acknowledged

	mu       sync.Mutex
	replicas []*modelReplica
	grants   map[string][]grant
	settled  map[string]time.Time // when the first settle was acknowledged since it was forgotten
	problems []string
	totals   totals
	pending  sync.WaitGroup
	calm     bool
	over     bool
}

type modelReplica struct {
	l      *Ledger
	client *modelClient
	stop   context.CancelFunc
}

// grant is one answer Won or Resumed that reached its caller.
type grant struct {
	begun   time.Time
	outcome ledger.Outcome
}

type skewed struct {
	clock.RealClock
	by time.Duration
}

func (s skewed) Now() time.Time                  { return s.RealClock.Now().Add(s.by) }
func (s skewed) Since(t time.Time) time.Duration { return s.Now().Sub(t) }

func newModel(seed uint64) *model {
	d := newDice(seed)
	m := &model{seed: seed, dice: d, timeout: 30 * time.Second, retention: 100 * time.Hour, skew: 10 * time.Second,
		entries: 1 + d.n(6), grants: map[string][]grant{}, settled: map[string]time.Time{}}
	if d.chance(0.5) {
		m.retention = time.Minute
	}
	m.patience = 5 * time.Second
	if d.chance(0.2) {
		m.patience = 2 * time.Minute
	}
	if d.chance(0.5) {
		m.givesUp = 0.3
	}
	hard := d.float()
	rate := func(most float64) float64 {
		if d.chance(0.3) {
			return 0
		}
		return d.float() * most * hard
	}
	m.faults = faults{before: rate(0.1), after: rate(0.1), late: rate(0.1), conflict: rate(0.1), pause: rate(0.04),
		crash: rate(0.05), watchEnd: rate(0.1), watchLag: rate(0.1), longest: 10 * time.Second}
	if d.chance(0.4) {
		m.faults.longest = 5 * time.Minute
	} else if d.chance(0.1) {
		m.faults.longest = 3 * time.Hour
	}
	m.events = 3 + d.n(12)
	if d.chance(0.2) {
		m.events = 40 + d.n(80)
	}
	if m.deletes = d.chance(0.1); m.deletes {
		// A stray cannot be told from the first of its name once the anchor is gone, so no Create takes long.
		m.faults.late, m.faults.longest = 0, 10*time.Second
	}
	m.server = newModelServer(m.timeout, m.retention, m.skew)
	return m
}

func (m *model) run(t *testing.T) totals {
	m.replicas = make([]*modelReplica, 1+m.dice.n(3))
	for i := range m.replicas {
		m.start(i)
	}
	var providers sync.WaitGroup
	for i := range m.events {
		// The same event comes several times, close together and much later.
		for range 1 + m.dice.n(3) {
			providers.Go(func() { m.provider(fmt.Sprintf("evt_%d", i)) })
		}
	}
	stopChaos := make(chan struct{})
	m.pending.Go(func() { m.compactions(stopChaos) })
	if m.deletes {
		m.pending.Go(func() { m.deletions(stopChaos) })
	}
	time.Sleep(m.dice.upTo(10 * time.Minute))
	m.setCalm()
	providers.Wait()
	close(stopChaos)
	m.settleDown()
	m.mu.Lock()
	m.over = true
	for _, r := range m.replicas {
		r.stop()
	}
	m.mu.Unlock()
	m.pending.Wait()

	c := &m.server.check
	for _, f := range append(c.faults, m.problems...) {
		t.Errorf("seed %d: %s", m.seed, f)
	}
	if t.Failed() {
		t.Log(strings.Join(c.log, "\n"))
	}
	m.totals.Appended, m.totals.TakenOver, m.totals.Moved, m.totals.Pruned = c.appended, c.takenOver, c.moves, c.pruned
	m.totals.PassedBy, m.totals.Changes = c.passedBy, m.server.rev
	return m.totals
}

func (m *model) setCalm() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calm = true
	for _, r := range m.replicas {
		r.client.heal()
	}
}

func (m *model) compactions(stop chan struct{}) {
	for {
		select {
		case <-time.After(m.dice.upTo(5 * time.Minute)):
			m.server.compact()
		case <-stop:
			return
		}
	}
}

// deletions of the anchor by a person, now and then.
func (m *model) deletions(stop chan struct{}) {
	for {
		select {
		case <-time.After(m.dice.upTo(3 * time.Minute)):
			m.server.remove(namesOf("r").of(anchorSeq))
		case <-stop:
			return
		}
	}
}

// start puts a new process in place of replica i.
func (m *model) start(i int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &modelClient{server: m.server, dice: m.dice, faults: m.faults, pending: &m.pending}
	if m.calm {
		c.faults = faults{}
	}
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: fmt.Sprintf("replica-%d", i),
		Retention: func() time.Duration { return m.retention }, ClaimTimeout: m.timeout, CommitTimeout: m.patience,
		MaxEntries: m.entries, Clock: skewed{by: m.dice.upTo(2*m.skew) - m.skew}}, c)
	if err != nil {
		panic(err)
	}
	r := &modelReplica{l: l, client: c, stop: cancel}
	c.onCrash = func() {
		cancel()
		m.mu.Lock()
		m.totals.Crashes++
		m.mu.Unlock()
		m.pending.Go(func() {
			time.Sleep(m.dice.upTo(40 * time.Second))
			m.start(i)
		})
	}
	m.replicas[i] = r
	m.pending.Go(func() { _ = l.Run(ctx) })
}

func (m *model) pick() *modelReplica {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replicas[m.dice.n(len(m.replicas))]
}

// provider sends an event until it is acknowledged, and then perhaps once more.
func (m *model) provider(id string) {
	time.Sleep(m.dice.upTo(time.Minute))
	again := m.dice.chance(0.5)
	for attempt := 0; ; attempt++ {
		if attempt > 400+int(m.faults.longest/(3*time.Second)) {
			m.problemf("%s never settles", id)
			return
		}
		if !m.deliver(id) {
			if m.dice.chance(m.givesUp) {
				return
			}
			time.Sleep(m.dice.upTo(20 * time.Second))
			continue
		}
		if !again {
			return
		}
		again = false
		time.Sleep(m.dice.upTo(5 * time.Minute))
	}
}

// deliver sends an event once and says whether it need not be sent again.
func (m *model) deliver(id string) bool {
	r := m.pick()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond+m.dice.upTo(m.patience))
	defer cancel()
	begun := time.Now()
	c, err := r.l.Claim(ctx, ledger.Event{ID: id, Type: "invoice.paid"})
	if _, dead := r.client.state(); dead {
		return false
	}
	switch {
	case err != nil:
		if !errors.Is(err, ledger.ErrUnavailable) {
			m.problemf("%s: Claim: %v", id, err)
		}
		return false
	case c.Outcome == ledger.Busy:
		if c.RetryAfter <= 0 || c.RetryAfter > m.timeout {
			m.problemf("%s: busy for %s", id, c.RetryAfter)
		}
		return false
	case c.Outcome == ledger.Duplicate && !m.server.was(fact{id: id, state: v1alpha1.EntryState(c.State)}):
		m.problemf("%s is said to be %s", id, c.State)
		return true
	case c.Outcome == ledger.Duplicate && c.State == ledger.Deferred:
		return m.settle(ctx, r, id, ledger.Processed) == nil
	case c.Outcome == ledger.Duplicate:
		return true
	}
	if !m.server.was(fact{id: id, state: v1alpha1.EntryClaimed, by: r.l.me}) {
		m.problemf("%s was handed out before the claim was durable", id)
	}
	m.grant(id, grant{begun: begun, outcome: c.Outcome})
	return m.process(r, id)
}

// process does what a receiver does with an event in hand.
func (m *model) process(r *modelReplica, id string) bool {
	switch x := m.dice.float(); {
	case x < 0.05 && !m.isCalm():
		return false // the handler died
	case x < 0.1 && !m.isCalm():
		time.Sleep(m.dice.upTo(2 * m.timeout))
	default:
		time.Sleep(m.dice.upTo(3 * time.Second))
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.dice.upTo(6*time.Second))
	defer cancel()
	to := []ledger.State{ledger.Processed, ledger.Processed, ledger.Deferred, ledger.Dead}[m.dice.n(4)]
	return m.settle(ctx, r, id, to) == nil && to != ledger.Deferred
}

func (m *model) settle(ctx context.Context, r *modelReplica, id string, to ledger.State) error {
	err := r.l.Settle(ctx, id, to)
	if _, dead := r.client.state(); dead {
		return errCrashed
	}
	if err == nil {
		m.settledAs(id, to)
		m.mu.Lock()
		defer m.mu.Unlock()
		if remembered, forgotten := m.server.memory(id); remembered && !m.settled[id].After(forgotten) {
			m.settled[id] = time.Now()
		}
	} else if !errors.Is(err, ledger.ErrUnavailable) && !errors.Is(err, ledger.ErrLost) {
		m.problemf("%s: Settle: %v", id, err)
	}
	return err
}

// settledAs checks an acknowledged settle. A Deferred event may have moved on in the same write.
func (m *model) settledAs(id string, to ledger.State) {
	was := func(s ledger.State) bool { return m.server.was(fact{id: id, state: v1alpha1.EntryState(s)}) }
	if !was(to) && (to != ledger.Deferred || (!was(ledger.Processed) && !was(ledger.Dead))) {
		m.problemf("%s was never %s", id, to)
	}
}

func (m *model) isCalm() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calm
}

func (m *model) problemf(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}
