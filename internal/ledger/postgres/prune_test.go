package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

func exec(t *testing.T, url, sql string) {
	t.Helper()
	g := NewWithT(t)
	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), sql)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(conn.Close(t.Context())).To(Succeed())
}

func kept(t *testing.T, l *postgres.Ledger, id string, second int, sinks ...string) {
	t.Helper()
	_, err := l.Keep(t.Context(), work(id, second, sinks...))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

func giveUp(t *testing.T, l *postgres.Ledger, id, sink string) {
	t.Helper()
	attempted(t, l, ledger.Attempt{EventID: id, Sink: sink, Result: ledger.Dead, Tried: true, Next: time.Now()})
}

// An event is forgotten with what was given up of it. What waits, what is younger, other receivers' events, and all
// records stay.
func TestPrune(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	kept(t, l, "evt_old", 1)
	kept(t, l, "evt_dead", 2, "app")
	giveUp(t, l, "evt_dead", "app")
	kept(t, l, "evt_half", 3, "app", "mail")
	giveUp(t, l, "evt_half", "app")
	// At once: the first replica may be about to prune.
	exec(t, url, `UPDATE kassa.webhook_events SET processed_at = now() - interval '73 hours';
		INSERT INTO kassa.webhook_events SELECT 'shop/paddle', event_id, provider, account, native_type, type,
		occurred_at, received_at, processed_at, state, claimed_by, claim_number, claims, claimed_at
		FROM kassa.webhook_events`)
	kept(t, l, "evt_new", 4)

	start(t, url, "b", time.Hour)
	const ours = "SELECT count(*) FROM kassa.webhook_events WHERE receiver = 'shop/stripe'"
	g.Eventually(func() int { return count(t, url, ours) }, patience, often).Should(Equal(2), "evt_half and evt_new")
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries")).To(Equal(2), "those of evt_half")
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(Equal(1))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.webhook_events WHERE receiver = 'shop/paddle'")).To(Equal(3))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payments")).To(Equal(4))
}

// What was given up is due again once it is replayed, of one event, of one sink, or all of it.
func TestReplay(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	for i, id := range []string{"evt_1", "evt_2"} {
		_, err := l.Keep(t.Context(), workOf(id, id, i, "app", "mail"))
		g.Expect(err).NotTo(HaveOccurred())
		giveUp(t, l, id, "app")
		giveUp(t, l, id, "mail")
		g.Expect(state(t, l, id)).To(Equal(ledger.Dead))
	}
	replay := func(of string) int { return count(t, url, "SELECT kassa.replay("+of+")") }
	g.Expect(replay("'shop/paddle'")).To(BeZero())
	g.Expect(replay("'shop/stripe', of_sink => 'none'")).To(BeZero())
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Dead))

	g.Expect(replay("'shop/stripe', 'evt_1', 'mail'")).To(Equal(1))
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Deferred))
	due, err := l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(And(HaveField("ID", "evt_1"), HaveField("Sink", "mail"))))
	mail := ledger.Attempt{EventID: "evt_1", Sink: "mail", Result: ledger.Processed}
	g.Expect(attempted(t, l, mail)).To(Equal(ledger.Dead), "the other sink still has not got it")

	g.Expect(replay("'shop/stripe'")).To(Equal(3))
	due, err = l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(HaveLen(3))
	for _, d := range due {
		attempted(t, l, ledger.Attempt{EventID: d.ID, Sink: d.Sink, Result: ledger.Processed})
	}
	g.Expect(state(t, l, "evt_1")).To(Equal(ledger.Processed))
	g.Expect(state(t, l, "evt_2")).To(Equal(ledger.Processed))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(BeZero())
}
