package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

var tieTime = time.Unix(1_800_000_000, 0)

// tie are two events of a second that tell a subscription differently, one of them again as another event, and what the
// provider said when it was asked twice.
func tie() []records.Rows {
	end := tieTime.Add(24 * time.Hour)
	state := func(s billing.SubscriptionStatus) *billing.EventSubscription {
		return &billing.EventSubscription{
			ID: "sub_1", Status: s, Plan: "pro", Price: "monthly", PriceID: "price_1", CurrentPeriodEnd: &end,
			Charge: &billing.EventCharge{Unit: billing.Money{Minor: 2900, Currency: "USD"}, Quantity: 1, Interval: billing.Month,
				Count: 1},
		}
	}
	event := func(id string, s billing.SubscriptionStatus) records.Rows {
		return records.Of(account, &billing.Event{ID: id, Type: billing.SubscriptionUpdated, Time: tieTime,
			Customer: &billing.EventCustomer{ID: "cus_1", UserID: "42"}, Subscription: state(s)})
	}
	active := event("evt_1", billing.StatusActive)
	moment := subscriptionOf(active).Version.Moment()
	read := func(after time.Duration, s billing.SubscriptionStatus) records.Rows {
		return records.Read(account, records.Reading{ID: "sub_1", Moment: moment, At: tieTime.Add(after), Told: state(s)})
	}
	return []records.Rows{
		active, event("evt_2", billing.StatusPastDue), event("evt_3", billing.StatusPastDue),
		read(time.Minute, billing.StatusActive), read(time.Hour, billing.StatusUnpaid),
	}
}

func subscriptionOf(r records.Rows) records.Subscription {
	return r.Subscriptions[records.SubscriptionKey{Account: account, Subscription: "sub_1"}]
}

const doubt = "SELECT status || ' ' || tied || ' ' || (tied AND left(version, 21) > asked) FROM kassa.subscriptions"

func askOne(t *testing.T, conn *pgx.Conn, sql string) (out string) {
	t.Helper()
	NewWithT(t).Expect(conn.QueryRow(t.Context(), sql).Scan(&out)).To(Succeed())
	return out
}

// Every order of events that contradict each other, and of what the provider said of it, ends in the same row: one by
// one in the database, and merged before.
func TestDoubtInAnyOrder(t *testing.T) {
	g, conn, facts := NewWithT(t), connect(t), tie()
	for _, c := range []struct {
		facts []records.Rows
		want  string
	}{
		{facts[1:3], "PastDue false false"},
		{facts[:3], "PastDue true true"},
		{facts[:4], "Active false false"},
		{facts, "Unpaid true false"},
	} {
		empty(t, conn)
		var merged records.Rows
		for _, r := range c.facts {
			merged.Merge(r)
		}
		write(t, conn, merged)
		want := dump(t, conn)
		g.Expect(askOne(t, conn, doubt)).To(Equal(c.want))
		g.Expect(subscriptionOf(merged).Doubtful()).To(Equal(strings.HasSuffix(c.want, "true")))
		permute(len(c.facts), func(order []int) {
			empty(t, conn)
			b := &pgx.Batch{}
			for i, k := range order {
				store.Queue(b, c.facts[k])
				store.Queue(b, c.facts[order[i/2]]) // again
			}
			g.Expect(conn.SendBatch(t.Context(), b).Close()).To(Succeed())
			g.Expect(dump(t, conn)).To(Equal(want), "%v", order)
		})
	}
}

// A doubt is written once. What agrees with the row, or comes again, costs no write.
func TestDoubtIsWrittenOnce(t *testing.T) {
	g, conn, facts := NewWithT(t), connect(t), tie()
	written := func(r records.Rows) int64 {
		b := &pgx.Batch{}
		store.Queue(b, records.Rows{Subscriptions: r.Subscriptions})
		results := conn.SendBatch(t.Context(), b)
		tag, err := results.Exec()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(results.Close()).To(Succeed())
		return tag.RowsAffected()
	}
	tied := records.Rows{}
	tied.Merge(facts[0])
	tied.Merge(facts[2])
	for i, step := range []struct {
		rows records.Rows
		want int64
	}{
		{facts[2], 1}, {facts[2], 0}, {facts[1], 0},
		{facts[0], 1}, {facts[0], 0}, {facts[2], 0}, {tied, 0},
		{facts[3], 1}, {facts[3], 0}, {facts[0], 0}, {tied, 0},
	} {
		g.Expect(written(step.rows)).To(Equal(step.want), "step %d", i)
	}
	empty(t, conn)
	write(t, conn, facts[2])
	g.Expect(written(tied)).To(BeEquivalentTo(1), "a doubt that another batch found")
}

// Rows from before are in no doubt.
func TestOldRowsAreNotInDoubt(t *testing.T) {
	g, conn := NewWithT(t), connect(t)
	_, err := conn.Exec(t.Context(), `INSERT INTO kassa.subscriptions (provider, account, id, status, version, started_at)
		VALUES ('Stripe', 'acct_1', 'sub_1', 'Active', '0|1700000000000000|5|evt_1', now())`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(askOne(t, conn, doubt)).To(Equal("Active false false"))
}
