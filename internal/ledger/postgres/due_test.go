package postgres_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Due brings what small events say, and of large ones, however well they were compressed, how much it is: whoever has
// room for that asks for it.
func TestDueLeavesOutLargePayloads(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	noise := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	payloads := map[string][]byte{
		"evt_small": []byte(`{"id": "evt_small"}`), "evt_most": noise[:32<<10],
		"evt_text": []byte(strings.Repeat("all the same ", 80_000)), "evt_more": noise[:32<<10+1], "evt_noise": noise,
	}
	for id, payload := range payloads {
		w := workOf(id, id, 1, "app")
		w.Payload, w.Later = payload, true
		_, err := l.Keep(t.Context(), w)
		g.Expect(err).NotTo(HaveOccurred())
	}
	due, err := l.Due(t.Context(), 100)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(HaveLen(len(payloads)))
	for _, d := range due {
		want := payloads[d.ID]
		g.Expect(d.Size).To(Equal(len(want)), d.ID)
		if small := len(want) <= 32<<10; small {
			g.Expect(d.Payload).To(Equal(want), d.ID)
		} else {
			g.Expect(d.Payload).To(BeNil(), d.ID)
		}
		g.Expect(l.Payload(t.Context(), d.ID)).To(Equal(want), d.ID)
	}

	g.Expect(l.Payload(t.Context(), "evt_other")).To(BeNil())
	exec(t, url, "UPDATE kassa.payloads SET body = '\\x00' WHERE event_id = 'evt_text'")
	g.Expect(l.Payload(t.Context(), "evt_text")).To(BeNil())
	exec(t, url, "UPDATE kassa.deliveries SET held_until = now() - interval '1 second' WHERE event_id = 'evt_text'")
	g.Expect(l.Due(t.Context(), 100)).To(ConsistOf(And(
		HaveField("ID", "evt_text"), HaveField("Payload", BeNil()), HaveField("Size", BeZero()))))
}

// However many large payloads the database is slow to give, events find a connection beside them.
func TestPayloadsKeepNoEventWaiting(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, 2*time.Second)
	kept(t, l.Ledger, "evt_0", 0, "app")
	exec(t, url, `ALTER TABLE kassa.payloads RENAME TO stored;
		CREATE VIEW kassa.payloads AS SELECT s.* FROM kassa.stored s, LATERAL (SELECT pg_sleep(60)) AS slow;
		CREATE FUNCTION store() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER store INSTEAD OF INSERT ON kassa.payloads FOR EACH ROW EXECUTE FUNCTION store()`)
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 40 {
		readers.Go(func() { _, _ = l.Payload(ctx, "evt_0") })
	}
	defer readers.Wait()
	defer cancel()
	const reading = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
	g.Eventually(func() int { return count(t, url, reading) }, patience, often).Should(BeNumerically(">", 1))
	kept(t, l.Ledger, "evt_1", 1)
}
