package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// What is due is found on a server that took over, though no event comes. Due alone never gives up a connection to one
// that only reads.
func TestDueAfterAFailover(t *testing.T) {
	g := NewWithT(t)
	l := startReady(t, database(t), patience)
	kept(t, l.Ledger, "evt_1", 1, "app")
	attempted(t, l.Ledger, ledger.Attempt{EventID: "evt_1", Sink: "app", Result: ledger.Deferred, Next: time.Now()})
	pool, err := l.db.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	for _, conn := range pool.AcquireAllIdle(t.Context()) {
		_, err := conn.Exec(t.Context(), "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
		g.Expect(err).NotTo(HaveOccurred())
		conn.Release()
	}
	g.Eventually(func() []ledger.Delivery {
		due, _ := l.Due(t.Context(), 10)
		return due
	}, 5*time.Second, 100*time.Millisecond).Should(HaveLen(1))
}

// What kept the ledger from its database before it was ready is no reason of what fails later.
func TestTroubleEndsWhenReady(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	link := sharedServer(t).NewLink(t)
	end := link.Outage()
	l := startAny(t, link.Through(url), short)
	g.Eventually(l.Ready, patience, often).Should(MatchError(ContainSubstring("cannot be reached")))
	end()
	g.Eventually(l.Ready, patience, often).Should(Succeed())
	defer link.Silence()()
	_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).To(MatchError(HaveSuffix("the database did not answer in time")))
}

// A database that needs 50 ms for each event takes some of what comes all the same.
func TestSlowDatabase(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, 3*time.Second)
	exec(t, url, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "+
		"'BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END'")
	exec(t, url, `CREATE TRIGGER slow BEFORE INSERT ON kassa.webhook_events FOR EACH ROW EXECUTE FUNCTION slow()`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var senders sync.WaitGroup
	var mu sync.Mutex
	took := 0
	for i := range 400 { // as a provider with so many requests at a time, each repeated until it is answered
		senders.Go(func() {
			for ctx.Err() == nil {
				if _, err := l.Keep(ctx, workOf("", fmt.Sprintf("evt_%d", i), i, "app")); err == nil {
					mu.Lock()
					took++
					mu.Unlock()
					return
				}
			}
		})
	}
	senders.Wait()
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.webhook_events")).To(BeNumerically(">", 40))
	t.Logf("%d were answered", took)
}
