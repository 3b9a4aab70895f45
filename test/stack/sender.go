package stack

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
)

const (
	// Persistence is how long a sender repeats an event. A claim of a killed replica is left to it for 30 s.
	Persistence = 75 * time.Second
	// longestPause of a sender, or half of it: a storm of repetitions is not what is tested here.
	longestPause = time.Second
)

// Sender sends events as Stripe does: each again and again until the answer is 200.
type Sender struct {
	// Live is asked for the signing secret at each attempt, if there is one.
	Live func() string

	r      *Receiver
	secret string
	prefix string
	next   atomic.Int64
	all    sync.WaitGroup

	mu sync.Mutex
	Outcome
}

// Outcome is what became of the events, and may be looked at after Wait, or before it in Look.
type Outcome struct {
	Accepted map[string]bool
	Refused  map[string]bool // got an answer other than 200
	Broken   map[string]bool // a request was under way when its connection broke
	Nobody   int             // attempts that found nobody who listened
	Statuses map[int]int
	Answers  []Answer // other than 200
}

// Sender is one whose events' ids begin with evt_, the prefix and _.
func (r *Receiver) Sender(prefix string) *Sender {
	return &Sender{r: r, secret: r.SigningSecret(), prefix: prefix, Outcome: Outcome{
		Accepted: map[string]bool{}, Refused: map[string]bool{}, Broken: map[string]bool{}, Statuses: map[int]int{},
	}}
}

// Wait waits until the sender repeats nothing any more.
func (d *Sender) Wait() { d.all.Wait() }

// Sent is how many events were started.
func (d *Sender) Sent() int { return int(d.next.Load()) }

// Look shows what became of the events so far; nothing changes until look returns.
func (d *Sender) Look(look func(Outcome)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	look(d.Outcome)
}

// Start sends a new event in the background; to chooses where an attempt goes.
func (d *Sender) Start(to func() string) {
	id := fmt.Sprintf("evt_%s_%04d", d.prefix, d.next.Add(1))
	body := Event(id)
	d.all.Go(func() {
		pause := 50 * time.Millisecond
		for deadline := time.Now().Add(Persistence); time.Now().Before(deadline); {
			if d.Attempt(id, to(), body) {
				return
			}
			<-time.After(pause + rand.N(pause))
			pause = min(2*pause, longestPause)
		}
	})
}

// Attempt posts the event once, and says whether it was acknowledged.
func (d *Sender) Attempt(id, to string, body []byte) bool {
	secret := d.secret
	if d.Live != nil {
		secret = d.Live()
	}
	signature := stripe.Sign(secret, time.Now(), body)
	answer, err := d.r.Post(to, bytes.NewReader(body), signature)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		d.Nobody++
	case err != nil || answer.Status == http.StatusBadGateway && strings.HasPrefix(answer.Body, "local node:"):
		d.Broken[id] = true
	case answer.Status == http.StatusOK:
		d.Statuses[answer.Status]++
		d.Accepted[id] = true
		return true
	default:
		d.Statuses[answer.Status]++
		d.Refused[id] = true
		d.Answers = append(d.Answers, answer)
	}
	return false
}

// Load starts events at a rate until the returned function is called. It does not wait for answers.
func (d *Sender) Load(perSecond int, to func() string) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				d.Start(to)
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-done })
}

// AnyReplica spreads attempts over replicas that were there at the time of the call.
func (r *Receiver) AnyReplica() func() string {
	var urls []string
	for _, p := range r.Replicas() {
		urls = append(urls, r.ReplicaURL(p))
	}
	return func() string { return urls[rand.N(len(urls))] }
}

// ExpectDelivered waits for the senders and compares with the sink: every event was accepted and has come, and none
// twice but those for which doubled says that it may.
func (d *Sender) ExpectDelivered(t *testing.T, sink *Sink, doubled func(id string) bool) {
	t.Helper()
	g := NewWithT(t)
	d.Wait()
	sent := d.Sent()
	g.Expect(sent).To(BeNumerically(">", 50), "too few events for a test")
	g.Expect(d.Accepted).To(HaveLen(sent), "not every event was acknowledged in the end; answers %v", d.Statuses)
	want := map[string]string{}
	for id := range d.Accepted {
		want[d.r.s.CloudEventID(id)] = id
	}
	// An event that waits in the inbox was acknowledged before it was delivered.
	g.Eventually(func() int { return len(d.taken(sink)) }, Patience, often).Should(BeNumerically(">=", sent))
	d.r.s.AwaitEmptyInbox()
	twice := 0
	for id, n := range d.taken(sink) {
		event, known := want[id]
		g.Expect(known).To(BeTrue(), "the sink got %s, which nobody sent", id)
		if n > 1 {
			twice++
			g.Expect(doubled(event)).To(BeTrue(), "%s came %d times", id, n)
		}
	}
	t.Logf("%d events, answers %v, %d broken, %d came twice", sent, d.Statuses, len(d.Broken), twice)
}

// taken are this sender's events among those that the sink took.
func (d *Sender) taken(sink *Sink) map[string]int {
	all := sink.Taken()
	maps.DeleteFunc(all, func(id string, _ int) bool { return !strings.Contains(id, "evt_"+d.prefix+"_") })
	return all
}

// WasBroken says whether a request of the event was under way when its connection broke.
func (d *Sender) WasBroken(id string) bool { return d.Broken[id] }

// AwaitEmptyInbox waits until the namespace has no WebhookEvent.
func (s *Stack) AwaitEmptyInbox() {
	s.T.Helper()
	NewWithT(s.T).Eventually(func(g Gomega) {
		var list v1alpha1.WebhookEventList
		g.Expect(s.Client.List(s.T.Context(), &list, client.InNamespace(s.Namespace))).To(Succeed())
		g.Expect(list.Items).To(BeEmpty())
	}, Patience, often).Should(Succeed())
}

// AwaitTotals waits until the receiver's status shows these totals.
func (r *Receiver) AwaitTotals(want v1alpha1.EventTotals) {
	r.s.T.Helper()
	NewWithT(r.s.T).Eventually(func() v1alpha1.EventTotals {
		if now := r.Object().Status.Events; now != nil {
			return *now
		}
		return v1alpha1.EventTotals{}
	}, Patience, often).Should(Equal(want))
}

// Once is each event delivered one time.
func (s *Stack) Once(ids ...string) map[string]int {
	want := map[string]int{}
	for _, id := range ids {
		want[s.CloudEventID(id)] = 1
	}
	return want
}
