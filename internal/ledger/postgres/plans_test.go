package postgres_test

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger/postgres"
)

// given are arguments of the statements, each of them for 200 events: I are ids of those that wait, K are new ones.
var given = map[string]string{
	"prune":    "'shop/a', 2592000000000, 5000",
	"keep":     "'shop/a', 'me', K, N, N, N, N, T, B, C, K, N, K, N, I, T, B, 30000000",
	"taken":    "'shop/a', 'app', I",
	"tried":    "'shop/a', 'me', I, N, B, T, B, N, N",
	"over":     "'shop/a', I",
	"lock":     "'shop/a', I",
	"unpacked": "'shop/a', I",
	"due":      "'shop/a', 'me', 64, 30000000, '{}', 33792, 17",
	"payload":  "'shop/a', 'evt_1'",
	"lookKept": "'shop/a', I, 'me'",
	"claim":    "'shop/a', 'me', I, N, C, 30000000, '{}'",
	"settle":   "'shop/a', 'me', I, S",
	"follow":   "'shop/a', N, I",
	"strayed":  "'shop/a', 'app', 'evt_1', 1000",
	"hurry":    "'shop/a', 'app', 1000",
	"backlog":  "'shop/a'",
	"events":   "'shop/a'",
	"look":     "'shop/a', I, 30000000",
}

func arguments(name string) string {
	return strings.NewReplacer("I", array("evt_%"), "K", array("new_%"), "N", array("app"), "T", array("2026-01-01"),
		"B", array("true"), "C", array("%"), "S", array("Processed")).Replace(given[name])
}

func array(element string) string {
	all := make([]string, 200)
	for i := range all {
		all[i] = strings.ReplaceAll(element, "%", strconv.Itoa(i+1))
	}
	return "'{" + strings.Join(all, ",") + "}'"
}

const (
	// What comes is 100,000 events of the last ten weeks, and 20,000 of them wait.
	comeSQL = `
INSERT INTO kassa.webhook_events (receiver, event_id, native_type, received_at, processed_at, state, claimed_by,
	claim_number, claimed_at)
SELECT 'shop/a', 'evt_' || i, 'invoice.paid', now() - i * interval '1 minute', now() - i * interval '1 minute',
	CASE WHEN i <= 20000 THEN 'Deferred' ELSE 'Processed' END, 'me', i, now() FROM generate_series(1, 100000) i
ON CONFLICT DO NOTHING`
	fewSQL = `
DELETE FROM kassa.webhook_events WHERE event_id NOT LIKE 'evt____';
VACUUM ANALYZE`
	noneSQL = `
DELETE FROM kassa.webhook_events`
	waitSQL = `
INSERT INTO kassa.deliveries (receiver, event_id, sink, order_key, occurred_at, next_attempt_at)
SELECT receiver, event_id, 'app', event_id, received_at, received_at FROM kassa.webhook_events WHERE state = 'Deferred'
ON CONFLICT DO NOTHING;
INSERT INTO kassa.payloads (receiver, event_id, body)
SELECT receiver, event_id, repeat(event_id, 20)::bytea FROM kassa.webhook_events WHERE state = 'Deferred'
ON CONFLICT DO NOTHING`
	// One stays, so that the tables keep their pages.
	doneSQL = `
DELETE FROM kassa.deliveries WHERE event_id <> 'evt_20000';
DELETE FROM kassa.payloads WHERE event_id <> 'evt_20000';
VACUUM ANALYZE kassa.deliveries;
VACUUM ANALYZE kassa.payloads`
	autovacuumSQL = `
ALTER TABLE kassa.webhook_events SET (autovacuum_enabled = off);
ALTER TABLE kassa.deliveries SET (autovacuum_enabled = off);
ALTER TABLE kassa.payloads SET (autovacuum_enabled = off)`
)

// maxRows bounds the rows that a plan may look at in all its nodes: some for each that it is about, and neither each
// with each other nor all that there are.
const maxRows = 10_000

// mostRows is for the statements that are about more: so many that are hurried or forgotten at once, or all that waits.
var mostRows = map[string]float64{
	"hurry": 20_000, "prune": 50_000, "strayed": 15_000, "backlog": 80_000, "events": 80_000,
}

// No statement compares all that waits with all that it is about, or reads all events, whatever the database believes
// of the tables: nothing at all, that they are empty, that almost nothing is on their pages, or the truth; with plans
// made for the arguments, and with plans for any, as old as they may be.
func TestPlans(t *testing.T) {
	g := NewWithT(t)
	conn, err := pgx.Connect(t.Context(), database(t))
	g.Expect(err).NotTo(HaveOccurred())
	do := func(script string) {
		t.Helper()
		for sql := range strings.SplitSeq(script, ";\n") {
			_, err := conn.Exec(t.Context(), sql)
			g.Expect(err).NotTo(HaveOccurred(), sql)
		}
	}
	do(autovacuumSQL)
	for name := range given {
		do("PREPARE " + name + " AS " + postgres.Statements[name])
	}
	look := func(believed string) {
		t.Helper()
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			do("SET plan_cache_mode = " + mode)
			for name := range given {
				do("BEGIN")
				if name != "backlog" && name != "events" {
					do(postgres.ByKey)
				}
				var plan []explained
				sql := "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE " + name + "(" + arguments(name) + ")"
				var text []byte
				g.Expect(conn.QueryRow(t.Context(), sql).Scan(&text)).To(Succeed())
				do("ROLLBACK")
				g.Expect(json.Unmarshal(text, &plan)).To(Succeed())
				most := cmp.Or(mostRows[name], maxRows)
				g.Expect(plan[0].Plan.rows()).To(BeNumerically("<", most),
					"%s, %s, %s: %s", believed, mode, name, text)
			}
		}
	}
	look("new tables")
	do(comeSQL)
	look("nothing of the events")
	// What is planned for two pages serves for all that comes.
	do(fewSQL)
	look("that there are few events")
	do(comeSQL)
	do(waitSQL)
	look("that there were few events")
	do(noneSQL)
	do(comeSQL)
	do("VACUUM ANALYZE")
	do(waitSQL)
	look("that nothing waits")
	do(doneSQL)
	do(waitSQL)
	look("that next to nothing waits")
	do("ANALYZE")
	look("the truth")
}

type explained struct{ Plan node }

// node of a plan.
type node struct {
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Joined   float64 `json:"Rows Removed by Join Filter"`
	Plans    []node
}

// rows that were looked at.
func (n node) rows() float64 {
	all := (n.Rows + n.Filtered + n.Joined) * n.Loops
	for _, below := range n.Plans {
		all += below.rows()
	}
	return all
}
