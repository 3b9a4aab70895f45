package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

var (
	paddle = records.Account{Provider: billing.Paddle, ID: "pdl_1"}
	lemon  = records.Account{Provider: billing.LemonSqueezy, ID: "7"}
)

// book writes the records of events.
type book struct {
	t    *testing.T
	conn *pgx.Conn
	n    int
}

// on is noon of a day of 2026.
func on(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

func (b *book) event(of records.Account, at time.Time, e billing.Event) {
	b.t.Helper()
	b.n++
	e.ID, e.Time = fmt.Sprintf("evt_%d", b.n), at
	write(b.t, b.conn, records.Of(of, &e))
}

// sub is an event that tells a subscription's status.
func (b *book) sub(of records.Account, at time.Time, s billing.EventSubscription) {
	b.t.Helper()
	b.event(of, at, billing.Event{
		Type: billing.SubscriptionUpdated, Subscription: &s,
		Customer: &billing.EventCustomer{ID: "cus_" + s.ID, UserID: "user_" + s.ID},
	})
}

// pay is a payment for a subscription, if there is one.
func (b *book) pay(of records.Account, at time.Time, t billing.EventType, sub, plan string, p billing.EventPayment) {
	b.t.Helper()
	e := billing.Event{Type: t, Payment: &p}
	if sub+plan != "" {
		e.Subscription = &billing.EventSubscription{ID: sub, Plan: plan}
	}
	b.event(of, at, e)
}

func charge(
	minor int64, currency billing.Currency, quantity int, every billing.Interval, count int,
) *billing.EventCharge {
	return &billing.EventCharge{
		Unit: billing.Money{Minor: minor, Currency: currency}, Quantity: quantity, Interval: every, Count: count,
	}
}

func paid(id string, minor int64, currency billing.Currency) billing.EventPayment {
	return billing.EventPayment{
		ID: id, Money: billing.Money{Minor: minor, Currency: currency}, Status: billing.PaymentStatusSucceeded,
	}
}

func failed(id, code string) billing.EventPayment {
	p := paid(id, 2900, "USD")
	p.Status, p.FailureCode = billing.PaymentStatusFailed, code
	return p
}

// ask is the rows of a query, as text.
func ask(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT TRIM(BOTH '()' FROM CAST(q AS text)) FROM ("+sql+") q")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return out
}

func newBook(t *testing.T) *book {
	t.Helper()
	return &book{t: t, conn: connect(t)}
}

// subscriptions of every status and period.
func (b *book) subscriptions() {
	never := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	of := func(
		id string, s billing.SubscriptionStatus, plan, price string, c *billing.EventCharge,
	) billing.EventSubscription {
		return billing.EventSubscription{ID: id, Status: s, Plan: plan, Price: price, Charge: c}
	}
	trial := func(s billing.EventSubscription, end time.Time) billing.EventSubscription {
		s.TrialEnd = &end
		return s
	}
	monthly := charge(2900, "USD", 1, billing.Month, 1)
	b.sub(account, on(1, 5), of("a", billing.StatusActive, "pro", "monthly", monthly))
	b.sub(account, on(1, 10), of("b", billing.StatusActive, "pro", "yearly", charge(29000, "USD", 3, billing.Year, 1)))
	b.sub(account, on(2, 1), of("c", billing.StatusPastDue, "pro", "weekly", charge(700, "EUR", 1, billing.Week, 1)))
	b.sub(account, on(2, 2), of("d", billing.StatusCanceling, "pro", "monthly", charge(2900, "JPY", 1, billing.Month, 1)))
	b.sub(account, on(2, 3), trial(of("e", billing.StatusTrialing, "pro", "monthly", monthly), never))
	b.sub(account, on(2, 3), trial(of("f", billing.StatusCanceling, "pro", "monthly", monthly), never))
	quarterly := charge(30000, "KWD", 1, billing.Month, 3)
	b.sub(account, on(2, 4), of("g", billing.StatusActive, "team", "quarterly", quarterly))
	b.sub(account, on(2, 5), of("h", billing.StatusActive, "usage", "metered", nil))
	b.sub(account, on(2, 6), of("i", billing.StatusUnpaid, "pro", "monthly", monthly))
	b.sub(account, on(2, 7), of("j", billing.StatusPaused, "pro", "monthly", monthly))
	b.sub(account, on(1, 3), of("k", billing.StatusActive, "pro", "monthly", monthly))
	b.sub(account, on(2, 10), of("k", billing.StatusCanceled, "pro", "monthly", monthly))
	b.sub(account, on(3, 1), of("l", billing.StatusIncompleteExpired, "pro", "monthly", monthly))
	b.sub(account, on(3, 2), of("m", billing.StatusActive, "pro", "monthly", monthly))
	b.sub(account, on(3, 9), of("m", billing.StatusCanceled, "pro", "monthly", monthly))
	b.sub(lemon, on(1, 7), billing.EventSubscription{
		ID: "1", Status: billing.StatusActive, Plan: "mini", Price: "daily", OrderID: "55",
		Charge: charge(100, "EUR", 1, billing.Day, 1),
	})

	// Two trials: one that nobody paid for, and one that was. Paddle does not tell that there was one any more.
	b.sub(paddle, on(1, 15), trial(of("x", billing.StatusTrialing, "pro", "monthly", monthly), on(1, 29)))
	b.sub(paddle, on(2, 5), of("x", billing.StatusCanceled, "pro", "monthly", monthly))
	b.sub(paddle, on(1, 20), trial(of("y", billing.StatusTrialing, "pro", "monthly", monthly), on(2, 3)))
	b.sub(paddle, on(2, 3), of("y", billing.StatusActive, "pro", "monthly", monthly))
	b.pay(paddle, on(2, 3), billing.PaymentSucceeded, "y", "pro", paid("txn_y", 2900, "USD"))
	b.sub(paddle, on(3, 10), of("y", billing.StatusCanceled, "pro", "monthly", monthly))
}

func TestSubscriptionViews(t *testing.T) {
	b := newBook(t)
	b.subscriptions()
	g := NewWithT(t)

	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.active_subscriptions ORDER BY provider, plan, price")).To(Equal([]string{
		// provider, plan, price, subscriptions, in trial, active, canceling, past due
		"LemonSqueezy,mini,daily,1,0,1,0,0",
		"Stripe,pro,monthly,4,2,1,1,0",
		"Stripe,pro,weekly,1,0,0,0,1",
		"Stripe,pro,yearly,1,0,1,0,0",
		"Stripe,team,quarterly,1,0,1,0,0",
		"Stripe,usage,metered,1,0,1,0,0",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.mrr ORDER BY currency")).To(Equal([]string{
		`"",1,`,      // not told
		"EUR,2,6088", // 100 a day and 700 a week, twice 3043.75
		"JPY,1,2900",
		"KWD,1,10000",
		"USD,2,10150", // 2900 a month, and three times 29000 a year
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.mrr_by_plan WHERE currency IN ('EUR', 'USD') ORDER BY 2, 3, 4")).
		To(Equal([]string{
			"LemonSqueezy,mini,daily,EUR,1,3044",
			"Stripe,pro,monthly,USD,1,2900",
			"Stripe,pro,weekly,EUR,1,3044",
			"Stripe,pro,yearly,USD,1,7250",
		}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.churn WHERE month < '2026-05-01' ORDER BY month")).To(Equal([]string{
		// month, active at the start, churned, rate, started, ended, active at the end
		"2026-01-01,0,0,,4,0,4",
		"2026-02-01,4,1,0.2500,7,1,10",
		"2026-03-01,10,1,0.1000,1,2,9",
		"2026-04-01,9,0,0.0000,0,0,9",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.trial_conversion ORDER BY month")).To(Equal([]string{
		"2026-01-01,2,1,1,0,0.5000",
		"2026-02-01,2,0,0,2,",
	}))
	g.Expect(ask(t, b.conn, "SELECT provider, id, user_id, subscriptions, running FROM kassa.customer_overview "+
		"WHERE id IN ('cus_a', 'cus_k') ORDER BY id")).To(Equal([]string{
		"Stripe,cus_a,user_a,1,1",
		"Stripe,cus_k,user_k,1,0",
	}))
}

// An order that a subscription began with, and its refund, are told once more by its first invoice.
func TestMoneyViews(t *testing.T) {
	b := newBook(t)
	g := NewWithT(t)
	order := func(id string, minor int64, status billing.PaymentStatus) billing.EventPayment {
		p := paid(id, minor, "EUR")
		p.Order, p.Status = true, status
		return p
	}
	refunded := func(p billing.EventPayment, minor int64) billing.EventPayment {
		p.Refunded = &billing.Money{Minor: minor, Currency: p.Money.Currency}
		return p
	}
	began := order("55", 1000, billing.PaymentStatusSucceeded)
	b.pay(lemon, on(1, 7), billing.CheckoutCompleted, "", "mini", began)
	g.Expect(ask(t, b.conn, "SELECT plan, net_minor FROM kassa.revenue")).To(Equal([]string{"mini,1000"}),
		"nothing tells yet that a subscription began with it")
	b.sub(lemon, on(1, 7), billing.EventSubscription{
		ID: "1", Status: billing.StatusActive, Plan: "mini", Price: "monthly", OrderID: "55",
		Charge: charge(1000, "EUR", 1, billing.Month, 1),
	})
	b.pay(lemon, on(1, 7), billing.PaymentSucceeded, "1", "", paid("55", 1000, "EUR")) // an invoice of the same number
	b.pay(lemon, on(2, 7), billing.PaymentSucceeded, "1", "", paid("56", 1000, "EUR"))
	b.pay(lemon, on(2, 7), billing.PaymentRecovered, "1", "", paid("56", 1000, "EUR")) // told twice
	b.pay(lemon, on(2, 8), billing.CheckoutCompleted, "", "book", order("56", 500, billing.PaymentStatusSucceeded))
	b.pay(lemon, on(2, 9), billing.CheckoutCompleted, "", "book", order("57", 500, billing.PaymentStatusPending))
	b.pay(lemon, on(2, 20), billing.PaymentRefunded, "", "mini", refunded(began, 400))
	b.pay(lemon, on(2, 20), billing.PaymentRefunded, "1", "", refunded(paid("55", 1000, "EUR"), 400))
	b.pay(lemon, on(2, 21), billing.PaymentRefunded, "1", "", refunded(paid("55", 1000, "EUR"), 1000)) // the sum
	b.pay(account, on(1, 8), billing.PaymentSucceeded, "", "pro", paid("pi_1", 2900, "JPY"))
	b.pay(account, on(1, 9), billing.PaymentSucceeded, "", "pro", paid("pi_2", 2900, "KWD"))
	b.pay(account, on(1, 9), billing.PaymentSucceeded, "", "pro", paid("pi_3", 2900, "KWD"))
	b.pay(account, on(1, 9), billing.CheckoutCompleted, "", "pro", paid("pi_3", 2900, "KWD")) // told twice
	free := paid("pi_4", 0, "KWD")
	free.Status = billing.PaymentStatusNotRequired
	b.pay(account, on(1, 9), billing.PaymentSucceeded, "", "pro", free)

	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.revenue ORDER BY 1, 2, 3, 4")).To(Equal([]string{
		// month, provider, plan, currency, payments, gross, refunded, net
		"2026-01-01,LemonSqueezy,mini,EUR,1,1000,0,1000",
		"2026-01-01,Stripe,pro,JPY,1,2900,0,2900",
		"2026-01-01,Stripe,pro,KWD,2,5800,0,5800",
		"2026-02-01,LemonSqueezy,book,EUR,1,500,0,500",
		"2026-02-01,LemonSqueezy,mini,EUR,1,1000,1000,0",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.refunds_by_month")).To(Equal([]string{
		"2026-02-01,LemonSqueezy,mini,EUR,1,1000",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.first_payments ORDER BY 1, 2, 3")).To(Equal([]string{
		// month, provider, plan, asked, paid, failed, rate
		"2026-01-01,LemonSqueezy,mini,1,1,0,1.0000",
		"2026-01-01,Stripe,pro,3,3,0,1.0000",
		"2026-02-01,LemonSqueezy,book,2,1,0,0.5000",
	}))
}

func TestFailureViews(t *testing.T) {
	b := newBook(t)
	g := NewWithT(t)
	b.pay(account, on(1, 8), billing.PaymentFailed, "s", "pro", failed("pi_1", ""))
	b.pay(account, on(1, 9), billing.PaymentFailed, "s", "pro", failed("pi_1", ""))
	b.pay(account, on(1, 9), "", "", "", failed("pi_1", "expired_card")) // the payment intent tells why
	b.pay(account, on(1, 10), billing.PaymentSucceeded, "s", "pro", paid("pi_1", 2900, "USD"))
	b.pay(account, on(2, 10), billing.PaymentFailed, "s", "pro", failed("pi_2", "expired_card"))
	b.pay(paddle, on(1, 11), billing.PaymentFailed, "", "pro", failed("txn_1", "declined"))
	b.pay(lemon, on(1, 12), billing.PaymentFailed, "1", "", failed("9", ""))
	b.event(account, on(1, 20), billing.Event{
		Type: billing.DisputeOpened, Payment: new(paid("pi_1", 2900, "USD")),
		Dispute: &billing.EventDispute{ID: "dp_1", Reason: "fraudulent", Status: "needs_response"},
	})
	b.event(account, on(3, 1), billing.Event{
		Type: billing.DisputeClosed, Payment: new(paid("pi_1", 2900, "USD")),
		Dispute: &billing.EventDispute{ID: "dp_1", Reason: "fraudulent", Status: "won"},
	})

	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.failed_payments ORDER BY 1, 2, 3")).To(Equal([]string{
		// month, provider, code, failures, payments, recovered
		"2026-01-01,LemonSqueezy,unknown,1,1,0",
		"2026-01-01,Paddle,declined,1,1,0",
		"2026-01-01,Stripe,expired_card,2,1,1",
		"2026-02-01,Stripe,expired_card,1,1,0",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.first_payments ORDER BY 1, 2, 3")).To(Equal([]string{
		"2026-01-01,LemonSqueezy,\"\",1,0,1,0.0000",
		"2026-01-01,Paddle,pro,1,0,1,0.0000",
		"2026-01-01,Stripe,pro,1,1,1,1.0000",
	}))
	g.Expect(ask(t, b.conn, "SELECT * FROM kassa.disputes_by_month")).To(Equal([]string{
		"2026-01-01,Stripe,fraudulent,won,USD,1,1,2900",
	}))
}

// A checkout counts once, however many receivers of an account are told of it.
func TestCheckoutView(t *testing.T) {
	g := NewWithT(t)
	conn := connect(t)
	_, err := conn.Exec(context.Background(), `
INSERT INTO kassa.webhook_events (receiver, event_id, provider, account, native_type, type, occurred_at, received_at,
	state, claimed_by, claim_number, claimed_at)
SELECT receiver, event, 'Stripe', 'acct_1', '', type, TIMESTAMPTZ '2026-01-01 23:30-01', now(),
	'Processed', '', 0, now()
FROM (VALUES ('shop/a', 'evt_1', 'checkout.completed'), ('shop/b', 'evt_1', 'checkout.completed'),
	('shop/a', 'evt_2', 'checkout.expired'), ('shop/a', 'evt_3', 'payment.failed')) AS e (receiver, event, type)`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ask(t, conn, "SELECT * FROM kassa.checkout_conversion")).To(Equal([]string{
		"2026-01-02,Stripe,acct_1,1,1,0.5000",
	}))
}

// Whoever looks at a view in the database is told what it means.
func TestViewsAreDescribed(t *testing.T) {
	conn := connect(t)
	NewWithT(t).Expect(ask(t, conn, `SELECT c.relname FROM pg_class c WHERE c.relkind = 'v'
		AND c.relnamespace = 'kassa'::regnamespace AND obj_description(c.oid, 'pg_class') IS NULL`)).To(BeEmpty())
}
