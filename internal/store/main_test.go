package store_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/test/postgres"
)

const (
	patience = 20 * time.Second
	often    = 20 * time.Millisecond
)

func TestMain(m *testing.M) { postgres.Main(m, postgres.Options{NoFsync: true}) }

// connect makes a database with the tables, and a connection to it.
func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	g := NewWithT(t)
	config, err := pgx.ParseConfig(postgres.Shared(t).Database(t))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))).To(Succeed())
	conn, err := pgx.ConnectConfig(t.Context(), config)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

var tables = []string{"customers", "subscriptions", "payments", "payment_failures", "refunds", "disputes"}

// dump is all records, as text.
func dump(t *testing.T, conn *pgx.Conn) map[string][]string {
	t.Helper()
	g := NewWithT(t)
	out := map[string][]string{}
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), "SELECT t::text FROM kassa."+table+" t ORDER BY 1")
		g.Expect(err).NotTo(HaveOccurred())
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		g.Expect(err).NotTo(HaveOccurred())
		if len(found) > 0 {
			out[table] = found
		}
	}
	return out
}

func empty(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for _, table := range tables {
		_, err := conn.Exec(t.Context(), "DELETE FROM kassa."+table)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
	}
}
