package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// What is told of an attempt at this moment is not waited for: it says itself when it is due.
const hurrySQL = `
UPDATE kassa.deliveries AS t SET next_attempt_at = now()
WHERE t.receiver = $1 AND t.sink = $2 AND t.event_id = ANY(ARRAY(
	SELECT event_id FROM kassa.deliveries
	WHERE receiver = $1 AND sink = $2 AND NOT dead AND NOT behind AND next_attempt_at > now()
	ORDER BY receiver, sink, next_attempt_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))`

// hurryBatch is how many deliveries are hurried in one transaction, so that who tells of attempts waits for few.
const hurryBatch = 1000

// Hurry makes what waits for a sink due now; see ledger.Keeper.
func (l *Ledger) Hurry(ctx context.Context, sink string) error {
	for {
		n, err := l.exec(ctx, hurrySQL, l.o.Receiver, sink, hurryBatch)
		if err != nil {
			return unavailable(err)
		}
		if n < hurryBatch {
			return nil
		}
	}
}

// An event that waits for two sinks is one event, and it is not given up while it waits for one of them.
const backlogSQL = `
SELECT sink, count(*), 0::bigint, NULL::timestamptz FROM kassa.deliveries
WHERE receiver = $1 AND NOT dead GROUP BY sink
UNION ALL
SELECT NULL, count(*) FILTER (WHERE d.waits), count(*) FILTER (WHERE NOT d.waits),
	min(e.received_at) FILTER (WHERE d.waits)
FROM (SELECT event_id, bool_or(NOT dead) AS waits FROM kassa.deliveries WHERE receiver = $1 GROUP BY event_id) AS d
	JOIN kassa.webhook_events e ON e.receiver = $1 AND e.event_id = d.event_id`

// Backlog counts what waits; see ledger.Keeper.
func (l *Ledger) Backlog(ctx context.Context) (ledger.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	out := ledger.Backlog{BySink: map[string]int{}}
	pool, err := l.db.Pool()
	if err != nil {
		return out, unavailable(err)
	}
	rows, err := pool.Query(ctx, backlogSQL, l.o.Receiver)
	if err == nil {
		var (
			sink          *string // nil: of all
			pending, dead int
			oldest        *time.Time
		)
		_, err = pgx.ForEachRow(rows, []any{&sink, &pending, &dead, &oldest}, func() error {
			if sink != nil {
				out.BySink[*sink] = pending
				return nil
			}
			out.Pending, out.Dead = pending, dead
			if oldest != nil {
				out.Oldest = *oldest
			}
			return nil
		})
	}
	if err != nil {
		l.metrics.failed(err)
		return out, unavailable(err)
	}
	return out, nil
}
