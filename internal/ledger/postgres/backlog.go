package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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

// Deliveries are read once, and nothing is looked up for them.
const backlogSQL = `
SELECT sink, count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead), min(kept_at) FILTER (WHERE NOT dead)
FROM kassa.deliveries WHERE receiver = $1 GROUP BY sink`

// An event that waits for two sinks is one event, and it is not given up while it waits for one of them. That is asked
// only where there are several.
const eventsSQL = `
SELECT count(*) FILTER (WHERE waits), count(*) FILTER (WHERE NOT waits)
FROM (SELECT bool_or(NOT dead) AS waits FROM kassa.deliveries WHERE receiver = $1 GROUP BY event_id) AS e`

// Backlog counts what waits; see ledger.Keeper.
func (l *Ledger) Backlog(ctx context.Context) (ledger.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	out := ledger.Backlog{BySink: map[string]int{}}
	pool, err := l.db.Pool()
	if err != nil {
		return out, unavailable(err)
	}
	if err := l.countBySink(ctx, pool, &out); err != nil {
		l.failed(err)
		return out, unavailable(err)
	}
	return out, nil
}

func (l *Ledger) countBySink(ctx context.Context, pool *pgxpool.Pool, out *ledger.Backlog) error {
	rows, err := pool.Query(ctx, backlogSQL, l.o.Receiver)
	if err != nil {
		return err
	}
	var (
		sink          string
		pending, dead int
		oldest        *time.Time
		sinks         int
	)
	_, err = pgx.ForEachRow(rows, []any{&sink, &pending, &dead, &oldest}, func() error {
		sinks++
		out.Pending, out.Dead = out.Pending+pending, out.Dead+dead
		if pending > 0 {
			out.BySink[sink] = pending
		}
		if oldest != nil && (out.Oldest.IsZero() || oldest.Before(out.Oldest)) {
			out.Oldest = *oldest
		}
		return nil
	})
	if err != nil || sinks < 2 {
		return err
	}
	return pool.QueryRow(ctx, eventsSQL, l.o.Receiver).Scan(&out.Pending, &out.Dead)
}
