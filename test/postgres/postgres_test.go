package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/postgres"
)

// What was committed is there after a crash, at the same address.
func TestKill(t *testing.T) {
	g := NewWithT(t)
	s := postgres.New(t, postgres.Options{})
	url := s.Database(t)
	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 42 AS n")
	g.Expect(err).NotTo(HaveOccurred())

	s.Kill()
	g.Eventually(conn.Ping, 10*time.Second).WithArguments(t.Context()).ShouldNot(Succeed(), "its children notice soon")
	g.Expect(s.Run(t.Context())).To(Succeed())
	conn, err = pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	var n int
	g.Expect(conn.QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n)).To(Succeed())
	g.Expect(n).To(Equal(42))
}
