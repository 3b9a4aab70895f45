package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

var account = records.Account{Provider: billing.Stripe, ID: "acct_1"}

// life is a subscription's, as Stripe tells it: two of the events are of one second, and one is later than the end.
func life() []billing.Event {
	at := func(seconds int) time.Time { return time.Unix(1_800_000_000+int64(seconds), 0) }
	jane := &billing.EventCustomer{ID: "cus_1", Email: "jane@example.com", UserID: "42"}
	end := at(86400)
	sub := func(s billing.SubscriptionStatus, price string) *billing.EventSubscription {
		return &billing.EventSubscription{
			ID: "sub_1", Status: s, Plan: "pro", Price: price, PriceID: "price_" + price, CurrentPeriodEnd: &end,
			Charge: &billing.EventCharge{Unit: billing.Money{Minor: 2900, Currency: "USD"}, Quantity: 1, Interval: billing.Month,
				Count: 1},
		}
	}
	bill := &billing.EventSubscription{ID: "sub_1", Plan: "pro", Price: "monthly"}
	pay := func(status billing.PaymentStatus, attempt int) *billing.EventPayment {
		return &billing.EventPayment{
			ID: "pi_1", Money: billing.Money{Minor: 2900, Currency: "USD"}, Status: status, Attempt: attempt,
		}
	}
	return []billing.Event{
		{ID: "evt_1", Type: billing.SubscriptionCreated, Time: at(0), Customer: jane,
			Subscription: sub(billing.StatusIncomplete, "monthly")},
		{ID: "evt_2", Type: billing.SubscriptionUpdated, Time: at(0), Customer: &billing.EventCustomer{ID: "cus_1"},
			Subscription: sub(billing.StatusActive, "monthly")},
		{ID: "evt_3", Type: billing.PaymentFailed, Time: at(100), Customer: jane, Subscription: bill,
			Payment: pay(billing.PaymentStatusFailed, 1)},
		{ID: "evt_4", Type: billing.SubscriptionPastDue, Time: at(301),
			Customer:     &billing.EventCustomer{ID: "cus_1", Email: "jane@example.org"},
			Subscription: sub(billing.StatusPastDue, "yearly")},
		{ID: "evt_5", Type: billing.PaymentRecovered, Time: at(200), Subscription: bill,
			Payment: pay(billing.PaymentStatusSucceeded, 2)},
		{ID: "evt_6", Type: billing.SubscriptionCanceled, Time: at(300), Customer: &billing.EventCustomer{ID: "cus_1"},
			Subscription: sub(billing.StatusCanceled, "yearly")},
	}
}

func write(t *testing.T, conn *pgx.Conn, r records.Rows) {
	t.Helper()
	b := &pgx.Batch{}
	store.Queue(b, r)
	NewWithT(t).Expect(conn.SendBatch(t.Context(), b).Close()).To(Succeed())
}

// Every order of a subscription's events, each of them twice, ends in the same rows: one by one in the database, and
// merged before.
func TestOrder(t *testing.T) {
	g := NewWithT(t)
	conn := connect(t)
	events := life()
	for _, e := range events {
		write(t, conn, records.Of(account, &e))
	}
	want := dump(t, conn)
	g.Expect(want["subscriptions"]).To(HaveLen(1))
	g.Expect(want["subscriptions"][0]).To(And(ContainSubstring(",Canceled,pro,yearly,price_yearly,1,2900,USD,Month,1,"),
		ContainSubstring(",42,")))
	g.Expect(want["customers"][0]).To(ContainSubstring("jane@example.org"))
	g.Expect(want["payments"][0]).To(ContainSubstring(",Succeeded,2900,USD,"))
	g.Expect(want["payment_failures"]).To(HaveLen(1))

	n := 0
	permute(len(events), func(order []int) {
		n++
		if n%5 != 0 && testing.Short() {
			return
		}
		var all records.Rows
		b := &pgx.Batch{}
		b.Queue("DELETE FROM kassa.customers")
		b.Queue("DELETE FROM kassa.subscriptions")
		b.Queue("DELETE FROM kassa.payments")
		b.Queue("DELETE FROM kassa.payment_failures")
		for i, k := range order {
			one := records.Of(account, &events[k])
			all.Merge(one)
			store.Queue(b, one)
			store.Queue(b, records.Of(account, &events[order[i/2]])) // again
		}
		g.Expect(conn.SendBatch(t.Context(), b).Close()).To(Succeed())
		g.Expect(dump(t, conn)).To(Equal(want), "%v", order)
		if n%20 == 0 {
			empty(t, conn)
			write(t, conn, all)
			g.Expect(dump(t, conn)).To(Equal(want), "%v merged", order)
		}
	})
	g.Expect(n).To(Equal(720))
}

// permute calls do with every order of n things.
func permute(n int, do func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var next func(int)
	next = func(k int) {
		if k == n {
			do(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			next(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	next(0)
}

// What comes again changes nothing, and costs no write.
func TestRepetition(t *testing.T) {
	g := NewWithT(t)
	conn := connect(t)
	var all records.Rows
	for _, e := range life() {
		all.Merge(records.Of(account, &e))
	}
	written := func() int64 {
		b := &pgx.Batch{}
		store.Queue(b, all)
		results := conn.SendBatch(t.Context(), b)
		var n int64
		for range b.Len() {
			tag, err := results.Exec()
			g.Expect(err).NotTo(HaveOccurred())
			n += tag.RowsAffected()
		}
		g.Expect(results.Close()).To(Succeed())
		return n
	}
	g.Expect(written()).To(BeEquivalentTo(4))
	g.Expect(written()).To(BeZero())
}

// Any set of facts, cut into batches anyhow, ends in what Go makes of it.
func TestAnyFacts(t *testing.T) {
	g := NewWithT(t)
	conn := connect(t)
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		var events []billing.Event
		for i := range 12 {
			events = append(events, anyEvent(random, fmt.Sprintf("evt_%02d", i)))
		}
		var all records.Rows
		for _, e := range events {
			all.Merge(records.Of(account, &e))
		}
		empty(t, conn)
		write(t, conn, all)
		want := dump(t, conn)
		empty(t, conn)
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		for len(events) > 0 {
			var batch records.Rows
			n := 1 + random.IntN(len(events))
			for _, e := range events[:n] {
				batch.Merge(records.Of(account, &e))
			}
			write(t, conn, batch)
			events = events[n:]
		}
		g.Expect(dump(t, conn)).To(Equal(want), "seed %d", seed)
	}
}

func anyEvent(random *rand.Rand, id string) billing.Event {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	e := billing.Event{
		ID: id, Time: time.UnixMicro(1_800_000_000_000_000 + random.Int64N(3)*500_000),
		Type: billing.EventTypes()[random.IntN(len(billing.EventTypes()))],
	}
	if random.IntN(3) > 0 {
		e.Customer = &billing.EventCustomer{ID: pick("cus_1", "cus_2", ""), Email: pick("", "a@b.c", "d@e.f"),
			UserID: pick("", "1", "2")}
	}
	if random.IntN(3) > 0 {
		e.Subscription = &billing.EventSubscription{
			ID:     pick("sub_1", "sub_2", ""),
			Status: billing.SubscriptionStatus(pick("", "Active", "PastDue", "Canceled", "IncompleteExpired", "Paused")),
			Plan:   pick("", "pro", "team"), PriceID: pick("", "price_1", "price_2"), OrderID: pick("", "7"),
		}
		if random.IntN(2) > 0 {
			trial := time.Unix(1_800_000_000+random.Int64N(3), 0)
			e.Subscription.TrialEnd = &trial
		}
		if random.IntN(3) == 0 {
			end := time.Unix(1_800_100_000, random.Int64N(2)*1500)
			e.Subscription.CurrentPeriodEnd, e.Subscription.CancelAtPeriodEnd = &end, new(random.IntN(2) == 0)
		}
		if random.IntN(2) > 0 {
			e.Subscription.Charge = &billing.EventCharge{Unit: billing.Money{Minor: random.Int64N(3), Currency: "JPY"},
				Quantity: random.IntN(2), Interval: billing.Year, Count: 1}
		}
	}
	if random.IntN(3) > 0 {
		money := billing.Money{Minor: random.Int64N(1000), Currency: "EUR"}
		e.Payment = &billing.EventPayment{ID: pick("pi_1", "pi_2", ""), Money: money, Attempt: random.IntN(3),
			FailureCode: pick("", "", "card_declined", "expired_card"),
			Status:      billing.PaymentStatus(pick("Succeeded", "Failed", "Pending", "ActionRequired", "Refunded"))}
		if random.IntN(2) > 0 {
			e.Payment.Refunded = &money
		}
	}
	if random.IntN(4) == 0 {
		e.Dispute = &billing.EventDispute{
			ID: pick("dp_1", "dp_2"), Reason: pick("", "fraudulent"), Status: pick("lost", "won"),
		}
	}
	return e
}
