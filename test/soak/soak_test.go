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
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	fewEvents = 20_000
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
	events, seed := int(number("SOAK_EVENTS", fewEvents)), number("SOAK_SEED", rand.Uint64())
	plan := schedule{kill: 30 * time.Second, pause: 45 * time.Second, longest: 12 * time.Second}
	if events <= 2*fewEvents {
		plan = schedule{kill: 3 * time.Second, pause: 4 * time.Second, longest: 5 * time.Second, atMost: 6}
	}
	t.Logf("SOAK_EVENTS=%d SOAK_SEED=%d", events, seed)

	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	began := time.Now()
	k := newSink(t, began, events)
	r := s.CreateReceiver("soak", &stack.Sink{URL: k.url})
	r.AwaitReady(workload.DefaultReplicas)
	var urls []string
	for _, p := range r.Replicas() {
		urls = append(urls, r.ReplicaURL(p))
	}
	d := newSender(began, events, r.SigningSecret(), urls)
	c := &chaos{s: s, r: r, began: began, random: rand.New(rand.NewPCG(seed, 2)), plan: plan}
	p := newProgress(t, s, r, d, k, c)

	calm, quiet := make(chan struct{}), make(chan struct{})
	go func() { defer close(quiet); c.run(t, calm) }()
	stopProgress := p.start()
	d.run(stream(seed, events), patience, func() { close(calm); <-quiet })
	g := NewWithT(t)
	g.Eventually(func() (int, error) { return left(t, s) }, patience, often).Should(BeZero(), "events in the inbox")
	g.Eventually(k.count, patience, often).Should(Equal(d.acknowledgedCount()))
	stopProgress()
	expectVerdict(t, events, d, k, c)
}

// left is how many events wait in the inbox.
func left(t *testing.T, s *stack.Stack) (int, error) {
	var list v1alpha1.WebhookEventList
	err := s.Client.List(t.Context(), &list, client.InNamespace(s.Namespace), client.Limit(100))
	return len(list.Items), err
}

func expectVerdict(t *testing.T, events int, d *sender, k *sink, c *chaos) {
	t.Helper()
	counts, examples := map[verdict]int{}, []string{}
	for n := range events {
		h := d.history(n)
		h.offers = k.offers(n)
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
	if counts[unanswered]+counts[lost]+counts[doubled] > 0 {
		t.Errorf("the ledger did not keep its promise")
	}
	NewWithT(t).Expect(c.kills).NotTo(BeEmpty(), "nothing was killed: nothing was tested")
}
