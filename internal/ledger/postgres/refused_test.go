package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	. "github.com/onsi/gomega"
	"github.com/pressly/goose/v3"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/store"
)

// told is a log that may be written and read at once.
type told struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// replica is a ledger with its database and its log. It runs, and may not be ready.
type replica struct {
	*postgres.Ledger
	db  *store.DB
	log *told
}

func startAny(t *testing.T, url string, commit time.Duration) replica {
	t.Helper()
	g := NewWithT(t)
	r := replica{db: &store.DB{}, log: &told{}}
	g.Expect(r.db.Set(store.Address{DSN: url})).To(Succeed())
	var err error
	r.Ledger, err = postgres.New(postgres.Options{
		DB: r.db, Receiver: "shop/stripe", Replica: "a", ClaimTimeout: time.Hour, CommitTimeout: commit,
		Retention: func() time.Duration { return time.Hour }, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; r.db.Close() })
	return r
}

func startReady(t *testing.T, url string, commit time.Duration) replica {
	t.Helper()
	r := startAny(t, url, commit)
	NewWithT(t).Eventually(r.Ready, patience, often).Should(Succeed())
	return r
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	g := NewWithT(t)
	conn, err := pgx.Connect(t.Context(), url)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Exec(t.Context(), sql)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(conn.Close(t.Context())).To(Succeed())
}

// An event whose records the database does not take is kept without them, and those beside it with theirs.
func TestRefusedRecords(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	execute(t, url, "ALTER TABLE kassa.payments ADD CHECK (id NOT LIKE 'pi_bad%')")
	l := startReady(t, url, patience)
	var all sync.WaitGroup
	for i := range 40 {
		id := fmt.Sprintf("evt_%d", i)
		if i%20 == 7 {
			id = fmt.Sprintf("bad_%d", i)
		}
		all.Go(func() {
			kept, err := l.Keep(t.Context(), work(id, i, "app"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(kept.Outcome).To(Equal(ledger.Won))
		})
	}
	all.Wait()
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payments")).To(Equal(38))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.webhook_events WHERE state = 'Deferred'")).To(Equal(40))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.payloads")).To(Equal(40))
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries")).To(Equal(40))
	for _, id := range []string{"bad_7", "bad_27"} {
		g.Expect(l.log.String()).To(ContainSubstring("event=" + id + ` reason="PostgreSQL says SQLSTATE 23514"`))
	}
}

// An event that the database does not take at all is refused, at once and with the reason.
func TestRefusedEvent(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	execute(t, url, "ALTER TABLE kassa.webhook_events ADD CHECK (event_id NOT LIKE 'bad%')")
	l := startReady(t, url, patience)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			_, err := l.Keep(t.Context(), work(fmt.Sprintf("evt_%d", i), i, "app"))
			g.Expect(err).NotTo(HaveOccurred())
		})
	}
	all.Go(func() {
		_, err := l.Keep(t.Context(), work("bad_1", 1, "app"))
		g.Expect(err).To(And(MatchError(ledger.ErrUnavailable), MatchError(ContainSubstring("23514"))))
	})
	all.Go(func() {
		_, err := l.Claim(t.Context(), ledger.Event{ID: "bad_2", Type: "invoice.paid"})
		g.Expect(err).To(And(MatchError(ledger.ErrUnavailable), MatchError(ContainSubstring("23514"))))
	})
	all.Wait()
}

// Whoever waits in vain is told what the database says, and so is the log, once; neither hears its words.
func TestTellsTheCode(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, time.Second)
	execute(t, url, "ALTER TABLE kassa.payments RENAME amount_minor TO secret")
	for range 2 {
		_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
		g.Expect(err).To(And(MatchError(ledger.ErrUnavailable), MatchError(ContainSubstring("SQLSTATE 42703"))))
		g.Expect(err).NotTo(MatchError(ContainSubstring("amount_minor")))
	}
	g.Expect(strings.Count(l.log.String(), "\n")).To(Equal(1))
	g.Expect(l.log.String()).To(And(ContainSubstring("SQLSTATE 42703"), ContainSubstring("class=42")))
	g.Expect(l.log.String()).NotTo(ContainSubstring("amount_minor"))
}

// Why a ledger is not ready has no name in it.
func TestNotReadyTellsTheCode(t *testing.T) {
	g := NewWithT(t)
	u, err := url.Parse(database(t))
	g.Expect(err).NotTo(HaveOccurred())
	u.Path = "/a_secret_name"
	l := startAny(t, u.String(), time.Second)
	g.Eventually(l.Ready, patience, often).Should(MatchError(ContainSubstring("SQLSTATE 3D000")))
	g.Expect(l.Ready()).NotTo(MatchError(ContainSubstring("secret")))
}

// Tables are made where there are none any more: they were dropped, or the address is another database's.
func TestTablesGone(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, patience)
	_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())

	execute(t, url, "DROP SCHEMA kassa CASCADE")
	_, err = l.Keep(t.Context(), work("evt_2", 2, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(count(t, url, "SELECT count(*) FROM kassa.deliveries")).To(Equal(1))

	other := sharedServer(t).Database(t)
	g.Expect(l.db.Set(store.Address{DSN: other})).To(Succeed())
	_, err = l.Keep(t.Context(), work("evt_3", 3, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(count(t, other, "SELECT count(*) FROM kassa.deliveries")).To(Equal(1))
}

// goBack takes the latest migration back, as a backup of an older version does.
func goBack(t *testing.T, url string) {
	t.Helper()
	g := NewWithT(t)
	config, err := pgx.ParseConfig(url)
	g.Expect(err).NotTo(HaveOccurred())
	db := stdlib.OpenDB(*config)
	older, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("../../store/migrations"),
		goose.WithTableName(store.Schema+".schema_migrations"), goose.WithDisableGlobalRegistry(true))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = older.Down(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(db.Close()).To(Succeed())
}

// What is due is found in a database that went back to a backup of an older version, though no event comes.
func TestDueOfOlderTables(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, patience)
	_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	goBack(t, url)
	execute(t, url, "UPDATE kassa.deliveries SET held_until = NULL")
	g.Eventually(func() []ledger.Delivery {
		due, _ := l.Due(t.Context(), 10)
		return due
	}, patience, often).Should(ConsistOf(HaveField("ID", "evt_1")))
}

// A database that went back to a backup of an older version is migrated again.
func TestOlderTables(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, patience)
	goBack(t, url)

	// Whatever is lacking.
	execute(t, url, "ALTER TABLE kassa.payloads RENAME body TO lacking")
	kept := make(chan error, 1)
	go func() {
		_, err := l.Keep(context.Background(), work("evt_1", 1, "app"))
		kept <- err
	}()
	g.Eventually(func() int { return count(t, url, "SELECT max(version_id) FROM kassa.schema_migrations") },
		patience, often).Should(BeEquivalentTo(store.Version()))
	execute(t, url, "ALTER TABLE kassa.payloads RENAME lacking TO body")
	g.Eventually(kept, patience).Should(Receive(BeNil()))
}

// Connections to a server that only reads since a failover are given up.
func TestReadOnlyConnections(t *testing.T) {
	g := NewWithT(t)
	l := startReady(t, database(t), patience)
	_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	pool, err := l.db.Pool()
	g.Expect(err).NotTo(HaveOccurred())
	for _, conn := range pool.AcquireAllIdle(t.Context()) {
		_, err := conn.Exec(t.Context(), "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
		g.Expect(err).NotTo(HaveOccurred())
		conn.Release()
	}
	_, err = l.Keep(t.Context(), work("evt_2", 2, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.log.String()).To(ContainSubstring("SQLSTATE 25006"))
}

// A server that only reads is none.
func TestReadOnlyServer(t *testing.T) {
	g := NewWithT(t)
	address := database(t)
	u, err := url.Parse(address)
	g.Expect(err).NotTo(HaveOccurred())
	name := pgx.Identifier{u.Path[1:]}.Sanitize()
	execute(t, address, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	l := startAny(t, address, time.Second)
	g.Eventually(l.Ready, patience, often).Should(MatchError(ContainSubstring("the database only reads")))
}

// Tables that somebody took away are not made again without a word: the log has what to do, once.
func TestSomeTablesGone(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, time.Second)
	execute(t, url, "ALTER TABLE kassa.payments RENAME TO payments_away; ALTER TABLE kassa.refunds RENAME TO refunds_away")
	for i := range 3 {
		_, err := l.Keep(t.Context(), work(fmt.Sprintf("evt_%d", i), i, "app"))
		g.Expect(err).To(MatchError(ledger.ErrUnavailable))
	}
	g.Expect(strings.Count(l.log.String(), "restore them from a backup")).To(Equal(1))
	_, err := l.Due(t.Context(), 10)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.log.String()).To(And(ContainSubstring("schema=kassa"), ContainSubstring(`missing="[payments refunds]"`)))
	late := startAny(t, url, time.Second)
	g.Eventually(late.Ready, patience, often).Should(
		MatchError(ContainSubstring("the schema kassa lacks tables that it had: payments, refunds")))

	execute(t, url, "ALTER TABLE kassa.payments_away RENAME TO payments; ALTER TABLE kassa.refunds_away RENAME TO refunds")
	_, err = l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(late.Ready, patience, often).Should(Succeed())
}

// A receiver without events says so, too.
func TestDeliveriesGone(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, time.Second)
	execute(t, url, "DROP TABLE kassa.deliveries")
	for range 2 {
		_, err := l.Due(t.Context(), 10)
		g.Expect(err).To(MatchError(ContainSubstring("SQLSTATE 42P01")))
	}
	g.Expect(strings.Count(l.log.String(), "missing=[deliveries]")).To(Equal(1))
}

// PostgreSQL's messages quote values, which are personal data: none of them reaches an error, the log, or whoever asks
// for the message's details.
func TestTellsNoValue(t *testing.T) {
	const planted = "jane@example.com"
	g := NewWithT(t)
	url := database(t)
	l := startReady(t, url, time.Second)
	_, err := l.Keep(t.Context(), work("evt_1", 1, "app"))
	g.Expect(err).NotTo(HaveOccurred())
	const talk = `CREATE FUNCTION kassa.talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'refused: ` + planted + `' USING DETAIL = '` + planted + `', HINT = '` + planted + `'; END $$;`
	execute(t, url, talk+"CREATE TRIGGER talk BEFORE INSERT OR UPDATE OR DELETE ON kassa.deliveries "+
		"FOR EACH ROW EXECUTE FUNCTION kassa.talk()")
	next := time.Now().Add(time.Hour)
	calls := map[string]func() error{
		"keep": func() error { _, err := l.Keep(t.Context(), work("evt_2", 2, "app")); return err },
		"attempted": func() error {
			_, err := l.Attempted(t.Context(), ledger.Attempt{
				EventID: "evt_1", Sink: "app", Result: ledger.Deferred, Tried: true, Next: next,
			})
			return err
		},
		"due": func() error {
			execute(t, url, "ALTER TABLE kassa.deliveries DISABLE TRIGGER talk; "+
				"UPDATE kassa.deliveries SET next_attempt_at = now(), held_until = NULL; "+
				"ALTER TABLE kassa.deliveries ENABLE TRIGGER talk")
			_, err := l.Due(t.Context(), 10)
			return err
		},
		"hurry": func() error {
			execute(t, url, "ALTER TABLE kassa.deliveries DISABLE TRIGGER talk; "+
				"UPDATE kassa.deliveries SET next_attempt_at = now() + interval '1 hour'; "+
				"ALTER TABLE kassa.deliveries ENABLE TRIGGER talk")
			return l.Hurry(t.Context(), "app")
		},
	}
	for name, call := range calls {
		err := call()
		g.Expect(err).To(And(MatchError(ledger.ErrUnavailable), MatchError(ContainSubstring("SQLSTATE P0001"))), name)
		g.Expect(err).NotTo(MatchError(ContainSubstring(planted)), name)
		var refused *pgconn.PgError
		g.Expect(errors.As(err, &refused)).To(BeFalse(), name)
	}
	execute(t, url, "ALTER TABLE kassa.deliveries RENAME COLUMN dead TO gone")
	_, err = l.Backlog(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("SQLSTATE 42703")))
	g.Expect(err).NotTo(MatchError(ContainSubstring("dead")))
	g.Expect(l.log.String()).To(ContainSubstring("SQLSTATE P0001"))
	g.Expect(l.log.String()).NotTo(ContainSubstring(planted))
}
