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

// What is due of each sink is locked in the order of its index, as many rows as were asked for. The sinks are those
// that the index has: it is asked for the next one after each. The first of its key is taken in hand, and what turns
// out to be behind another is marked and not seen again. All of it is there, so each row is in conflict, and is found
// by its key.
const dueSQL = `
WITH RECURSIVE sinks AS (
	(SELECT sink FROM kassa.deliveries WHERE receiver = $1 AND NOT dead AND NOT behind
	ORDER BY receiver, sink, next_attempt_at LIMIT 1)
	UNION ALL
	SELECT (SELECT sink FROM kassa.deliveries AS o
		WHERE o.receiver = $1 AND NOT o.dead AND NOT o.behind AND o.sink > sinks.sink
		ORDER BY o.receiver, o.sink, o.next_attempt_at LIMIT 1)
	FROM sinks WHERE sinks.sink IS NOT NULL
), look AS (
	SELECT due.* FROM sinks CROSS JOIN LATERAL (
		SELECT * FROM kassa.deliveries AS o
		WHERE o.receiver = $1 AND o.sink = sinks.sink AND NOT o.dead AND NOT o.behind AND o.next_attempt_at <= now()
			AND (o.held_until IS NULL OR o.held_until < now())
		ORDER BY o.receiver, o.sink, o.next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
	) AS due WHERE sinks.sink <> ALL($5::text[])
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
	SELECT CASE WHEN octet_length(body) <= $6 THEN body ELSE substr(body, 1, $7) END AS body FROM kassa.payloads
	WHERE receiver = $1 AND event_id = taken.event_id AND NOT taken.behind ORDER BY event_id, receiver LIMIT 1
) AS p ON true
ORDER BY taken.next_attempt_at`

// Due takes deliveries in hand; see ledger.Keeper. Sinks of which it saw hardly anything but what was behind are looked
// at again.
func (l *Ledger) Due(ctx context.Context, limit int, except ...string) ([]ledger.Delivery, error) {
	limited, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	except = append([]string{}, except...) // not NULL
	var out []ledger.Delivery
	for got := map[string]int{}; ; {
		taken, looked, err := l.due(limited, limit, except)
		if err != nil {
			if err = l.notDue(ctx, err); len(out) > 0 {
				return out, nil // they are in hand
			}
			return nil, err
		}
		for _, d := range taken {
			got[d.Sink]++
		}
		out = append(out, taken...)
		more := false
		for sink, n := range looked {
			if n < limit || got[sink] >= limit {
				except = append(except, sink)
			} else {
				more = true
			}
		}
		if !more {
			return out, nil
		}
	}
}

// due takes in hand what is due among so many deliveries of each sink as limit says, and returns how many it looked at.
func (l *Ledger) due(
	ctx context.Context, limit int, except []string,
) (taken []ledger.Delivery, looked map[string]int, err error) {
	lease := l.o.Lease()
	until := time.Now().Add(lease)
	hold := "/" + strconv.FormatInt(l.numbers.Add(1), 10)
	looked = map[string]int{}
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
			looked[d.Sink]++
			if behind {
				return nil
			}
			d.Payload, d.Size = unpackSmall(d.Payload)
			d.Kind, d.Hold, d.Until = billing.EventType(kind), hold, until
			taken = append(taken, d)
			d.Payload = nil
			return nil
		})
		return err
	}, dueSQL, l.o.Receiver, l.holder+hold, limit, lease.Microseconds(), except, maxPacked, store.SizeLength)
	if err != nil {
		return nil, nil, err
	}
	return taken, looked, nil
}

// Due takes events in hand before anybody knows whether there is room for them. Of those that are larger than
// maxUnasked it brings only the size, so that a hundred of them are not more than a few. In maxPacked goes every one
// that is not larger, even if it cannot be compressed.
const (
	maxUnasked = 32 << 10
	maxPacked  = maxUnasked + 1<<10
)

// unpackSmall is a payload that is small, and the size of each. An event is in hand with its neighbours, so one that
// cannot be read is handed on all the same, with neither.
func unpackSmall(packed []byte) (payload []byte, size int) {
	size, err := store.Size(packed)
	if err != nil || size > maxUnasked {
		return nil, size
	}
	payload, err = store.Unpack(packed)
	if err != nil {
		return nil, 0
	}
	return payload, len(payload)
}

const payloadSQL = `
SELECT body FROM kassa.payloads WHERE receiver = $1 AND event_id = $2 ORDER BY event_id, receiver LIMIT 1`

// maxReads is how many payloads are read at once. There may be room for many more, and the database may be slow to give
// them: the rest of the pool's connections are for the events that come, and for what is due.
const maxReads = 2

// Payload reads that of an event that is in hand; see ledger.Keeper.
func (l *Ledger) Payload(ctx context.Context, eventID string) (payload []byte, err error) {
	select {
	case l.payloads <- struct{}{}:
		defer func() { <-l.payloads }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.o.CommitTimeout, errSlow)
	defer cancel()
	err = l.query(ctx, func(r pgx.BatchResults) error {
		rows, err := r.Query()
		if err != nil {
			return err
		}
		var body []byte
		_, err = pgx.ForEachRow(rows, []any{&body}, func() error {
			payload, _ = store.Unpack(body)
			return nil
		})
		return err
	}, payloadSQL, l.o.Receiver, eventID)
	if err != nil {
		return nil, l.notDue(ctx, err)
	}
	return payload, nil
}

// notDue tells why nothing is due. This is asked all the time, and so finds out first that tables are gone, or that the
// database went back to an older backup.
func (l *Ledger) notDue(ctx context.Context, err error) error {
	l.failed(err)
	switch code := store.Code(err); {
	case !l.ready.Load():
	case code == undefinedTable:
		_ = l.db.Check(ctx, l.o.Log)
	case code == undefinedColumn:
		ctx, cancel := context.WithTimeout(ctx, repairLimit)
		defer cancel()
		_ = l.db.Prepare(ctx, l.o.Log)
	}
	return unavailable(err)
}
