package postgres

import (
	"context"
	"time"
)

const (
	pruneInterval = 10 * time.Minute
	pruneBatch    = 5_000
)

// Events that are old enough, and that nobody has in hand or waits for.
const pruneSQL = `
DELETE FROM kassa.webhook_events WHERE (receiver, event_id) IN (
	SELECT receiver, event_id FROM kassa.webhook_events
	WHERE receiver = $1 AND processed_at < now() - $2 * interval '1 microsecond' AND state IN ('Processed', 'Dead')
	ORDER BY processed_at LIMIT $3)`

// prune forgets old events until ctx ends.
func (l *Ledger) prune(ctx context.Context) {
	for {
		l.forget(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pruneInterval):
		}
	}
}

// forget deletes in small transactions, which keep nobody waiting. What fails is done the next time.
func (l *Ledger) forget(ctx context.Context) {
	for ctx.Err() == nil {
		pool, err := l.db.Pool()
		if err != nil {
			return
		}
		tag, err := pool.Exec(ctx, pruneSQL, l.o.Receiver, l.o.Retention().Microseconds(), pruneBatch)
		if err != nil {
			l.metrics.failed(err)
			return
		}
		l.metrics.pruned(tag.RowsAffected())
		if tag.RowsAffected() < pruneBatch {
			return
		}
	}
}
