package delivery

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/clock"
)

// jobTo is a job whose report goes to a channel.
func jobTo(url string, reports chan<- Outcome) Job {
	return Job{
		Message: "m", Endpoint: "e",
		Prepare: func(time.Time) (string, http.Header, []byte, bool) {
			return url, http.Header{}, []byte("{}"), url != ""
		},
		Report: func(o Outcome) { reports <- o },
	}
}

// next is the next report, which has to come.
func next(t *testing.T, reports <-chan Outcome) Outcome {
	t.Helper()
	select {
	case o := <-reports:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is reported")
		return Outcome{}
	}
}

// answering is an endpoint that answers with a status, and counts.
func answering(t *testing.T, status int) (url string, got *atomic.Int64) {
	t.Helper()
	got = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		w.Header().Set("Content-Type", "text/x")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("no"))
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func newQueue(t *testing.T, opt Options) *Queue {
	t.Helper()
	q := New(opt)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := q.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return q
}

func TestConcurrencyIsBounded(t *testing.T) {
	g := NewWithT(t)
	var now, most atomic.Int64
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		<-release
		now.Add(-1)
	}))
	defer server.Close()
	q := newQueue(t, Options{Workers: 3})
	reports := make(chan Outcome, 12)
	for range 12 {
		q.Send(jobTo(server.URL, reports))
	}
	g.Eventually(most.Load).Should(Equal(int64(3)))
	close(release)
	for range 12 {
		g.Expect(next(t, reports).Delivered).To(BeTrue())
	}
	g.Expect(most.Load()).To(Equal(int64(3)))
}

// The waits of a schedule run on the clock: nothing happens before, and an advance makes it happen at once.
func TestAScheduleRunsOnTheClock(t *testing.T) {
	g := NewWithT(t)
	c := clock.New(nil)
	q := newQueue(t, Options{Clock: c})
	url, got := answering(t, 500)
	reports := make(chan Outcome, 3)
	job := jobTo(url, reports)
	job.Retries = Schedule{time.Hour, 2 * time.Hour}
	q.Send(job)
	first := next(t, reports)
	g.Expect([]any{first.Attempt.Attempt, first.Status, first.ContentType, first.Body, first.Final()}).
		To(Equal([]any{1, 500, "text/x", "no", false}))
	g.Expect(first.Retry.Sub(first.Time)).To(BeNumerically("~", time.Hour, time.Minute))

	c.Advance(50 * time.Minute)
	g.Consistently(got.Load, "50ms").Should(Equal(int64(1)))
	c.Advance(11 * time.Minute)
	g.Expect(next(t, reports).Final()).To(BeFalse())
	c.SetRate(1e9)
	last := next(t, reports)
	g.Expect([]any{last.Attempt.Attempt, last.Final(), last.Delivered}).To(Equal([]any{3, true, false}))
	g.Expect(q.Totals()).To(Equal([]Totals{{
		Endpoint: "e", Messages: 1, Attempts: 3, GivenUp: 1, Statuses: map[int]int64{500: 3},
	}}))
}

func TestWhatCountsAsDelivered(t *testing.T) {
	for _, c := range []struct {
		status    int
		exactlyOK bool
		want      bool
	}{
		{200, false, true}, {204, false, true}, {200, true, true}, {204, true, false}, {302, false, false},
		{400, false, false}, {503, false, false},
	} {
		url, _ := answering(t, c.status)
		q := newQueue(t, Options{})
		reports := make(chan Outcome, 1)
		job := jobTo(url, reports)
		job.ExactlyOK, job.Retries = c.exactlyOK, Schedule{}
		q.Send(job)
		NewWithT(t).Expect(next(t, reports).Delivered).To(Equal(c.want), "%+v", c)
	}
}

func TestAnEndpointThatIsGoneEndsTheJob(t *testing.T) {
	g := NewWithT(t)
	q := newQueue(t, Options{})
	reports := make(chan Outcome, 1)
	q.Send(jobTo("", reports))
	o := next(t, reports)
	g.Expect([]bool{o.Gone(), o.Final(), o.Delivered}).To(Equal([]bool{true, true, false}))
	g.Expect(q.Attempts()).To(BeEmpty())
}

func TestAJobsOwnTimeLimit(t *testing.T) {
	g := NewWithT(t)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	q := newQueue(t, Options{})
	reports := make(chan Outcome, 1)
	job := jobTo(server.URL, reports)
	job.Timeout, job.Retries = 20*time.Millisecond, Schedule{}
	q.Send(job)
	o := next(t, reports)
	g.Expect([]any{o.Status, o.Error}).To(Equal([]any{0, "timeout"}))
}

// recorder remembers the order in which messages arrive.
type recorder struct {
	mu  sync.Mutex
	got []string
}

func (r *recorder) job(url, message string) Job {
	return Job{Message: message, Endpoint: "e", Prepare: func(time.Time) (string, http.Header, []byte, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, message)
		return url, http.Header{}, nil, true
	}}
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func TestMessagesCanBeRepeated(t *testing.T) {
	g := NewWithT(t)
	url, got := answering(t, 200)
	q := newQueue(t, Options{})
	var r recorder
	q.Send(r.job(url, "a"))
	q.Send(r.job(url, "b"))
	g.Eventually(got.Load).Should(Equal(int64(2)))
	g.Expect(q.Repeat("a", "")).To(Equal(1))
	g.Expect(q.Repeat("a", "e")).To(Equal(1), "what was repeated is not counted twice")
	g.Expect([]int{q.Repeat("a", "f"), q.Repeat("c", "")}).To(Equal([]int{0, 0}))
	g.Eventually(func() int { return len(q.Attempts()) }).Should(Equal(4))
	last := q.Attempts()[3]
	g.Expect([]any{last.Message, last.Repeated, last.Attempt}).To(Equal([]any{"a", true, 1}))
	g.Expect(q.Totals()[0].Messages).To(Equal(int64(2)))
}

func TestHeldMessagesAreReleasedInAnOrder(t *testing.T) {
	url, _ := answering(t, 200)
	for order, want := range map[Order]string{AsSent: "abcdefgh", Reversed: "hgfedcba", Shuffled: ""} {
		g := NewWithT(t)
		q := newQueue(t, Options{})
		var r recorder
		q.Hold()
		for _, m := range "abcdefgh" {
			q.Send(r.job(url, string(m)))
		}
		g.Consistently(r.all, "30ms").Should(BeEmpty())
		g.Expect(q.Release(order, 7)).To(Equal(8))
		g.Eventually(r.all).Should(HaveLen(8))
		got := strings.Join(r.all(), "")
		if want == "" {
			g.Expect(got).NotTo(Equal("abcdefgh"))
			continue
		}
		g.Expect(got).To(Equal(want))
		q.Send(r.job(url, "z"))
		g.Eventually(r.all).Should(HaveLen(9), "the hold has ended")
	}
}

// What is remembered does not grow with what is sent.
func TestMemoryIsBounded(t *testing.T) {
	g := NewWithT(t)
	l := newLog()
	for i := range 5 * attemptLog {
		message := strconv.Itoa(i)
		l.sent(Job{Message: message, Endpoint: "e"})
		l.tried(Outcome{Attempt: Attempt{Message: message, Endpoint: "e", Status: 200}, Delivered: true})
	}
	g.Expect(len(l.attempts)).To(And(BeNumerically(">=", attemptLog), BeNumerically("<=", 2*attemptLog)))
	g.Expect(cap(l.attempts)).To(BeNumerically("<=", 3*attemptLog))
	g.Expect(len(l.jobs)).To(And(BeNumerically(">=", sentLog), BeNumerically("<=", 2*sentLog)))
	g.Expect(l.attempts[len(l.attempts)-1].Message).To(Equal(strconv.Itoa(5*attemptLog - 1)))
	g.Expect(l.of("", "e").Delivered).To(Equal(int64(5 * attemptLog)))
}

func TestDiscardEndsEverything(t *testing.T) {
	g := NewWithT(t)
	c := clock.New(nil)
	q := newQueue(t, Options{Clock: c})
	url, got := answering(t, 500)
	reports := make(chan Outcome, 10)
	job := jobTo(url, reports)
	job.Retries = Schedule{time.Hour}
	q.Send(job)
	next(t, reports)
	q.Hold()
	q.Send(job)
	q.Discard()
	g.Expect(q.Attempts()).To(BeEmpty())
	g.Expect(q.Totals()).To(BeEmpty())
	c.Advance(2 * time.Hour)
	g.Expect(q.Release(AsSent, 0)).To(BeZero())
	g.Expect(q.Repeat("m", "")).To(BeZero())
	g.Consistently(got.Load, "50ms").Should(Equal(int64(1)))
	q.Send(job)
	g.Expect(next(t, reports).Attempt.Attempt).To(Equal(1), "the queue goes on")
}

func TestCloseEndsWithItsContext(t *testing.T) {
	g := NewWithT(t)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	q := New(Options{})
	reports := make(chan Outcome, 2)
	q.Send(jobTo(server.URL, reports))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.Expect(q.Close(ctx)).To(MatchError(context.Canceled))
	q.Send(jobTo(server.URL, reports))
	g.Consistently(reports, "30ms").ShouldNot(Receive(), "sent after Close")
}

func TestSchedules(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Quick[:8]).To(Equal(Schedule{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}))
	g.Expect(Quick.Total()).To(BeNumerically("~", 72*time.Hour, time.Minute))
	g.Expect(Schedule{time.Hour, time.Minute}.Faster(60)).To(Equal(Schedule{time.Minute, time.Second}))
}
