package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/store"
)

// The first that is left of a key follows what was taken or given up. It is not waited for: who has the row locked has
// it in hand.
const followSQL = `
INSERT INTO kassa.deliveries AS t (receiver, event_id, sink, occurred_at, next_attempt_at)
SELECT next.receiver, next.event_id, next.sink, next.occurred_at, next.next_attempt_at
FROM unnest($2::text[], $3::text[]) AS a (sink, order_key) CROSS JOIN LATERAL (
	SELECT * FROM kassa.deliveries AS o
	WHERE o.receiver = $1 AND o.sink = a.sink AND o.order_key = a.order_key AND NOT o.dead
	ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
) AS next WHERE next.behind
ON CONFLICT (event_id, receiver, sink) DO UPDATE SET behind = false`

// What lost its earlier event in another way is found by looking at all that is behind: it came at the moment at which
// another replica took the earlier one away, a person deleted that, or a replica of an older version had it.
const strayedSQL = `
INSERT INTO kassa.deliveries AS t (receiver, event_id, sink, occurred_at, next_attempt_at)
SELECT * FROM (
	SELECT receiver, event_id, sink, occurred_at, next_attempt_at FROM kassa.deliveries AS d
	WHERE receiver = $1 AND behind AND NOT dead AND event_id = (SELECT event_id FROM kassa.deliveries AS o
		WHERE o.receiver = $1 AND o.sink = d.sink AND o.order_key = d.order_key AND NOT o.dead
		ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1)
	FOR NO KEY UPDATE SKIP LOCKED
) AS alone
ON CONFLICT (event_id, receiver, sink) DO UPDATE SET behind = false`

// strayPause is how long an event may be behind one that is gone.
const strayPause = 20 * time.Second

// strays looks for such events until ctx ends.
func (l *Ledger) strays(ctx context.Context) {
	for {
		_, _ = l.exec(ctx, strayedSQL, l.o.Receiver)
		select {
		case <-ctx.Done():
			return
		case <-time.After(strayPause):
		}
	}
}

// queueFollow lets go on what is behind those attempts that ended a delivery.
func queueFollow(b *pgx.Batch, receiver string, attempts []*op) (read []func(pgx.BatchResults) error) {
	var over []*op
	var sinks, keys []string
	seen := map[[2]string]bool{}
	for _, o := range attempts {
		if o.attempt.OrderKey == "" || o.attempt.Result == ledger.Deferred {
			continue
		}
		over = append(over, o)
		if place := [2]string{o.attempt.Sink, store.ID(o.attempt.OrderKey)}; !seen[place] {
			seen[place] = true
			sinks, keys = append(sinks, place[0]), append(keys, place[1])
		}
	}
	if len(over) == 0 {
		return nil
	}
	b.Queue(followSQL, receiver, sinks, keys)
	return []func(pgx.BatchResults) error{func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		for _, o := range over {
			o.followed = tag.RowsAffected() > 0
		}
		return err
	}}
}
