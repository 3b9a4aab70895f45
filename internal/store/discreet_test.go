package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	. "github.com/onsi/gomega"
)

// A library's line stays, without the database's words.
func TestDiscreet(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	log := discreet(slog.New(slog.NewTextHandler(&out, nil))).With("receiver", "stripe").WithGroup("goose")
	refused := &pgconn.PgError{Code: "23514", Message: "row of jane@example.com", Detail: "jane@example.com"}
	log.Warn("failed to acquire lock", "error", fmt.Errorf("insert: %w", refused), "table", "migration_lock")
	g.Expect(out.String()).To(HaveSuffix(`msg="failed to acquire lock" receiver=stripe ` +
		`goose.error="PostgreSQL says SQLSTATE 23514" goose.table=migration_lock` + "\n"))
}
