package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// What sinks took is done, whoever has it in hand now.
const takenSQL = `
DELETE FROM kassa.deliveries AS t USING unnest($2::text[], $3::text[]) AS a (id, sink)
WHERE t.receiver = $1 AND t.event_id = a.id AND t.sink = a.sink`

// What they did not take waits, or is given up. If the lease was over, and another process has it in hand now, it is that
// one's to say.
const triedSQL = `
UPDATE kassa.deliveries AS t SET holder = '', held_until = NULL, dead = a.dead, next_attempt_at = a.next,
	attempts = t.attempts + CASE WHEN a.tried THEN 1 ELSE 0 END,
	last_attempt_at = CASE WHEN a.tried THEN now() ELSE t.last_attempt_at END,
	last_error = CASE WHEN a.error <> '' THEN a.error ELSE t.last_error END
FROM unnest($3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::boolean[], $8::text[])
	AS a (id, sink, dead, next, tried, error)
WHERE t.receiver = $1 AND t.event_id = a.id AND t.sink = a.sink AND t.holder = $2`

// An event is processed once nobody has to get it any more, and dead once all that still had to were given up.
const overSQL = `
UPDATE kassa.webhook_events AS t SET processed_at = now(),
	state = CASE WHEN EXISTS (SELECT 1 FROM kassa.deliveries d WHERE d.receiver = $1 AND d.event_id = t.event_id)
		THEN 'Dead' ELSE 'Processed' END
WHERE t.receiver = $1 AND t.event_id = ANY($2) AND t.state = 'Deferred' AND NOT EXISTS (
	SELECT 1 FROM kassa.deliveries d WHERE d.receiver = $1 AND d.event_id = t.event_id AND NOT d.dead)`

// The payload goes with the last delivery.
const unpackedSQL = `
DELETE FROM kassa.payloads AS t WHERE t.receiver = $1 AND t.event_id = ANY($2) AND NOT EXISTS (
	SELECT 1 FROM kassa.deliveries d WHERE d.receiver = $1 AND d.event_id = t.event_id)`

const dueSQL = `
WITH due AS (
	SELECT event_id, sink FROM kassa.deliveries AS d
	WHERE receiver = $1 AND NOT dead AND next_attempt_at <= now() AND (held_until IS NULL OR held_until < now())
		AND NOT EXISTS (SELECT 1 FROM kassa.deliveries o WHERE o.receiver = $1 AND o.sink = d.sink
			AND d.order_key <> '' AND o.order_key = d.order_key AND NOT o.dead
			AND (o.occurred_at, o.event_id) < (d.occurred_at, d.event_id))
	ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
), taken AS (
	UPDATE kassa.deliveries AS t SET holder = $2, held_until = now() + $4 * interval '1 microsecond'
	FROM due WHERE t.receiver = $1 AND t.event_id = due.event_id AND t.sink = due.sink
	RETURNING t.event_id, t.sink, t.order_key, t.occurred_at, t.attempts, t.next_attempt_at
)
SELECT taken.event_id, taken.sink, taken.order_key, taken.occurred_at, taken.attempts, e.native_type, e.type,
	e.received_at, p.body
FROM taken JOIN kassa.webhook_events e ON e.receiver = $1 AND e.event_id = taken.event_id
	JOIN kassa.payloads p ON p.receiver = $1 AND p.event_id = taken.event_id
ORDER BY taken.next_attempt_at`

// Attempted tells what came of a delivery; see ledger.Keeper.
func (l *Ledger) Attempted(ctx context.Context, a ledger.Attempt) error {
	o := l.newOp(ledger.Event{ID: a.EventID})
	o.attempt = &a
	return l.commit(ctx, o)
}

func byDelivery(a, b *op) int {
	return cmp.Or(byEvent(a, b), cmp.Compare(a.attempt.Sink, b.attempt.Sink))
}

func sinkOf(o *op) string { return o.attempt.Sink }

func queueAttempts(b *pgx.Batch, receiver, holder string, attempts []*op) (statements int) {
	slices.SortFunc(attempts, byDelivery)
	var taken, tried []*op
	for _, o := range attempts {
		if o.attempt.Result == ledger.Processed {
			taken = append(taken, o)
		} else {
			tried = append(tried, o)
		}
	}
	before := b.Len()
	if len(tried) > 0 {
		b.Queue(triedSQL, receiver, holder, column(tried, eventID), column(tried, sinkOf),
			column(tried, func(o *op) bool { return o.attempt.Result == ledger.Dead }),
			column(tried, func(o *op) time.Time { return o.attempt.Next }),
			column(tried, func(o *op) bool { return o.attempt.Tried }),
			column(tried, func(o *op) string { return o.attempt.Error }))
	}
	if len(taken) > 0 {
		b.Queue(takenSQL, receiver, column(taken, eventID), column(taken, sinkOf))
	}
	events := slices.Compact(column(attempts, eventID))
	b.Queue(overSQL, receiver, events)
	b.Queue(unpackedSQL, receiver, events)
	return b.Len() - before
}

// Due takes deliveries in hand; see ledger.Keeper.
func (l *Ledger) Due(ctx context.Context, limit int) ([]ledger.Delivery, error) {
	pool, err := l.db.Pool()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	rows, err := pool.Query(ctx, dueSQL, l.o.Receiver, l.holder, limit, l.o.ClaimTimeout.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	var out []ledger.Delivery
	var d ledger.Delivery
	var kind string
	_, err = pgx.ForEachRow(rows, []any{
		&d.ID, &d.Sink, &d.OrderKey, &d.OccurredAt, &d.Attempts, &d.Type, &kind, &d.ReceivedAt, &d.Payload,
	}, func() error {
		body, err := unpack(d.Payload)
		if err != nil {
			return err
		}
		d.Kind, d.Payload = billing.EventType(kind), body
		out = append(out, d)
		d.Payload = nil
		return nil
	})
	if err != nil {
		l.metrics.failed(err)
		return nil, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	return out, nil
}
