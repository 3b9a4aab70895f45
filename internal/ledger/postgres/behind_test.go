package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

// crowdSQL has 20,000 events wait for one sink behind the earliest of their key.
const crowdSQL = `
INSERT INTO kassa.webhook_events (receiver, event_id, native_type, received_at, state, claimed_by, claim_number,
	claimed_at)
SELECT 'shop/stripe', 'evt_' || i, 'x', now(), 'Deferred', 'me', i, now() FROM generate_series(1, 20000) i;
INSERT INTO kassa.deliveries (receiver, event_id, sink, order_key, occurred_at, next_attempt_at)
SELECT receiver, event_id, 'app', 'sub_1', received_at + claim_number * interval '1 second', now()
FROM kassa.webhook_events;
ANALYZE kassa.deliveries`

// What waits behind an event is looked at once, and then no more, however much it is.
func TestBehindIsNotLookedAt(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	exec(t, url, crowdSQL)
	due, err := l.Due(t.Context(), 100)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(HaveField("ID", "evt_1")))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE behind")).To(Equal(19_999))

	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	var text []byte
	var plan []explained
	for _, sql := range []string{
		"PREPARE due AS " + postgres.Statements["due"], "BEGIN", postgres.ByKey,
	} {
		_, err = conn.Exec(t.Context(), sql)
		g.Expect(err).NotTo(HaveOccurred())
	}
	const explain = "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE due ('shop/stripe', 'me', 100, 1000, '{}', 65536, 17)"
	g.Expect(conn.QueryRow(t.Context(), explain).Scan(&text)).To(Succeed())
	g.Expect(json.Unmarshal(text, &plan)).To(Succeed())
	g.Expect(plan[0].Plan.rows()).To(BeNumerically("<", 50), "%s", text)
	g.Expect(conn.Close(t.Context())).To(Succeed())

	// The next one of the key follows at once, and the others stay where they are.
	for i := 1; i < 4; i++ {
		told, err := l.Attempted(t.Context(), ledger.Attempt{
			EventID: fmt.Sprintf("evt_%d", i), Sink: "app", OrderKey: "sub_1", Result: ledger.Processed,
		})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(told.Followed).To(BeTrue())
		due, err = l.Due(t.Context(), 100)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(due).To(ConsistOf(HaveField("ID", fmt.Sprintf("evt_%d", i+1))))
	}
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE behind")).To(Equal(19_996))
}

// An event whose earlier one went away unnoticed is found nevertheless.
func TestStrayedIsFound(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	a := start(t, url, "a", time.Hour)
	kept(t, a, "evt_1", 1, "app")
	kept(t, a, "evt_2", 2, "app")
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE behind")).To(Equal(1))
	exec(t, url, "DELETE FROM kassa.deliveries WHERE event_id = 'evt_1'")
	b := start(t, url, "b", time.Hour)
	g.Eventually(func() []ledger.Delivery {
		due, err := b.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		return due
	}, patience, often).Should(ConsistOf(HaveField("ID", "evt_2")))
}

// So are those of more keys than are looked at in one go, and nothing else is set free.
func TestStraysOfManyKeysAreFound(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	exec(t, url, `
INSERT INTO kassa.webhook_events (receiver, event_id, native_type, received_at, state, claimed_by, claim_number,
	claimed_at)
SELECT 'shop/stripe', 'evt_' || i, 'x', now(), 'Deferred', 'me', i, now() FROM generate_series(1, 5000) i;
INSERT INTO kassa.deliveries (receiver, event_id, sink, order_key, occurred_at, next_attempt_at, behind)
SELECT receiver, event_id, 'app', 'sub_' || claim_number / 2, to_timestamp(claim_number), now(), true
FROM kassa.webhook_events`)
	start(t, url, "a", time.Hour)
	const keys = 2501
	g.Eventually(func() int { return count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE NOT behind") },
		patience, often).Should(Equal(keys))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE NOT behind AND event_id IN "+
		"(SELECT event_id FROM kassa.webhook_events WHERE claim_number > 1 AND claim_number % 2 = 1)")).To(BeZero())
}

// What is to be left is in nobody's hands and due at once, and those that come after it in the same transaction keep
// behind it.
func TestLater(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	answers := make(chan error, 20)
	for i := range 20 {
		w := workOf(fmt.Sprintf("sub_%d", i%2), fmt.Sprintf("evt_%02d", i), i, "app", "mail")
		w.Later = i < 2
		go func() {
			k, err := l.Keep(t.Context(), w)
			if err == nil && w.Later && len(k.Behind) != 2 {
				err = fmt.Errorf("%s is in hand", w.ID)
			}
			answers <- err
		}()
	}
	for range 20 {
		g.Expect(<-answers).To(Succeed())
	}
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE holder <> '' AND event_id < 'evt_02'")).
		To(BeZero())
	// Events of a transaction, and of those before it, were received at its time at the latest.
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries d JOIN kassa.webhook_events e USING (event_id) "+
		"JOIN kassa.deliveries o USING (sink, order_key) JOIN kassa.webhook_events f ON f.event_id = o.event_id "+
		"WHERE d.holder <> '' AND o.occurred_at < d.occurred_at AND f.received_at <= e.received_at")).To(BeZero())
	due, err := l.Due(t.Context(), 100)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(ConsistOf(HaveField("ID", "evt_00"), HaveField("ID", "evt_00"), HaveField("ID", "evt_01"),
		HaveField("ID", "evt_01")))
}
