package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

const (
	patience = 30 * time.Second
	often    = 5 * time.Millisecond
)

// start runs a replica on a database.
func start(t testing.TB, url, name string, lease time.Duration) *postgres.Ledger {
	t.Helper()
	return startWith(t, url, postgres.Options{Replica: name, ClaimTimeout: lease})
}

func startWith(t testing.TB, url string, o postgres.Options) *postgres.Ledger {
	t.Helper()
	db := &store.DB{}
	if err := db.Set(store.Address{DSN: url}); err != nil {
		t.Fatal(err)
	}
	o.DB, o.Receiver, o.CommitTimeout = db, "shop/stripe", patience
	o.Retention = func() time.Duration { return 72 * time.Hour }
	l, err := postgres.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; db.Close() })
	NewWithT(t).Eventually(l.Ready, patience, often).Should(Succeed())
	return l
}

var account = records.Account{Provider: billing.Stripe, ID: "acct_1"}

// work is a payment that sinks have to get.
func work(id string, second int, sinks ...string) ledger.Work {
	return workOf("sub_1", id, second, sinks...)
}

func workOf(key, id string, second int, sinks ...string) ledger.Work {
	at := time.Unix(1_800_000_000+int64(second), 0)
	e := &billing.Event{ID: id, Type: billing.PaymentSucceeded, Time: at, Payment: &billing.EventPayment{
		ID: "pi_" + id, Money: billing.Money{Minor: 2900, Currency: "USD"}, Status: billing.PaymentStatusSucceeded,
	}}
	return ledger.Work{
		Event: ledger.Event{ID: id, Type: "invoice.paid"}, Account: account, Kind: e.Type, OccurredAt: at,
		Records: records.Of(account, e), Payload: []byte(`{"id": "` + id + `"}`), OrderKey: key, Sinks: sinks,
	}
}

func count(t testing.TB, url, sql string) (n int) {
	t.Helper()
	g := NewWithT(t)
	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(conn.QueryRow(t.Context(), sql).Scan(&n)).To(Succeed())
	g.Expect(conn.Close(t.Context())).To(Succeed())
	return n
}

func attempted(t testing.TB, l *postgres.Ledger, a ledger.Attempt) ledger.State {
	t.Helper()
	told, err := l.Attempted(t.Context(), a)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return told.State
}

func state(t testing.TB, l *postgres.Ledger, id string) ledger.State {
	t.Helper()
	c, err := l.Claim(t.Context(), ledger.Event{ID: id, Type: "invoice.paid"})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c.State
}

// An event is kept once, with its records and with what sinks have to get. It is over when they got it, or were given
// up.
func TestKeep(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)

	kept, err := l.Keep(t.Context(), work("evt_1", 1, "app", "mail"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept).To(And(HaveField("Outcome", ledger.Won), HaveField("Behind", BeEmpty())))
	again, err := l.Keep(t.Context(), work("evt_1", 1, "app", "mail"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Claim).To(Equal(ledger.Claim{
		Outcome: ledger.Duplicate, State: ledger.Deferred, ReceivedAt: kept.ReceivedAt,
	}))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payments")).To(Equal(1))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE holder <> ''")).To(Equal(2))

	app := ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed}
	g.Expect(attempted(t, l, app)).To(Equal(ledger.Deferred))
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Deferred))
	attempted(t, l, ledger.Attempt{
		EventID: "evt_1", Sink: "mail", Result: ledger.Deferred, Tried: true, Error: "HTTP 500", Next: time.Now(),
	})
	due, err := l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(And(HaveField("ID", "evt_1"), HaveField("Sink", "mail"), HaveField("Attempts", 1),
		HaveField("Type", "invoice.paid"), HaveField("Kind", billing.PaymentSucceeded),
		HaveField("Payload", BeEquivalentTo(`{"id": "evt_1"}`)))))
	mail := ledger.Attempt{EventID: "evt_1", Sink: "mail", Result: ledger.Processed}
	g.Expect(attempted(t, l, mail)).To(Equal(ledger.Processed))
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Processed))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(BeZero())

	// Nobody has to get this one.
	kept, err = l.Keep(t.Context(), work("evt_2", 2))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept.Outcome).To(Equal(ledger.Won))
	g.Expect(state(t, l, "evt_2")).To(Equal(ledger.Processed))

	// This one is given up.
	_, err = l.Keep(t.Context(), work("evt_3", 3, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	attempted(t, l, ledger.Attempt{
		EventID: "evt_3", Sink: "app", Result: ledger.Dead, Tried: true, Next: time.Now(),
	})
	g.Expect(state(t, l, "evt_3")).To(Equal(ledger.Dead))
	due, err = l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(BeEmpty())
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(Equal(1), "it may be replayed")
}

// What a process had in hand when it died is another's once the lease is over, and never before.
func TestLease(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	const lease = 800 * time.Millisecond
	a, b := start(t, url, "a", lease), start(t, url, "b", lease)
	began := time.Now()
	_, err := a.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	due, err := b.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	if time.Since(began) < lease {
		g.Expect(due).To(BeEmpty())
	}
	g.Eventually(func() []ledger.Delivery {
		due, err := b.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		return due
	}, patience, often).Should(HaveLen(1))
	g.Expect(time.Since(began)).To(BeNumerically(">=", lease))
	// The first holder comes back, late: what it says of a failure counts no more, what it delivered does.
	attempted(t, a, ledger.Attempt{
		EventID: "evt_1", Sink: "app", Result: ledger.Dead, Next: time.Now(),
	})
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE NOT dead")).To(Equal(1))
	attempted(t, a, ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed})
	g.Expect(state(t, b, "evt_1")).To(Equal(ledger.Processed))
}

// Of one order key the earliest waits alone, for each sink.
func TestOrderKeys(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	fail := func(id, sink string) {
		t.Helper()
		attempted(t, l, ledger.Attempt{
			EventID: id, Sink: sink, Result: ledger.Deferred, Tried: true, Next: time.Now(),
		})
	}
	_, err := l.Keep(t.Context(), work("evt_2", 2, "app", "mail"))
	g.Expect(err).NotTo(HaveOccurred())
	fail("evt_2", "app")
	attempted(t, l, ledger.Attempt{EventID: "evt_2", Sink: "mail", Result: ledger.Processed})
	later, err := l.Keep(t.Context(), work("evt_3", 3, "app", "mail"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(later.Behind).To(ConsistOf("app"))
	earlier, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(earlier.Behind).To(BeEmpty())
	fail("evt_1", "app")

	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		due, err := l.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(due).To(ConsistOf(And(HaveField("ID", id), HaveField("Sink", "app"))), id)
		attempted(t, l, ledger.Attempt{EventID: id, Sink: "app", OrderKey: "sub_1", Result: ledger.Processed})
	}
}

// Answers that get lost after the commit cost nothing: each event is won once, with one row for each sink.
func TestKeepLosesAnswers(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	link := sharedServer(t).NewLink(t)
	a, b := start(t, link.Through(url), "a", time.Hour), start(t, link.Through(url), "b", time.Hour)
	defer link.LoseAnswers()()
	const events = 60
	won := make(chan bool, 2*events)
	for i := range events {
		for _, l := range []*postgres.Ledger{a, b} {
			go func() {
				k, err := l.Keep(context.Background(), work(fmt.Sprintf("evt_%d", i), i, "app"))
				won <- err == nil && k.Outcome == ledger.Won
			}()
		}
	}
	n := 0
	for range 2 * events {
		if <-won {
			n++
		}
	}
	g.Expect(n).To(Equal(events))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries")).To(Equal(events))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payments")).To(Equal(events))
}
