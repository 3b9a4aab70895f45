package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

// waits keeps an event with its payload and a delivery.
func waits(t *testing.T, conn *pgx.Conn, of records.Account, id, order string, dead bool) {
	t.Helper()
	g := NewWithT(t)
	state := "Deferred"
	if dead {
		state = "Dead"
	}
	_, err := conn.Exec(t.Context(), `INSERT INTO kassa.webhook_events (receiver, event_id, provider, account,
		native_type, received_at, state, claimed_by, claim_number, claimed_at)
		VALUES ('shop/a', $1, $2, $3, '', now(), $4, '', 0, now())`, id, of.Provider, of.ID, state)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), "INSERT INTO kassa.payloads VALUES ('shop/a', $1, 'who it is')", id)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), `INSERT INTO kassa.deliveries (receiver, event_id, sink, order_key, occurred_at,
		next_attempt_at, dead) VALUES ('shop/a', $1, 'app', $2, now(), now(), $3)`, id, order, dead)
	g.Expect(err).NotTo(HaveOccurred())
}

// people are jane, with a subscription, at two accounts, and another customer with the same id at a third.
func people(t *testing.T) (conn *pgx.Conn, first billing.Event) {
	t.Helper()
	conn = connect(t)
	sub := func(of records.Account, id, customer, email, user string) billing.Event {
		e := billing.Event{
			ID: "evt_" + id, Type: billing.SubscriptionUpdated, Time: on(1, 1),
			Customer:     &billing.EventCustomer{ID: customer, Email: email, UserID: user},
			Subscription: &billing.EventSubscription{ID: id, Status: billing.StatusActive},
			Payment:      new(paid("pi_"+id, 2900, "USD")),
		}
		write(t, conn, records.Of(of, &e))
		e.Type = billing.PaymentSucceeded
		write(t, conn, records.Of(of, &e))
		return e
	}
	first = sub(account, "sub_jane", "cus_jane", "Jane@Example.com", "jane-42")
	sub(paddle, "sub_2", "ctm_2", "", "jane-42")
	sub(account, "sub_joe", "cus_joe", "joe@example.com", "joe-43")
	sub(lemon, "3", "cus_jane", "mary@example.com", "mary-44")
	waits(t, conn, account, "evt_1", records.OrderKey("sub_jane", "cus_jane"), false)
	waits(t, conn, account, "evt_2", records.OrderKey("", "cus_jane"), true)
	waits(t, conn, account, "evt_3", records.OrderKey("sub_joe", ""), false)
	waits(t, conn, lemon, "evt_4", records.OrderKey("", "cus_jane"), false)
	waits(t, conn, paddle, "evt_5", records.OrderKey("sub_2", ""), false)
	return conn, first
}

func everything(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var all []string
	for _, rows := range dump(t, conn) {
		all = append(all, rows...)
	}
	return strings.Join(all, "\n")
}

func erase(t *testing.T, conn *pgx.Conn, p store.Person, dry bool) store.Erased {
	t.Helper()
	n, err := store.Erase(t.Context(), conn, p, dry)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return n
}

// By the user's id a person is erased at all accounts, and nobody else is.
func TestEraseUser(t *testing.T) {
	g := NewWithT(t)
	conn, first := people(t)
	before := dump(t, conn)
	jane := store.Person{User: "jane-42"}
	want := store.Erased{Customers: 2, Subscriptions: 2, Deliveries: 3, Payloads: 3}
	g.Expect(erase(t, conn, jane, true)).To(Equal(want))
	g.Expect(dump(t, conn)).To(Equal(before), "a dry run")
	g.Expect(ask(t, conn, "SELECT count(*) FROM kassa.payloads")).To(Equal([]string{"5"}))

	g.Expect(erase(t, conn, jane, false)).To(Equal(want))
	left := everything(t, conn)
	g.Expect(left).NotTo(Or(ContainSubstring("jane-42"), ContainSubstring("Jane@")))
	g.Expect(left).To(And(ContainSubstring("joe-43"), ContainSubstring("joe@example.com"), ContainSubstring("mary-44"),
		ContainSubstring("mary@example.com"), ContainSubstring("cus_jane")))
	g.Expect(dump(t, conn)["payments"]).To(Equal(before["payments"]))
	g.Expect(ask(t, conn, "SELECT event_id FROM kassa.payloads ORDER BY 1")).To(Equal([]string{"evt_3", "evt_4"}))
	g.Expect(ask(t, conn, "SELECT event_id, state FROM kassa.webhook_events ORDER BY 1")).To(Equal([]string{
		"evt_1,Dead", "evt_2,Dead", "evt_3,Deferred", "evt_4,Deferred", "evt_5,Dead",
	}))
	g.Expect(erase(t, conn, jane, false)).To(BeZero())

	// What comes again tells nothing, what comes later does.
	erased := dump(t, conn)
	write(t, conn, records.Of(account, &first))
	g.Expect(dump(t, conn)).To(Equal(erased))
	first.ID, first.Time = "evt_later", first.Time.Add(time.Hour)
	write(t, conn, records.Of(account, &first))
	g.Expect(everything(t, conn)).To(ContainSubstring("Jane@Example.com"))
}

func TestEraseCustomer(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	before := dump(t, conn)
	_, err := store.Erase(t.Context(), conn, store.Person{Customer: "cus_jane"}, false)
	g.Expect(err).To(MatchError(store.ErrAmbiguous))
	g.Expect(dump(t, conn)).To(Equal(before))
	g.Expect(erase(t, conn, store.Person{Customer: "cus_jane", Account: account.ID}, false)).
		To(Equal(store.Erased{Customers: 1, Subscriptions: 1, Deliveries: 2, Payloads: 2}))
	g.Expect(everything(t, conn)).To(And(Not(ContainSubstring("Jane@")), ContainSubstring("mary@example.com")))
	g.Expect(erase(t, conn, store.Person{Customer: "cus_none"}, false)).To(BeZero())
}

// An address is one person's whatever the case of its letters, and is no pattern.
func TestEraseEmail(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	g.Expect(erase(t, conn, store.Person{Email: "%@example.com"}, false)).To(BeZero())
	g.Expect(erase(t, conn, store.Person{Email: "jane@EXAMPLE.com"}, false)).
		To(Equal(store.Erased{Customers: 1, Subscriptions: 1, Deliveries: 2, Payloads: 2}))
	g.Expect(everything(t, conn)).NotTo(ContainSubstring("Jane@"))
}

// A guest's purchase has no customer: it is found by the address in what is kept of it. What is about a customer is
// left to that customer's keys, and another's address that ends alike is another's.
func TestEraseGuest(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	guest := func(of records.Account, id, order, request string) {
		waits(t, conn, of, id, order, false)
		_, err := conn.Exec(t.Context(), "UPDATE kassa.payloads SET body = $2 WHERE event_id = $1", id,
			store.Pack([]byte(request)))
		g.Expect(err).NotTo(HaveOccurred())
	}
	for i := range 120 { // more than are read at once
		guest(account, fmt.Sprintf("guest_%03d", i), "", `{"data": {"email": "mary-jane@example.com"}}`)
	}
	guest(account, "guest_last", "", `{"data": {"billing": [{"email": "Jane\u0040example.com"}]}}`)
	guest(paddle, "guest_other", "", `{"data": {"email": "jane@example.com"}}`)
	guest(account, "evt_joe", records.OrderKey("sub_joe", ""), `{"payer": "jane@example.com", "sub": "sub_joe"}`)

	jane := store.Person{Email: "JANE@example.com"}
	g.Expect(erase(t, conn, jane, true)).To(
		Equal(store.Erased{Customers: 1, Subscriptions: 1, Deliveries: 4, Payloads: 4}))
	jane.Account = account.ID
	g.Expect(erase(t, conn, jane, false)).To(
		Equal(store.Erased{Customers: 1, Subscriptions: 1, Deliveries: 3, Payloads: 3}))
	g.Expect(ask(t, conn, "SELECT event_id FROM kassa.payloads WHERE event_id LIKE 'guest_%' AND event_id > 'guest_118' "+
		"ORDER BY 1")).To(Equal([]string{"guest_119", "guest_other"}))
	g.Expect(ask(t, conn, "SELECT state FROM kassa.webhook_events WHERE event_id = 'guest_last'")).
		To(Equal([]string{"Dead"}))
	g.Expect(ask(t, conn, "SELECT event_id FROM kassa.payloads WHERE event_id = 'evt_joe'")).To(HaveLen(1))
}

// What the database says of a row is not repeated.
func TestEraseTellsNoValue(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	_, err := conn.Exec(t.Context(), `CREATE FUNCTION kassa.talk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'no: %', OLD.email USING DETAIL = OLD.email; END $$;
		CREATE TRIGGER talk BEFORE UPDATE ON kassa.customers FOR EACH ROW EXECUTE FUNCTION kassa.talk()`)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = store.Erase(t.Context(), conn, store.Person{User: "jane-42"}, false)
	g.Expect(err).To(MatchError("erase: PostgreSQL says SQLSTATE P0001"))
	var refused *pgconn.PgError
	g.Expect(errors.As(err, &refused)).To(BeFalse())
}
