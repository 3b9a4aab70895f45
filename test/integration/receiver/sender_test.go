// Package receiver tests deployed receivers as real processes: the operator registers and deploys them, a local node
// runs, kills and rolls them, and the sandbox is Stripe.
package receiver

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

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) {
	crlog.SetLogger(logr.Discard())
	stack.Main(m, controlplane.Options{NoFsync: true})
}

const (
	often = 20 * time.Millisecond
	// persistence is how long a sender repeats an event. A claim of a killed replica is left to it for 30 s.
	persistence = 75 * time.Second
	// longestPause of a sender, or half of it: a storm of repetitions is not what is tested here.
	longestPause = time.Second
)

// sender sends events as Stripe does: each again and again until the answer is 200.
type sender struct {
	s      *stack.Stack
	r      *stack.Receiver
	secret string
	live   func() string // asked for the secret instead, if there is one
	prefix string
	next   atomic.Int64
	all    sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]bool
	refused  map[string]bool // got an answer other than 200
	broken   map[string]bool // a request was under way when its connection broke
	nobody   int             // attempts that found nobody who listened
	statuses map[int]int
	answers  []stack.Answer // other than 200
}

func newSender(s *stack.Stack, r *stack.Receiver, prefix string) *sender {
	return &sender{
		s: s, r: r, secret: r.SigningSecret(), prefix: prefix, accepted: map[string]bool{}, refused: map[string]bool{},
		broken: map[string]bool{}, statuses: map[int]int{},
	}
}

// start sends a new event in the background; to chooses where an attempt goes.
func (d *sender) start(to func() string) {
	id := fmt.Sprintf("evt_%s_%04d", d.prefix, d.next.Add(1))
	body := stack.Event(id)
	d.all.Go(func() {
		pause := 50 * time.Millisecond
		for deadline := time.Now().Add(persistence); time.Now().Before(deadline); {
			if d.attempt(id, to(), body) {
				return
			}
			<-time.After(pause + rand.N(pause))
			pause = min(2*pause, longestPause)
		}
	})
}

func (d *sender) attempt(id, to string, body []byte) bool {
	secret := d.secret
	if d.live != nil {
		secret = d.live()
	}
	signature := stripe.Sign(secret, time.Now(), body)
	answer, err := d.r.Post(to, bytes.NewReader(body), signature)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		d.nobody++
	case err != nil || answer.Status == http.StatusBadGateway && strings.HasPrefix(answer.Body, "local node:"):
		d.broken[id] = true
	case answer.Status == http.StatusOK:
		d.statuses[answer.Status]++
		d.accepted[id] = true
		return true
	default:
		d.statuses[answer.Status]++
		d.refused[id] = true
		d.answers = append(d.answers, answer)
	}
	return false
}

// load starts events at a rate until the returned function is called. It does not wait for answers.
func (d *sender) load(perSecond int, to func() string) (stop func()) {
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
				d.start(to)
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-done })
}

// anyReplica spreads attempts over replicas that were there at the time of the call.
func anyReplica(r *stack.Receiver) func() string {
	var urls []string
	for _, p := range r.Replicas() {
		urls = append(urls, r.ReplicaURL(p))
	}
	return func() string { return urls[rand.N(len(urls))] }
}

// expectDelivered waits for the senders and compares with the sink: every event was accepted and has come, and none
// twice but those for which doubled says that it may.
func (d *sender) expectDelivered(t *testing.T, sink *stack.Sink, doubled func(id string) bool) {
	t.Helper()
	g := NewWithT(t)
	d.all.Wait()
	sent := int(d.next.Load())
	g.Expect(sent).To(BeNumerically(">", 50), "too few events for a test")
	g.Expect(d.accepted).To(HaveLen(sent), "not every event was acknowledged in the end; answers %v", d.statuses)
	want := map[string]string{}
	for id := range d.accepted {
		want[d.s.CloudEventID(id)] = id
	}
	// An event that waits in the inbox was acknowledged before it was delivered.
	g.Eventually(func() int { return len(d.taken(sink)) }, stack.Patience, often).Should(BeNumerically(">=", sent))
	noneLeft(t, d.s)
	twice := 0
	for id, n := range d.taken(sink) {
		event, known := want[id]
		g.Expect(known).To(BeTrue(), "the sink got %s, which nobody sent", id)
		if n > 1 {
			twice++
			g.Expect(doubled(event)).To(BeTrue(), "%s came %d times", id, n)
		}
	}
	t.Logf("%d events, answers %v, %d broken, %d came twice", sent, d.statuses, len(d.broken), twice)
}

// taken are this sender's events among those that the sink took.
func (d *sender) taken(sink *stack.Sink) map[string]int {
	all := sink.Taken()
	maps.DeleteFunc(all, func(id string, _ int) bool { return !strings.Contains(id, "evt_"+d.prefix+"_") })
	return all
}

func (d *sender) wasBroken(id string) bool { return d.broken[id] }

// noneLeft waits until the inbox is empty.
func noneLeft(t *testing.T, s *stack.Stack) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		var list v1alpha1.WebhookEventList
		g.Expect(s.Client.List(t.Context(), &list, client.InNamespace(s.Namespace))).To(Succeed())
		g.Expect(list.Items).To(BeEmpty())
	}, stack.Patience, often).Should(Succeed())
}

// expectTotals waits until the receiver's status shows these totals.
func expectTotals(t *testing.T, r *stack.Receiver, want v1alpha1.EventTotals) {
	t.Helper()
	NewWithT(t).Eventually(func() v1alpha1.EventTotals {
		if now := r.Object().Status.Events; now != nil {
			return *now
		}
		return v1alpha1.EventTotals{}
	}, stack.Patience, often).Should(Equal(want))
}

// once is each event delivered one time.
func once(s *stack.Stack, ids ...string) map[string]int {
	want := map[string]int{}
	for _, id := range ids {
		want[s.CloudEventID(id)] = 1
	}
	return want
}
