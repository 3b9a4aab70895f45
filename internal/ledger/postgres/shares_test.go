package postgres_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

// sinksSQL has 5,000 events wait for a sink, and 20 later ones for each of two others.
const sinksSQL = `
INSERT INTO kassa.webhook_events (receiver, event_id, native_type, received_at, state, claimed_by, claim_number,
	claimed_at)
SELECT 'shop/stripe', 'evt_' || i, 'x', now(), 'Deferred', 'me', i, now() FROM generate_series(1, 5000) i;
INSERT INTO kassa.deliveries (receiver, event_id, sink, occurred_at, next_attempt_at)
SELECT receiver, event_id, 'many', received_at, now() - interval '1 hour' FROM kassa.webhook_events;
INSERT INTO kassa.deliveries (receiver, event_id, sink, occurred_at, next_attempt_at)
SELECT receiver, event_id, sink, received_at, now() FROM kassa.webhook_events, unnest('{app,mail}'::text[]) AS s (sink)
WHERE claim_number <= 20`

func bySink(t *testing.T, l *postgres.Ledger, limit int, except ...string) map[string]int {
	t.Helper()
	due, err := l.Due(t.Context(), limit, except...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	out := map[string]int{}
	for _, d := range due {
		out[d.Sink]++
	}
	return out
}

// Each sink has its part of what is due, however much waits for another one, and none if it was left out.
func TestDueOfEachSink(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	exec(t, url, sinksSQL)
	g.Expect(bySink(t, l, 8)).To(Equal(map[string]int{"many": 8, "app": 8, "mail": 8}))
	g.Expect(bySink(t, l, 8, "many", "none")).To(Equal(map[string]int{"app": 8, "mail": 8}))
	g.Expect(bySink(t, l, 8, "mail", "many")).To(Equal(map[string]int{"app": 4}))
	g.Expect(bySink(t, l, 8, "many", "mail")).To(BeEmpty())
	g.Expect(bySink(t, l, 100)).To(Equal(map[string]int{"many": 100, "mail": 4}))
}

// What was taken in hand by an answer that got lost is due again once its lease is over.
func TestDueLosesItsAnswer(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	link := sharedServer(t).NewLink(t)
	l := start(t, link.Through(url), "a", time.Second)
	w := work("evt_1", 1, "app")
	w.Later = true
	_, err := l.Keep(t.Context(), w)
	g.Expect(err).NotTo(HaveOccurred())
	end := link.LoseAnswers()
	const held = "SELECT COALESCE(extract(epoch FROM max(held_until)) * 1000, 0)::bigint FROM kassa.deliveries"
	g.Eventually(func(g Gomega) {
		before := count(t, url, held)
		_, err := l.Due(t.Context(), 10)
		g.Expect(err).To(MatchError(ledger.ErrUnavailable))
		g.Expect(count(t, url, held)).To(BeNumerically(">", before))
	}, patience, often).Should(Succeed())
	end()
	g.Eventually(func() []ledger.Delivery {
		due, _ := l.Due(t.Context(), 10)
		return due
	}, patience, often).Should(ConsistOf(HaveField("ID", "evt_1")))
}

// previousDueSQL is how the version before the mark takes what is due.
const previousDueSQL = `
WITH due AS (
	SELECT event_id, sink FROM kassa.deliveries AS d
	WHERE receiver = 'shop/stripe' AND NOT dead AND next_attempt_at <= now()
		AND (held_until IS NULL OR held_until < now())
		AND CASE WHEN order_key = '' THEN true ELSE event_id = (SELECT event_id FROM kassa.deliveries AS o
			WHERE o.receiver = 'shop/stripe' AND o.sink = d.sink AND o.order_key = d.order_key AND NOT o.dead
			ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1) END
	ORDER BY next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED
)
UPDATE kassa.deliveries AS t SET holder = 'before', held_until = now() + interval '1 minute' FROM due
WHERE t.receiver = 'shop/stripe' AND t.event_id = due.event_id AND t.sink = due.sink`

// While a rollout lasts, a replica of the version before finds what is due among what this one marked, in its order,
// and this one finds what the other one left behind nothing.
func TestDueBesideTheVersionBefore(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	a := start(t, url, "a", time.Hour)
	for i := range 3 {
		w := work(fmt.Sprintf("evt_%d", i), i, "app")
		w.Later = i == 0
		_, err := a.Keep(t.Context(), w)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE behind")).To(Equal(2))
	const held = "SELECT count(*) FROM kassa.deliveries WHERE holder = 'before' AND event_id = '%s'"
	for _, id := range []string{"evt_0", "evt_1"} {
		exec(t, url, previousDueSQL)
		g.Expect(count(t, url, fmt.Sprintf(held, id))).To(Equal(1))
		g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries WHERE holder <> ''")).To(Equal(1))
		exec(t, url, "DELETE FROM kassa.deliveries WHERE holder = 'before'")
	}
	b := start(t, url, "b", time.Hour)
	g.Eventually(func() []ledger.Delivery {
		due, err := b.Due(t.Context(), 10)
		g.Expect(err).NotTo(HaveOccurred())
		return due
	}, patience, often).Should(ConsistOf(HaveField("ID", "evt_2")))
}
