package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// unknownSQL is of ids with their places, so that the answer has their order. A claim that is over is nobody's.
const unknownSQL = `
SELECT a.id FROM unnest($2::text[]) WITH ORDINALITY AS a (id, place)
WHERE NOT EXISTS (SELECT 1 FROM kassa.webhook_events t WHERE t.receiver = $1 AND t.event_id = a.id
	AND NOT (t.state = 'Claimed' AND t.claimed_at <= now() - $3 * interval '1 microsecond'))
ORDER BY a.place`

// Unknown asks the database once; see ledger.Ledger.
func (l *Ledger) Unknown(ctx context.Context, ids []string) (out []string, err error) {
	err = l.ask(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, unknownSQL, l.o.Receiver, ids, l.o.ClaimTimeout.Microseconds())
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return out, err
}

// ask reads or writes by itself, in time.
func (l *Ledger) ask(ctx context.Context, do func(context.Context, *pgxpool.Pool) error) error {
	if err := l.Ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.o.CommitTimeout, errSlow)
	defer cancel()
	pool, err := l.db.Pool()
	if err == nil {
		err = do(ctx, pool)
	}
	if err != nil {
		l.failed(err)
		return unavailable(err)
	}
	return nil
}
