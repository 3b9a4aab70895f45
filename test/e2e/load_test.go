package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	// between two events of the load.
	between = 50 * time.Millisecond
	// slow is when the receiver stops waiting for the application, and delivers from the inbox.
	slow = 3 * time.Second
)

// load is a provider that sends signed events all the time, and repeats what was not acknowledged.
type load struct {
	b      *bench
	prefix string
	stop   context.CancelFunc
	over   chan struct{}

	mu     sync.Mutex
	events map[string]*sent
	broken map[string]int // attempts without a 200, by what came instead
}

// sent is an event.
type sent struct {
	acknowledged bool
	excused      bool // may be delivered twice: an answer was lost, or the delivery took long
}

func (b *bench) startLoad() *load {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{
		b: b, stop: cancel, over: make(chan struct{}), prefix: fmt.Sprintf("evt_e2e%x", time.Now().UnixMilli()),
		events: map[string]*sent{}, broken: map[string]int{},
	}
	go l.run(ctx)
	b.t.Cleanup(cancel)
	b.sayf("one signed event every %s from now on", between)
	return l
}

func (l *load) run(ctx context.Context) {
	defer close(l.over)
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// What is under way when the load ends goes on.
		under.Go(func() { l.deliver(context.WithoutCancel(ctx), fmt.Sprintf("%s_%06d", l.prefix, n)) })
	}
}

// deliver sends an event until it is acknowledged, as a provider does.
func (l *load) deliver(ctx context.Context, id string) {
	l.mu.Lock()
	e := &sent{}
	l.events[id] = e
	l.mu.Unlock()
	body, end := stack.Event(id), time.Now().Add(patience)
	for pause := 500 * time.Millisecond; time.Now().Before(end); pause = min(2*pause, 4*time.Second) {
		began := time.Now()
		status, err := l.send(ctx, body)
		l.mu.Lock()
		e.acknowledged = status == http.StatusOK
		unsent := errors.Is(err, errNotSent)
		e.excused = e.excused || err != nil && !unsent || time.Since(began) > slow
		switch {
		case unsent:
			l.broken["no connection"]++
		case err != nil:
			l.broken["no answer"]++
		case status != http.StatusOK:
			l.broken[fmt.Sprintf("HTTP %d", status)]++
		}
		l.mu.Unlock()
		if status == http.StatusOK {
			return
		}
		<-time.After(pause/2 + rand.N(pause/2))
	}
}

// send signs with the secret that there is now: a provider signs with that of the endpoint that it calls.
func (l *load) send(ctx context.Context, body []byte) (status int, err error) {
	secret, err := l.b.signingSecret(ctx)
	if err != nil {
		return 0, errors.Join(errNotSent, err)
	}
	header := http.Header{
		"Stripe-Signature": {stripe.Sign(secret, time.Now(), body)}, "Content-Type": {"application/json"},
	}
	a, err := l.b.ask(http.MethodPost, "http://stripe-receiver.shop.svc/stripe", header, string(body))
	return a.status, err
}

func (b *bench) signingSecret(ctx context.Context) (string, error) {
	secret := &corev1.Secret{}
	err := b.client.Get(ctx, types.NamespacedName{Namespace: shop, Name: "stripe-signing"}, secret)
	return string(secret.Data["signing-secret"]), err
}

// acknowledged counts.
func (l *load) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.events {
		if e.acknowledged {
			n++
		}
	}
	return n
}

// repeat sends events again that were acknowledged, as providers do: they must be known.
func (l *load) repeat(events int) {
	l.b.t.Helper()
	l.mu.Lock()
	var ids []string
	for id, e := range l.events {
		if e.acknowledged && len(ids) < events {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	for _, id := range ids {
		l.b.Eventually(func() (int, error) { return l.send(l.b.t.Context(), stack.Event(id)) }).
			Should(Equal(http.StatusOK), "an answer to an event that is repeated")
	}
}

// goesOn waits until so many more events were acknowledged, so that what was done was done under load.
func (l *load) goesOn(events int) {
	l.b.t.Helper()
	least := l.acknowledged() + events
	l.b.Eventually(l.acknowledged).Should(BeNumerically(">=", least), "events that are acknowledged")
}

// expectNothingLost ends the load, and looks for each event at the application.
func (l *load) expectNothingLost() {
	l.b.t.Helper()
	l.stop()
	<-l.over
	var unanswered, missing, twice, excused []string
	l.b.Eventually(func(g Gomega) {
		deliveries := l.deliveries(g)
		unanswered, missing, twice, excused = nil, nil, nil, nil
		for id, e := range l.events {
			switch n := deliveries[id]; {
			case !e.acknowledged:
				unanswered = append(unanswered, id)
			case n == 0:
				missing = append(missing, id)
			case n > 1 && e.excused:
				excused = append(excused, id)
			case n > 1:
				twice = append(twice, id)
			}
		}
		g.Expect(few(missing)).To(BeEmpty(), "of %d events that were acknowledged, and did not reach the application",
			len(missing))
	}).Should(Succeed())
	l.b.sayf("load: %d events, %d unanswered, %d missing, %d delivered twice, %d twice after a lost or late answer; "+
		"attempts that were repeated: %v", len(l.events), len(unanswered), len(missing), len(twice), len(excused), l.broken)
	l.b.Expect(few(unanswered)).To(BeEmpty(), "events that nobody acknowledged")
	l.b.Expect(few(twice)).To(BeEmpty(), "events that were delivered twice without a reason")
}

// few are enough to look for in logs.
func few(ids []string) []string { return ids[:min(len(ids), 10)] }

// deliveries by the event's id at the provider, which is the end of that at the application.
func (l *load) deliveries(g Gomega) map[string]int {
	out := map[string]int{}
	for id, n := range l.b.appEvents(g).Deliveries {
		if at := strings.LastIndex(id, l.prefix); at >= 0 {
			out[id[at:]] += n
		}
	}
	return out
}
