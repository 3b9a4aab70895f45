package postgres

import (
	"context"
	"time"
)

const (
	pruneInterval = 10 * time.Minute
	pruneBatch    = 5_000
)

// Events that are old enough, and that nobody has in hand or waits for, with what was given up of them. Their ids are
// an array so that each of them is looked up, and the state is asked again in other words, which the index of the old
// ones does not answer: whatever the database believes of the table's size, it is read nowhere else. One that is
// replayed at this moment stays.
const pruneSQL = `
DELETE FROM kassa.webhook_events WHERE receiver = $1 AND state <> 'Deferred' AND event_id = ANY(ARRAY(
	SELECT event_id FROM kassa.webhook_events
	WHERE receiver = $1 AND processed_at < now() - $2 * interval '1 microsecond' AND state IN ('Processed', 'Dead')
	ORDER BY processed_at LIMIT $3))`

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
		n, err := l.exec(ctx, pruneSQL, l.o.Receiver, l.o.Retention().Microseconds(), pruneBatch)
		if err != nil {
			return
		}
		l.metrics.pruned(n)
		if n < pruneBatch {
			return
		}
	}
}
