package store_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

// eraseAmong erases jane while another transaction is under way, which does first, and second once the erasing waits
// for it. Where they wait in a circle, the one whose patience is shorter is ended.
func eraseAmong(t *testing.T, conn *pgx.Conn, patienceOfErasing, patienceOfOther, first, second string) {
	t.Helper()
	g := NewWithT(t)
	other, err := pgx.ConnectConfig(t.Context(), conn.Config())
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = other.Close(context.WithoutCancel(t.Context())) })
	look, err := pgx.ConnectConfig(t.Context(), conn.Config())
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = look.Close(context.WithoutCancel(t.Context())) })
	do := func(on *pgx.Conn, sql string) {
		t.Helper()
		_, err := on.Exec(t.Context(), sql)
		g.Expect(err).NotTo(HaveOccurred(), sql)
	}
	do(conn, "SET deadlock_timeout = "+patienceOfErasing)
	do(other, "SET deadlock_timeout = "+patienceOfOther)
	do(other, "BEGIN")
	do(other, first)
	erased := make(chan error, 1)
	go func() {
		_, err := store.Erase(context.WithoutCancel(t.Context()), conn, store.Person{User: "jane-42"}, false)
		erased <- err
	}()
	g.Eventually(func(g Gomega) (n int) {
		g.Expect(look.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1",
			conn.PgConn().PID()).Scan(&n)).To(Succeed())
		return n
	}, patience, often).Should(BeNumerically(">", 0))
	do(other, second)
	do(other, "COMMIT")
	g.Eventually(erased, patience).Should(Receive(BeNil()))
}

// A receiver tells of a delivery while the person of its event is erased: none waits for the other in a circle.
func TestEraseAmongAttempts(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	eraseAmong(t, conn, "'1min'", "'1s'", "SELECT FROM kassa.webhook_events WHERE event_id = 'evt_1' FOR NO KEY UPDATE",
		"DELETE FROM kassa.deliveries WHERE event_id = 'evt_1'")
	g.Expect(ask(t, conn, "SELECT event_id FROM kassa.payloads ORDER BY 1")).To(Equal([]string{"evt_3", "evt_4"}))
}

// Where the database ends the erasing for another transaction's sake, it is done again.
func TestEraseAgain(t *testing.T) {
	g := NewWithT(t)
	conn, _ := people(t)
	waits(t, conn, account, "evt_6", records.OrderKey("sub_jane", ""), false)
	eraseAmong(t, conn, "'2s'", "'1min'", "SELECT FROM kassa.subscriptions WHERE id = 'sub_jane' FOR UPDATE",
		"UPDATE kassa.customers SET first_seen_at = now() WHERE id = 'cus_jane'")
	g.Expect(everything(t, conn)).NotTo(ContainSubstring("jane-42"))
	g.Expect(ask(t, conn, "SELECT event_id FROM kassa.payloads ORDER BY 1")).To(Equal([]string{"evt_3", "evt_4"}))
}
