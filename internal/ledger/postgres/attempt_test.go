package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

// Two replicas tell of an event's last deliveries at once: the event is over, and its payload gone.
func TestFinishedTogether(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	kept(t, l, "evt_1", 1, "app", "mail")

	other, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	do := func(sql string) {
		t.Helper()
		_, err := other.Exec(t.Context(), sql)
		g.Expect(err).NotTo(HaveOccurred())
	}
	do("BEGIN")
	do("SELECT FROM kassa.webhook_events WHERE event_id = 'evt_1' FOR NO KEY UPDATE")
	do("DELETE FROM kassa.deliveries WHERE sink = 'mail'")
	answer := make(chan ledger.State, 1)
	go func() {
		s, _ := l.Attempted(context.Background(), ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed})
		answer <- s.State
	}()
	g.Eventually(func() bool {
		return len(answer) > 0 || count(t, url, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
	}, patience, often).Should(BeTrue())
	do("COMMIT")
	g.Eventually(answer, patience).Should(Receive(Equal(ledger.Processed)))
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Processed))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(BeZero())
	g.Expect(other.Close(t.Context())).To(Succeed())
}

// An attempt that is told again, as its answer got lost, is answered as before.
func TestToldAgain(t *testing.T) {
	g := NewWithT(t)
	l := start(t, database(t), "a", time.Hour)
	kept(t, l, "evt_1", 1, "app")
	_, err := l.Keep(t.Context(), workOf("sub_2", "evt_2", 2, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	for range 2 {
		g.Expect(attempted(t, l, ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed})).
			To(Equal(ledger.Processed))
		g.Expect(attempted(t, l, ledger.Attempt{EventID: "evt_2", Sink: "app", Result: ledger.Dead})).
			To(Equal(ledger.Dead))
	}
}

// What is told of an attempt once more, as its answer got lost, or late, is nothing to the hold that began meanwhile.
func TestToldOfAnEarlierHold(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	kept(t, l, "evt_1", 1, "app")
	failed := ledger.Attempt{
		EventID: "evt_1", Sink: "app", Result: ledger.Deferred, Tried: true, Error: "HTTP 500", Next: time.Now(),
	}
	for i := range 3 {
		attempted(t, l, failed)
		due, err := l.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(due).To(ConsistOf(HaveField("Attempts", i+1)))
		attempted(t, l, failed)
		again, err := l.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(BeEmpty(), "it is in hand")
		failed.Hold = due[0].Hold
	}
	// Where the sink took it, that is so.
	attempted(t, l, ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed})
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Processed))
}

// Who leaves before the answer is told nothing of it.
func TestLeavesBeforeTheAnswer(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	kept(t, l, "evt_1", 1, "app")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	for range 200 {
		s, err := l.Attempted(ctx, ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Processed})
		g.Expect(s.State == "").To(Equal(err != nil))
	}
}

// A payload that cannot be read is handed on without it, and holds up no other.
func TestUnreadablePayload(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		_, err := l.Keep(t.Context(), workOf("", id, 1, "app"))
		g.Expect(err).NotTo(HaveOccurred())
	}
	exec(t, url, "UPDATE kassa.deliveries SET holder = '', held_until = NULL")
	exec(t, url, "UPDATE kassa.payloads SET body = '\\x00' WHERE event_id = 'evt_2'")
	due, err := l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(
		And(HaveField("ID", "evt_1"), HaveField("Payload", BeEquivalentTo(`{"id": "evt_1"}`))),
		And(HaveField("ID", "evt_2"), HaveField("Payload", BeEmpty())),
		And(HaveField("ID", "evt_3"), HaveField("Payload", BeEquivalentTo(`{"id": "evt_3"}`)))))
}

// Events are counted, not their deliveries, except by sink.
func TestBacklog(t *testing.T) {
	g := NewWithT(t)
	l := start(t, database(t), "a", time.Hour)
	g.Expect(l.Backlog(t.Context())).To(Equal(ledger.Backlog{BySink: map[string]int{}}))
	first, err := l.Keep(t.Context(), work("evt_waits", 1, "app", "mail"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, id := range []string{"evt_half", "evt_dead"} {
		_, err := l.Keep(t.Context(), workOf("", id, 2, "app", "mail"))
		g.Expect(err).NotTo(HaveOccurred())
	}
	giveUp(t, l, "evt_half", "app")
	giveUp(t, l, "evt_dead", "app")
	giveUp(t, l, "evt_dead", "mail")
	b, err := l.Backlog(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.Oldest).To(BeTemporally("==", first.ReceivedAt))
	b.Oldest = time.Time{}
	g.Expect(b).To(Equal(ledger.Backlog{Pending: 2, Dead: 1, BySink: map[string]int{"app": 1, "mail": 2}}))
}

// Where there is one sink, its deliveries are the events.
func TestBacklogOfOneSink(t *testing.T) {
	g := NewWithT(t)
	l := start(t, database(t), "a", time.Hour)
	for i := range 3 {
		_, err := l.Keep(t.Context(), workOf("", fmt.Sprintf("evt_%d", i), i, "app"))
		g.Expect(err).NotTo(HaveOccurred())
	}
	giveUp(t, l, "evt_0", "app")
	b, err := l.Backlog(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	b.Oldest = time.Time{}
	g.Expect(b).To(Equal(ledger.Backlog{Pending: 2, Dead: 1, BySink: map[string]int{"app": 2}}))
	giveUp(t, l, "evt_1", "app")
	giveUp(t, l, "evt_2", "app")
	g.Expect(l.Backlog(t.Context())).To(Equal(ledger.Backlog{Dead: 3, BySink: map[string]int{}}))
}

// What waits is hurried in several slices, and what somebody has locked is not waited for.
func TestHurry(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	exec(t, url, `INSERT INTO kassa.webhook_events (receiver, event_id, native_type, received_at, state, claimed_by,
		claim_number, claimed_at)
		SELECT 'shop/stripe', 'evt_' || i, 'x', now(), 'Deferred', 'me', i, now() FROM generate_series(1, 2500) i`)
	exec(t, url, `INSERT INTO kassa.deliveries (receiver, event_id, sink, occurred_at, next_attempt_at)
		SELECT receiver, event_id, 'app', now(), now() + interval '1 hour' FROM kassa.webhook_events`)
	other, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = other.Exec(t.Context(), "BEGIN")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = other.Exec(t.Context(), "SELECT FROM kassa.deliveries WHERE event_id = 'evt_7' FOR UPDATE")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.Hurry(t.Context(), "app")).To(Succeed())
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE next_attempt_at > now()")).To(Equal(1))
	g.Expect(other.Close(t.Context())).To(Succeed())
}

// A lease is as long as the settings ask for when it begins, and its holder knows its end.
func TestLeaseFollowsSettings(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	lease := time.Hour
	l := startWith(t, url, postgres.Options{Replica: "a", Lease: func() time.Duration { return lease }})
	began := time.Now()
	k, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k.Until).To(BeTemporally("~", began.Add(lease), patience))
	const hours = "SELECT extract(hour FROM held_until - received_at + interval '1 minute')::int FROM kassa.deliveries " +
		"JOIN kassa.webhook_events USING (receiver, event_id)"
	g.Expect(count(t, url, hours)).To(Equal(1))
	exec(t, url, "UPDATE kassa.deliveries SET held_until = now() - interval '1 second'")
	lease = 3 * time.Hour
	began = time.Now()
	due, err := l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(HaveField("Until", BeTemporally("~", began.Add(lease), patience))))
	g.Expect(count(t, url, hours)).To(Equal(3))
}
