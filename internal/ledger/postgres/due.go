package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/store"
)

// What is due is locked in the order of its index, as many rows as were asked for. The first of its key is taken in
// hand, and what turns out to be behind another is marked and not seen again. All of it is there, so each row is in
// conflict, and is found by its key.
const dueSQL = `
WITH look AS (
	SELECT * FROM kassa.deliveries
	WHERE receiver = $1 AND NOT dead AND NOT behind AND next_attempt_at <= now()
		AND (held_until IS NULL OR held_until < now())
	ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
), placed AS MATERIALIZED (
	SELECT *, CASE WHEN order_key = '' THEN false ELSE event_id <> (SELECT event_id FROM kassa.deliveries AS o
		WHERE o.receiver = $1 AND o.sink = look.sink AND o.order_key = look.order_key AND NOT o.dead
		ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1) END AS follows
	FROM look
), taken AS (
	INSERT INTO kassa.deliveries AS t (receiver, event_id, sink, occurred_at, next_attempt_at, holder, held_until, behind)
	SELECT receiver, event_id, sink, occurred_at, next_attempt_at, CASE WHEN follows THEN '' ELSE $2 END,
		CASE WHEN NOT follows THEN now() + $4 * interval '1 microsecond' END, follows
	FROM placed
	ON CONFLICT (event_id, receiver, sink) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until,
		behind = excluded.behind
	RETURNING t.event_id, t.sink, t.order_key, t.occurred_at, t.attempts, t.next_attempt_at, t.behind
)
SELECT taken.behind, taken.event_id, taken.sink, taken.order_key, taken.occurred_at, taken.attempts, e.native_type,
	e.type, e.received_at, p.body
FROM taken CROSS JOIN LATERAL (
	SELECT native_type, type, received_at FROM kassa.webhook_events
	WHERE receiver = $1 AND event_id = taken.event_id ORDER BY event_id, receiver LIMIT 1
) AS e LEFT JOIN LATERAL (
	SELECT body FROM kassa.payloads
	WHERE receiver = $1 AND event_id = taken.event_id AND NOT taken.behind ORDER BY event_id, receiver LIMIT 1
) AS p ON true
ORDER BY taken.next_attempt_at`

// Due takes deliveries in hand; see ledger.Keeper.
func (l *Ledger) Due(ctx context.Context, limit int) ([]ledger.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	var out []ledger.Delivery
	for {
		asked := limit - len(out)
		looked, err := l.due(ctx, asked, &out)
		if err != nil {
			if err = l.notDue(ctx, err); len(out) > 0 {
				return out, nil // they are in hand
			}
			return nil, err
		}
		if looked < asked || len(out) == limit {
			return out, nil
		}
	}
}

// due adds to out what is in hand of so many deliveries as limit says, and returns how many it looked at.
func (l *Ledger) due(ctx context.Context, limit int, out *[]ledger.Delivery) (looked int, err error) {
	lease := l.o.Lease()
	until := time.Now().Add(lease)
	hold := "/" + strconv.FormatInt(l.numbers.Add(1), 10)
	var taken []ledger.Delivery
	err = l.query(ctx, func(r pgx.BatchResults) error {
		rows, err := r.Query()
		if err != nil {
			return err
		}
		var d ledger.Delivery
		var kind string
		var behind bool
		_, err = pgx.ForEachRow(rows, []any{
			&behind, &d.ID, &d.Sink, &d.OrderKey, &d.OccurredAt, &d.Attempts, &d.Type, &kind, &d.ReceivedAt, &d.Payload,
		}, func() error {
			looked++
			if behind {
				return nil
			}
			// It is in hand with its neighbours, so one that cannot be read is handed on all the same.
			d.Payload, _ = store.Unpack(d.Payload)
			d.Kind, d.Hold, d.Until = billing.EventType(kind), hold, until
			taken = append(taken, d)
			d.Payload = nil
			return nil
		})
		return err
	}, dueSQL, l.o.Receiver, l.holder+hold, limit, lease.Microseconds())
	if err == nil {
		*out = append(*out, taken...)
	}
	return looked, err
}

// notDue tells why nothing is due. This is asked all the time, and so finds out first that tables are gone.
func (l *Ledger) notDue(ctx context.Context, err error) error {
	l.failed(err)
	if l.ready.Load() && store.Code(err) == undefinedTable {
		_ = l.db.Check(ctx, l.o.Log)
	}
	return unavailable(err)
}
