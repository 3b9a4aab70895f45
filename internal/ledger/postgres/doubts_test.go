package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/records"
	server "github.com/kassa-dev/kassa/test/postgres"
)

var tieTime = time.Unix(1_800_000_000, 0)

const tieMoment = "0|1800000000000000|5|"

// keepTie keeps two events of a moment that tell a subscription differently.
func keepTie(t *testing.T, l *postgres.Ledger, of records.Account, id string) {
	t.Helper()
	for i, status := range []billing.SubscriptionStatus{billing.StatusActive, billing.StatusPastDue} {
		event := fmt.Sprintf("evt_%s_%s_%d", of.ID, id, i)
		e := &billing.Event{ID: event, Type: billing.SubscriptionUpdated, Time: tieTime,
			Customer: &billing.EventCustomer{ID: "cus_1", UserID: "42"},
			Subscription: &billing.EventSubscription{ID: id, Status: status, PriceID: "price_1", Plan: "pro", Price: "monthly",
				Charge: &billing.EventCharge{Unit: billing.Money{Minor: 2900, Currency: "USD"}, Quantity: 1,
					Interval: billing.Month, Count: 1}},
		}
		_, err := l.Keep(t.Context(), ledger.Work{Event: ledger.Event{ID: event, Type: "x"}, Account: of,
			OccurredAt: tieTime, Records: records.Of(of, e)})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
	}
}

// A receiver is told of the doubts of its own account that are old enough, until they were read: also in vain.
func TestDoubtful(t *testing.T) {
	g, url := NewWithT(t), server.Shared(t).Database(t)
	l := start(t, url, "one", time.Minute)
	for _, id := range []string{"sub_1", "sub_2", "sub_3"} {
		keepTie(t, l, account, id)
	}
	for _, other := range []records.Account{
		{Provider: billing.Stripe, ID: "acct_2"}, {Provider: billing.Paddle, ID: "acct_1"},
	} {
		keepTie(t, l, other, "sub_4")
	}
	doubts := func(before time.Time) []ledger.Doubt {
		out, err := l.Doubtful(t.Context(), account, before, 100)
		g.Expect(err).NotTo(HaveOccurred())
		return out
	}
	g.Expect(doubts(tieTime)).To(BeEmpty(), "too young")
	later := tieTime.Add(time.Second)
	g.Expect(doubts(later)).To(ConsistOf(ledger.Doubt{ID: "sub_1", Moment: tieMoment},
		ledger.Doubt{ID: "sub_2", Moment: tieMoment}, ledger.Doubt{ID: "sub_3", Moment: tieMoment}))
	g.Expect(l.Doubtful(t.Context(), account, later, 2)).To(HaveLen(2))

	g.Expect(l.Read(t.Context(), account, []records.Reading{
		{ID: "sub_1", Moment: tieMoment, At: later, Told: &billing.EventSubscription{
			ID: "sub_1", Status: billing.StatusActive, PriceID: "price_1", Quantity: 3}},
		{ID: "sub_2", Moment: tieMoment, At: later}, // gone
		{ID: "sub_9", Moment: tieMoment, At: later}, // erased meanwhile, say
	})).To(Succeed())
	g.Expect(doubts(later)).To(ConsistOf(ledger.Doubt{ID: "sub_3", Moment: tieMoment}))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.subscriptions")).To(Equal(5))
	rows := `SELECT count(*) FROM kassa.subscriptions WHERE account = 'acct_1' AND customer_id = 'cus_1' AND user_id = '42'
		AND plan = 'pro' AND price = 'monthly' AND unit_minor = 2900 AND currency = 'USD' AND period = 'Month'
		AND period_count = 1 AND provider = 'Stripe' AND `
	g.Expect(count(t, url, rows+"id = 'sub_1' AND status = 'Active' AND quantity = 3")).To(Equal(1))
	g.Expect(count(t, url, rows+"id = 'sub_2' AND status = 'PastDue' AND quantity = 1")).To(Equal(1))
}

// Looking for doubts reads no more than those, whatever is in the table.
func TestDoubtfulIsFoundByItsIndex(t *testing.T) {
	g, url := NewWithT(t), server.Shared(t).Database(t)
	start(t, url, "one", time.Minute)
	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), `INSERT INTO kassa.subscriptions (provider, account, id, version, tied, started_at)
		SELECT 'Stripe', 'acct_1', 'sub_' || i, '0|1800000000000000|5|evt_1', i % 1000 = 0, now()
		FROM generate_series(1, 20000) i`)
	g.Expect(err).NotTo(HaveOccurred())
	for _, after := range []string{"", "ANALYZE kassa.subscriptions"} {
		_, err = conn.Exec(t.Context(), after)
		g.Expect(err).NotTo(HaveOccurred())
		rows, err := conn.Query(t.Context(), "EXPLAIN "+postgres.DoubtfulSQL, "Stripe", "acct_1", "1900000000000000", 100,
			records.MomentLength)
		g.Expect(err).NotTo(HaveOccurred())
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(plan).To(ContainElement(ContainSubstring("subscriptions_tied")), "after %q: %v", after, plan)
	}
	g.Expect(conn.Close(t.Context())).To(Succeed())
}
