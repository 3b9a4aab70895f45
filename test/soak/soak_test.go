package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	fewEvents = 20_000
	fewRows   = 5_000 // where there is a database as well
	often     = 50 * time.Millisecond
	// patience for what is left in the end: a claim of a killed replica is left to it for 30 s.
	patience = 4 * time.Minute
	shown    = 20 // of the events that something is wrong with
)

func TestMain(m *testing.M) {
	o := controlplane.Options{NoFsync: true}
	if number("SOAK_EVENTS", 0) > 0 {
		// Figures are of durable writes, and there is room for the versions of five minutes.
		o = controlplane.Options{EtcdArgs: []string{"--quota-backend-bytes=8000000000"}}
	}
	stack.Main(m, o)
}

// number reads an environment variable.
func number(name string, otherwise uint64) uint64 {
	n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

func TestSoak(t *testing.T) {
	t.Run("objects", func(t *testing.T) { soak(t, fewEvents, false) })
	t.Run("postgres", func(t *testing.T) { soak(t, fewRows, true) })
}

func soak(t *testing.T, few uint64, inDatabase bool) {
	t.Helper()
	events, seed := int(number("SOAK_EVENTS", few)), number("SOAK_SEED", rand.Uint64())
	plan := planOf(events, inDatabase)
	t.Logf("SOAK_EVENTS=%d SOAK_SEED=%d", events, seed)

	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	began := time.Now()
	k := newSink(t, began, events)
	var db *database
	var edits []func(*v1alpha1.WebhookReceiver)
	if inDatabase {
		db = newDatabase(t, s, postgres.Options{NoFsync: number("SOAK_EVENTS", 0) == 0})
		edits = append(edits, db.use)
	}
	r := s.CreateReceiver("soak", &stack.Sink{URL: k.url}, edits...)
	r.AwaitReady(workload.DefaultReplicas)
	var urls []string
	for _, p := range r.Replicas() {
		urls = append(urls, r.ReplicaURL(p))
	}
	d := newSender(began, events, r.SigningSecret(), urls)
	c := &chaos{
		s: s, r: r, db: db, began: began, random: rand.New(rand.NewPCG(seed, 2)), plan: plan, faults: map[string]int{},
	}
	p := newProgress(t, s, r, d, k, c)

	calm, quiet := make(chan struct{}), make(chan struct{})
	go func() { defer close(quiet); c.run(t, calm) }()
	stopProgress := p.start()
	d.run(stream(seed, events), patience, func() { close(calm); <-quiet })
	g := NewWithT(t)
	left := func() (int, error) { return inboxed(t, s) }
	if db != nil {
		left = func() (int, error) { return db.left(t) }
	}
	g.Eventually(left, patience, often).Should(BeZero(), "what waits")
	g.Eventually(k.count, patience, often).Should(Equal(d.acknowledgedCount()))
	stopProgress()
	expectVerdict(t, events, d, k, c)
	if db != nil {
		db.expectRows(t, events, d)
	}
}

// planOf a run: with few events everything happens soon, and not for long.
func planOf(events int, inDatabase bool) schedule {
	switch {
	case events > 2*fewEvents:
		return schedule{kill: 30 * time.Second, pause: 45 * time.Second, fault: 5 * time.Second, longest: 12 * time.Second}
	case inDatabase:
		return schedule{
			kill: 2 * time.Second, pause: 3 * time.Second, fault: 200 * time.Millisecond, longest: 2 * time.Second, atMost: 8,
		}
	default:
		return schedule{kill: 3 * time.Second, pause: 4 * time.Second, longest: 5 * time.Second, atMost: 6}
	}
}

// inboxed is how many events wait in the inbox.
func inboxed(t *testing.T, s *stack.Stack) (int, error) {
	var list v1alpha1.WebhookEventList
	err := s.Client.List(t.Context(), &list, client.InNamespace(s.Namespace), client.Limit(100))
	return len(list.Items), err
}

func expectVerdict(t *testing.T, events int, d *sender, k *sink, c *chaos) {
	t.Helper()
	counts, examples, disorder := map[verdict]int{}, []string{}, 0
	known := func(n int) history {
		h := d.history(n)
		h.offers = k.offers(n)
		return h
	}
	for n := range events {
		h := known(n)
		for _, earlier := range before(n) {
			if e := known(earlier); overtook(h, e) {
				disorder++
				if disorder <= shown {
					t.Logf("event %d overtook %d: sent at %v and offered %v; that was acknowledged at %v and offered %v",
						n, earlier, h.sent, h.offers, e.acknowledged, e.offers)
				}
			}
		}
		v := judge(h, c.kills)
		counts[v]++
		if v >= late && len(examples) < shown {
			examples = append(examples, fmt.Sprintf("event %d: %s: offers %v, requests broken at %v, refused %t",
				n, v, h.offers, h.broken, h.refused))
		}
	}
	for _, e := range examples {
		t.Log(e)
	}
	t.Logf("kills at %v", c.kills)
	t.Logf("answers %v, %d connections refused, %d events whose request broke", d.statuses,
		d.refusedConnections.Load(), len(d.broken))
	for v := once; v <= doubled; v++ {
		t.Logf("%-22s %d", v, counts[v])
	}
	if len(k.wrong) > 0 {
		t.Errorf("the sink got events that nobody sent: %v", k.wrong[:min(shown, len(k.wrong))])
	}
	t.Logf("%-22s %d", "overtook", disorder)
	if disorder > 0 && c.db != nil {
		t.Error("events overtook earlier ones of their subscription that were waiting")
	}
	if counts[unanswered]+counts[lost]+counts[doubled] > 0 {
		t.Errorf("the ledger did not keep its promise")
	}
	NewWithT(t).Expect(c.kills).NotTo(BeEmpty(), "nothing was killed: nothing was tested")
}
