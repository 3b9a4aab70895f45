package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
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
		answer <- s
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
