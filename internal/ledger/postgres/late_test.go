package postgres_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

// short is how long Keep waits in these tests.
const short = 300 * time.Millisecond

// late is an event whose call is told if it was kept too late.
func late(id string, told *atomic.Int64) ledger.Work {
	w := work(id, 1, "app")
	w.Late = func(time.Time) { told.Add(1) }
	return w
}

// A commit that took longer than Keep waited is told once: not to the repetitions, which find the event there at
// whichever replica.
func TestLateCommit(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	a, b := startReady(t, url, short), startReady(t, url, patience)
	exec(t, url, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END'")
	exec(t, url, `CREATE TRIGGER slow BEFORE INSERT ON kassa.webhook_events FOR EACH ROW EXECUTE FUNCTION slow()`)
	var first, again atomic.Int64
	_, err := a.Keep(t.Context(), late("evt_1", &first))
	g.Expect(errors.Is(err, ledger.ErrUnavailable)).To(BeTrue())
	g.Expect(first.Load()).To(BeZero())
	repeated := func(l *postgres.Ledger) {
		kept, err := l.Keep(t.Context(), late("evt_1", &again))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kept.Outcome).To(Equal(ledger.Duplicate))
	}
	repeated(b.Ledger)
	exec(t, url, "DROP TRIGGER slow ON kassa.webhook_events")
	repeated(a.Ledger)
	g.Eventually(first.Load, patience, often).Should(BeEquivalentTo(1))
	g.Consistently(first.Load, 3*time.Second, often).Should(BeEquivalentTo(1))
	g.Expect(again.Load()).To(BeZero())
}

// So is one whose answer never came, once the database can be asked. What never got there is not.
func TestLateAnswerIsLost(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	link := sharedServer(t).NewLink(t)
	l := startReady(t, link.Through(url), short)
	_, err := l.Keep(t.Context(), work("evt_0", 0, "app")) // its statements are prepared, and are sent at once
	g.Expect(err).NotTo(HaveOccurred())
	var kept, lost atomic.Int64
	end := link.Silence()
	_, err = l.Keep(t.Context(), late("evt_1", &kept))
	g.Expect(errors.Is(err, ledger.ErrUnavailable)).To(BeTrue())
	g.Eventually(func() int { return count(t, url, "SELECT count(*) FROM kassa.webhook_events") }, patience, often).
		Should(Equal(2))
	end()
	g.Eventually(kept.Load, patience, often).Should(BeEquivalentTo(1))

	end = link.Outage()
	_, err = l.Keep(t.Context(), late("evt_2", &lost))
	g.Expect(errors.Is(err, ledger.ErrUnavailable)).To(BeTrue())
	g.Consistently(lost.Load, 2*time.Second, often).Should(BeZero(), "until it is sent no more")
	end()
	g.Consistently(lost.Load, 3*time.Second, often).Should(BeZero())
	g.Expect(kept.Load()).To(BeEquivalentTo(1))
}
