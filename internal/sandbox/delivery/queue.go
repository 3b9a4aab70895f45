// Package delivery sends a stand-in provider's webhooks: bounded concurrency, a time limit on each attempt, and
// repeated attempts by a schedule that runs on the sandbox's clock.
package delivery

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/clock"
)

// Options of a Queue. Zero values take the defaults named.
type Options struct {
	Workers int           // attempts at a time; 8
	Timeout time.Duration // of one attempt; 10 s
	// Transport carries the attempts. The default honours the proxy variables of the environment.
	Transport http.RoundTripper
	// Clock is what the waits run on; nil is one of its own.
	Clock *clock.Clock
}

// Queue runs jobs in the order in which they came, as far as the workers allow.
type Queue struct {
	opt    Options
	client *http.Client

	mu       sync.Mutex
	wake     *sync.Cond
	ready    []*pending
	waiting  agenda
	held     []*pending // while holding
	holding  bool
	released []*pending  // were held, and go one after the other
	leading  bool        // one of them is under way
	epoch    int         // counts Discard
	timer    *time.Timer // for the first of waiting
	running  int
	draining bool
	stopped  bool
	log      log
	workers  sync.WaitGroup
}

type pending struct {
	Job
	attempt int
	due     time.Duration // by the clock's Elapsed
	epoch   int
	// leads: the first of released goes after this one's attempt.
	leads bool
}

// New starts a queue. Close stops it.
func New(opt Options) *Queue {
	opt.Workers, opt.Timeout = cmp.Or(opt.Workers, 8), cmp.Or(opt.Timeout, 10*time.Second)
	if opt.Clock == nil {
		opt.Clock = clock.New(nil)
	}
	if opt.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = opt.Workers
		opt.Transport = transport
	}
	q := &Queue{opt: opt, log: newLog()}
	q.wake = sync.NewCond(&q.mu)
	q.client = &http.Client{
		Transport: opt.Transport,
		// Providers count a redirect as a failure.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	q.timer = time.AfterFunc(time.Hour, q.wakeDue)
	q.timer.Stop()
	opt.Clock.OnChange(q.wakeDue)
	for range opt.Workers {
		q.workers.Go(q.work)
	}
	return q
}

// Send queues a job. It never waits. After Close the job is dropped.
func (q *Queue) Send(job Job) {
	if job.Retries == nil {
		job.Retries = Quick
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.log.sent(job)
	q.enqueue(job)
}

func (q *Queue) enqueue(job Job) {
	switch p := (&pending{Job: job, epoch: q.epoch}); {
	case q.draining:
	case q.holding:
		q.held = append(q.held, p)
	default:
		q.ready = append(q.ready, p)
		q.wake.Signal()
	}
}

// Discard drops every job, ends a hold, and forgets the log. An attempt that is under way is the last one.
func (q *Queue) Discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer.Stop()
	q.epoch++
	q.ready, q.waiting, q.held, q.released, q.log = nil, nil, nil, nil, newLog()
	q.holding, q.leading = false, false
}

// Close takes no more jobs, gives every job that waits or is held one last attempt at once, and returns when all are
// done or the context ends.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.draining = true
	q.timer.Stop()
	q.ready = slices.Concat(q.ready, q.waiting, q.held, q.released)
	q.waiting, q.held, q.released = nil, nil, nil
	q.wake.Broadcast()
	q.mu.Unlock()

	done := make(chan struct{})
	go func() {
		q.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		q.client.CloseIdleConnections()
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		q.stopped, q.ready = true, nil
		q.wake.Broadcast()
		q.mu.Unlock()
		return ctx.Err()
	}
}

func (q *Queue) work() {
	for {
		p := q.take()
		if p == nil {
			return
		}
		q.settle(p, q.try(p))
	}
}

// take returns nil when the queue is closed and empty.
func (q *Queue) take() *pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 {
		if q.stopped || (q.draining && q.running == 0) {
			q.wake.Broadcast()
			return nil
		}
		q.wake.Wait()
	}
	p := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	q.running++
	return p
}

// settle decides what follows from an attempt, and tells whose job it is.
func (q *Queue) settle(p *pending, o Outcome) {
	q.mu.Lock()
	q.running--
	ends := o.Delivered || o.Gone() || q.draining || p.epoch != q.epoch
	if !ends && p.attempt <= len(p.Retries) {
		wait := p.Retries[p.attempt-1]
		o.Retry = q.opt.Clock.Now().Add(wait)
		p.due = q.opt.Clock.Elapsed() + wait
		heap.Push(&q.waiting, p)
		q.arm()
	}
	if p.epoch == q.epoch {
		q.log.tried(o)
	}
	if p.leads && p.epoch == q.epoch {
		p.leads, q.leading = false, false
		q.follow()
	}
	q.wake.Broadcast()
	q.mu.Unlock()
	if p.Report != nil {
		p.Report(o)
	}
}

// arm sets the timer for the first job that waits. The queue is locked.
func (q *Queue) arm() {
	if len(q.waiting) == 0 {
		q.timer.Stop()
		return
	}
	q.timer.Reset(max(0, q.opt.Clock.Outside(q.waiting[0].due-q.opt.Clock.Elapsed())))
}

// wakeDue makes the jobs ready of which the time has come.
func (q *Queue) wakeDue() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.draining {
		return
	}
	now := q.opt.Clock.Elapsed()
	for len(q.waiting) > 0 && q.waiting[0].due <= now {
		if p, ok := heap.Pop(&q.waiting).(*pending); ok {
			q.ready = append(q.ready, p)
		}
	}
	q.wake.Broadcast()
	q.arm()
}

// errorGone is the error of a job that ends without an attempt.
const errorGone = "gone"

func (q *Queue) try(p *pending) Outcome {
	o := Outcome{Attempt: Attempt{
		Provider: p.Provider, Type: p.Type, Message: p.Message, Endpoint: p.Endpoint, Repeated: p.repeated,
		Attempt: p.attempt, Time: q.opt.Clock.Now(), Error: errorGone,
	}}
	url, header, body, ok := p.Prepare(time.Now())
	if !ok {
		return o
	}
	p.attempt++
	o.Attempt.Attempt, o.Error = p.attempt, ""
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(p.Timeout, q.opt.Timeout))
	defer cancel()
	q.post(ctx, url, header, body, &o)
	o.Delivered = o.Status == http.StatusOK || (!p.ExactlyOK && o.Status > 199 && o.Status < 300)
	return o
}

// bodyKept is how much of an answer Outcome has, in bytes.
const bodyKept = 1 << 10

func (q *Queue) post(ctx context.Context, url string, header http.Header, body []byte, o *Outcome) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		o.Error = "url"
		return
	}
	req.Header = header
	res, err := q.client.Do(req)
	if err != nil {
		o.Error = "connection"
		if errors.Is(err, context.DeadlineExceeded) {
			o.Error = "timeout"
		}
		return
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, bodyKept))
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	o.Status, o.ContentType, o.Body = res.StatusCode, res.Header.Get("Content-Type"), string(text)
}

// agenda is a heap of jobs by the time at which they are due.
type agenda []*pending

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due < a[j].due }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) {
	if p, ok := x.(*pending); ok {
		*a = append(*a, p)
	}
}

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	p := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return p
}
