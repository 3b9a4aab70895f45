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

// What lost its earlier event in another way is looked for: it came at the moment at which another replica took the
// earlier one away, a person deleted that, or a replica of an older version had it. From a place in the index of the
// order on, the first event of each of so many keys is looked at, however many are behind it.
const strayedSQL = `
WITH RECURSIVE first AS (
	(SELECT sink, order_key, event_id, behind, 1 AS place FROM kassa.deliveries
	WHERE receiver = $1 AND NOT dead AND (sink, order_key) > ($2, $3)
	ORDER BY receiver, sink, order_key, occurred_at, event_id LIMIT 1)
	UNION ALL
	SELECT next.sink, next.order_key, next.event_id, next.behind, first.place + 1 FROM first CROSS JOIN LATERAL (
		SELECT * FROM kassa.deliveries AS o
		WHERE o.receiver = $1 AND NOT o.dead AND (o.sink, o.order_key) > (first.sink, first.order_key)
		ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1
	) AS next WHERE first.place < $4
), alone AS (
	SELECT d.* FROM first CROSS JOIN LATERAL (
		SELECT receiver, event_id, sink, occurred_at, next_attempt_at FROM kassa.deliveries
		WHERE receiver = $1 AND event_id = first.event_id AND sink = first.sink AND behind AND NOT dead
		ORDER BY event_id, receiver, sink LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
	) AS d WHERE first.behind
), free AS (
	INSERT INTO kassa.deliveries AS t (receiver, event_id, sink, occurred_at, next_attempt_at) SELECT * FROM alone
	ON CONFLICT (event_id, receiver, sink) DO UPDATE SET behind = false
)
SELECT sink, order_key FROM first WHERE place = $4`

const (
	// strayPause is how long an event may be behind one that is gone, and strayStep how much longer for each strayBatch
	// of keys that wait.
	strayPause = 20 * time.Second
	strayStep  = 200 * time.Millisecond
	strayBatch = 1000
)

// strays looks for such events until ctx ends.
func (l *Ledger) strays(ctx context.Context) {
	for sink, key := "", ""; ; {
		var err error
		pause := strayPause
		if sink, key, err = l.strayed(ctx, sink, key); err == nil && sink != "" {
			pause = strayStep
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// strayed looks at a batch of keys after this one, and returns the last of them; empty once there are no more.
func (l *Ledger) strayed(ctx context.Context, afterSink, afterKey string) (sink, key string, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	err = l.query(ctx, func(r pgx.BatchResults) error {
		rows, err := r.Query()
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&sink, &key}, func() error { return nil })
		return err
	}, strayedSQL, l.o.Receiver, afterSink, afterKey, strayBatch)
	if err != nil {
		l.failed(err)
		return afterSink, afterKey, err
	}
	return sink, key, nil
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
