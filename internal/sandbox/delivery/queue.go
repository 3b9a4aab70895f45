// Package delivery sends a stand-in provider's webhooks: bounded concurrency, a time limit on each attempt, and
// repeated attempts with exponential back-off.
package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options of a Queue. Zero values take the defaults named.
type Options struct {
	Workers   int           // attempts at a time; 8
	Timeout   time.Duration // of one attempt; 10 s
	RetryBase time.Duration // wait before the second attempt, doubled for each further one; 1 s
	RetryMax  time.Duration // longest wait; 1 min
	GiveUp    time.Duration // age at which a job is dropped; 72 h
	// Transport carries the attempts. The default honours the proxy variables of the environment.
	Transport http.RoundTripper
	Now       func() time.Time
}

// Job is one message to one endpoint.
type Job struct {
	Message  string // the provider's id of the message, for the log
	Endpoint string // the provider's id of the endpoint, for the log
	// Prepare makes the request of an attempt at the time now, or returns false when the endpoint is gone.
	Prepare func(now time.Time) (url string, header http.Header, body []byte, ok bool)
	// Done is called once: delivered is false when the job was given up.
	Done func(delivered bool)
}

// Attempt is what became of one try.
type Attempt struct {
	Message  string    `json:"message"`
	Endpoint string    `json:"endpoint"`
	Attempt  int       `json:"attempt"`
	Time     time.Time `json:"time"`
	// Status is the endpoint's answer, 0 when there was none.
	Status int `json:"status"`
	// Error says why there was none: timeout or connection.
	Error string `json:"error,omitempty"`
}

// Queue runs jobs in the order in which they came, as far as the workers allow.
type Queue struct {
	opt    Options
	client *http.Client

	mu       sync.Mutex
	wake     *sync.Cond
	ready    []*pending
	waiting  map[*pending]*time.Timer
	running  int
	draining bool
	stopped  bool
	attempts []Attempt
	workers  sync.WaitGroup
}

type pending struct {
	Job
	born    time.Time
	attempt int
}

// attemptLog is how many attempts Attempts remembers at least.
const attemptLog = 10_000

// New starts a queue. Close stops it.
func New(opt Options) *Queue {
	if opt.Workers == 0 {
		opt.Workers = 8
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.RetryBase == 0 {
		opt.RetryBase = time.Second
	}
	if opt.RetryMax == 0 {
		opt.RetryMax = time.Minute
	}
	if opt.GiveUp == 0 {
		opt.GiveUp = 72 * time.Hour
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = opt.Workers
		opt.Transport = transport
	}
	q := &Queue{opt: opt, waiting: map[*pending]*time.Timer{}}
	q.wake = sync.NewCond(&q.mu)
	q.client = &http.Client{
		Transport: opt.Transport,
		Timeout:   opt.Timeout,
		// Providers count a redirect as a failure.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for range opt.Workers {
		q.workers.Go(q.work)
	}
	return q
}

// Send queues a job. It never waits. After Close the job is dropped.
func (q *Queue) Send(job Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.draining {
		return
	}
	q.ready = append(q.ready, &pending{Job: job, born: q.opt.Now()})
	q.wake.Signal()
}

// Attempts returns the latest attempts, oldest first.
func (q *Queue) Attempts() []Attempt {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]Attempt{}, q.attempts...)
}

// Discard drops every job that is not running, and the log.
func (q *Queue) Discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for p, timer := range q.waiting {
		timer.Stop()
		delete(q.waiting, p)
	}
	q.ready, q.attempts = nil, nil
}

// Close takes no more jobs, gives every job that waits one last attempt at once, and returns when all are done
// or the context ends.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.draining = true
	for p, timer := range q.waiting {
		timer.Stop()
		delete(q.waiting, p)
		q.ready = append(q.ready, p)
	}
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
		again, delivered := q.try(p)
		q.settle(p, again, delivered)
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

func (q *Queue) settle(p *pending, again, delivered bool) {
	q.mu.Lock()
	q.running--
	again = again && !q.draining && q.opt.Now().Sub(p.born) < q.opt.GiveUp
	if again {
		q.waiting[p] = time.AfterFunc(backoff(q.opt, p.attempt), func() { q.wakeUp(p) })
	}
	q.wake.Broadcast()
	q.mu.Unlock()
	if !again && p.Done != nil {
		p.Done(delivered)
	}
}

func (q *Queue) wakeUp(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.waiting[p]; !ok {
		return
	}
	delete(q.waiting, p)
	q.ready = append(q.ready, p)
	q.wake.Signal()
}

// backoff is the wait after the given attempt, counted from 1.
func backoff(opt Options, attempt int) time.Duration {
	wait := opt.RetryBase
	for i := 1; i < attempt && wait < opt.RetryMax; i++ {
		wait *= 2
	}
	return min(wait, opt.RetryMax)
}

func (q *Queue) try(p *pending) (again, delivered bool) {
	p.attempt++
	now := q.opt.Now()
	url, header, body, ok := p.Prepare(now)
	if !ok {
		return false, false
	}
	result := Attempt{Message: p.Message, Endpoint: p.Endpoint, Attempt: p.attempt, Time: now}
	result.Status, result.Error = q.post(url, header, body)
	q.mu.Lock()
	if len(q.attempts) >= 2*attemptLog {
		q.attempts = append([]Attempt{}, q.attempts[attemptLog:]...)
	}
	q.attempts = append(q.attempts, result)
	q.mu.Unlock()
	delivered = result.Status >= 200 && result.Status < 300
	return !delivered, delivered
}

func (q *Queue) post(url string, header http.Header, body []byte) (status int, failure string) {
	// The client's timeout bounds it; a sandbox that closes cuts off nothing that is under way.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "url"
	}
	req.Header = header
	res, err := q.client.Do(req)
	if err != nil {
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return 0, "timeout"
		}
		return 0, "connection"
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, ""
}
