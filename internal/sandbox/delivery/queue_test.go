package delivery

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func jobTo(url string, done func(bool)) Job {
	return Job{Message: "m", Endpoint: "e", Done: done, Prepare: func(time.Time) (string, http.Header, []byte, bool) {
		return url, http.Header{}, []byte("{}"), true
	}}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	opt := Options{RetryBase: time.Second, RetryMax: time.Minute}
	for attempt, want := range map[int]int{1: 1, 2: 2, 3: 4, 6: 32, 7: 60, 500: 60} {
		NewWithT(t).Expect(backoff(opt, attempt)).To(Equal(time.Duration(want) * time.Second))
	}
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
	q := New(Options{Workers: 3})
	var done sync.WaitGroup
	for range 12 {
		done.Add(1)
		q.Send(jobTo(server.URL, func(ok bool) {
			defer done.Done()
			if !ok {
				t.Error("a job was given up")
			}
		}))
	}
	g.Eventually(most.Load).Should(Equal(int64(3)))
	close(release)
	done.Wait()
	g.Expect(most.Load()).To(Equal(int64(3)))
	g.Expect(q.Close(context.Background())).To(Succeed())
}

func TestJobsAreGivenUpWithAge(t *testing.T) {
	g := NewWithT(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer server.Close()
	var clock atomic.Int64
	q := New(Options{RetryBase: time.Millisecond, GiveUp: time.Hour, Now: func() time.Time {
		return time.Unix(clock.Add(1200), 0)
	}})
	got := make(chan bool, 1)
	q.Send(jobTo(server.URL, func(ok bool) { got <- ok }))
	g.Expect(<-got).To(BeFalse())
	g.Expect(len(q.Attempts())).To(BeNumerically(">", 1))
	g.Expect(q.Close(context.Background())).To(Succeed())
}

func TestCloseEndsWithItsContext(t *testing.T) {
	g := NewWithT(t)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	q := New(Options{})
	q.Send(jobTo(server.URL, nil))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.Expect(q.Close(ctx)).To(MatchError(context.Canceled))
	q.Send(jobTo(server.URL, func(bool) { t.Error("sent after Close") }))
}
