package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// unknownSQL is of ids with their places, so that the answer has their order. A claim that is over is nobody's.
const unknownSQL = `
SELECT a.id FROM unnest($2::text[]) WITH ORDINALITY AS a (id, place)
WHERE NOT EXISTS (SELECT 1 FROM kassa.webhook_events t WHERE t.receiver = $1 AND t.event_id = a.id
	AND NOT (t.state = 'Claimed' AND t.claimed_at <= now() - $3 * interval '1 microsecond'))
ORDER BY a.place`

// Unknown asks the database once; see ledger.Ledger.
func (l *Ledger) Unknown(ctx context.Context, ids []string) ([]string, error) {
	if err := l.Ready(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.o.CommitTimeout, errSlow)
	defer cancel()
	pool, err := l.db.Pool()
	if err != nil {
		return nil, unavailable(err)
	}
	rows, err := pool.Query(ctx, unknownSQL, l.o.Receiver, ids, l.o.ClaimTimeout.Microseconds())
	if err != nil {
		return nil, unavailable(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, unavailable(err)
	}
	return out, nil
}
