package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/store"
)

// These tables fill and empty within minutes, and what the database believes of their size may be long out of date. So
// each statement names the rows that it is about in a way that leaves no choice: by an array of ids, each of which is
// looked up, or by the first row in an index's order. A join, or EXISTS, with nothing else to narrow it down may be
// worked out by comparing all that waits with all that was asked for.

// Whoever tells of an event waits for those that do at the same time, in an order in which they cannot wait for each
// other: what they took away is seen then, and the last of them finds that the event is over. What it says of an event
// that was over before stands.
const lockSQL = `
SELECT event_id, state FROM kassa.webhook_events WHERE receiver = $1 AND event_id = ANY($2)
ORDER BY event_id FOR NO KEY UPDATE`

// What sinks took is done, whoever has it in hand now.
const takenSQL = `
DELETE FROM kassa.deliveries AS t USING unnest($2::text[], $3::text[]) AS a (id, sink)
WHERE t.receiver = $1 AND t.event_id = ANY($2) AND t.event_id = a.id AND t.sink = a.sink`

// What they did not take waits, or is given up. If it is in hand once more, as the lease was over or this was told
// before and the answer got lost, it is for that hold to say.
const triedSQL = `
UPDATE kassa.deliveries AS t SET holder = '', held_until = NULL, dead = a.dead, next_attempt_at = a.next,
	attempts = t.attempts + CASE WHEN a.tried THEN 1 ELSE 0 END,
	last_attempt_at = CASE WHEN a.tried THEN now() ELSE t.last_attempt_at END,
	last_error = CASE WHEN a.error <> '' THEN a.error ELSE t.last_error END
FROM unnest($3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::boolean[], $8::text[], $9::text[])
	AS a (id, sink, dead, next, tried, error, hold)
WHERE t.receiver = $1 AND t.event_id = ANY($3) AND t.event_id = a.id AND t.sink = a.sink AND t.holder = $2 || a.hold`

// An event is processed once nobody has to get it any more, and dead once all that still had to were given up.
const overSQL = `
WITH rest AS (SELECT event_id, dead FROM kassa.deliveries WHERE receiver = $1 AND event_id = ANY($2))
UPDATE kassa.webhook_events AS t SET processed_at = now(),
	state = CASE WHEN t.event_id = ANY(ARRAY(SELECT event_id FROM rest)) THEN 'Dead' ELSE 'Processed' END
WHERE t.receiver = $1 AND t.event_id = ANY($2) AND t.state = 'Deferred'
	AND t.event_id <> ALL(ARRAY(SELECT event_id FROM rest WHERE NOT dead))
RETURNING t.event_id, t.state`

// The payload goes with the last delivery.
const unpackedSQL = `
DELETE FROM kassa.payloads AS t WHERE t.receiver = $1 AND t.event_id = ANY($2) AND t.event_id <> ALL(ARRAY(
	SELECT event_id FROM kassa.deliveries WHERE receiver = $1 AND event_id = ANY($2)))`

const dueSQL = `
WITH due AS (
	SELECT event_id, sink FROM kassa.deliveries AS d
	WHERE receiver = $1 AND NOT dead AND next_attempt_at <= now() AND (held_until IS NULL OR held_until < now())
		AND CASE WHEN order_key = '' THEN true ELSE event_id = (SELECT event_id FROM kassa.deliveries AS o
			WHERE o.receiver = $1 AND o.sink = d.sink AND o.order_key = d.order_key AND NOT o.dead
			ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1) END
	ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
), taken AS (
	UPDATE kassa.deliveries AS t SET holder = $2, held_until = now() + $4 * interval '1 microsecond'
	FROM due WHERE t.receiver = $1 AND t.event_id = ANY(ARRAY(SELECT event_id FROM due))
		AND t.event_id = due.event_id AND t.sink = due.sink
	RETURNING t.event_id, t.sink, t.order_key, t.occurred_at, t.attempts, t.next_attempt_at
)
SELECT taken.event_id, taken.sink, taken.order_key, taken.occurred_at, taken.attempts, e.native_type, e.type,
	e.received_at, p.body
FROM taken JOIN kassa.webhook_events e ON e.receiver = $1 AND e.event_id = taken.event_id
		AND e.event_id = ANY(ARRAY(SELECT event_id FROM taken))
	JOIN kassa.payloads p ON p.receiver = $1 AND p.event_id = taken.event_id
		AND p.event_id = ANY(ARRAY(SELECT event_id FROM taken))
ORDER BY taken.next_attempt_at`

// queryLimit bounds a statement on its own, whose connection may be dead.
const queryLimit = 10 * time.Second

// longestLease lets each of several events have what it was promised.
func longestLease(keeps []*op) (out time.Duration) {
	for _, o := range keeps {
		out = max(out, o.lease)
	}
	return out
}

// Attempted tells what came of a delivery; see ledger.Keeper.
func (l *Ledger) Attempted(ctx context.Context, a ledger.Attempt) (ledger.State, error) {
	o := l.newOp(ledger.Event{ID: a.EventID})
	o.attempt = &a
	o.claim.State = ledger.Processed // of an event that is forgotten already
	if err := l.commit(ctx, o); err != nil {
		return "", err // its transaction may be under way
	}
	return o.claim.State, nil
}

func byDelivery(a, b *op) int {
	return cmp.Or(byEvent(a, b), cmp.Compare(a.attempt.Sink, b.attempt.Sink))
}

func sinkOf(o *op) string { return o.attempt.Sink }

func queueAttempts(
	b *pgx.Batch, receiver, holder string, attempts []*op,
) (read []func(pgx.BatchResults) error) {
	slices.SortFunc(attempts, byDelivery)
	events := slices.Compact(column(attempts, eventID))
	states := func(r pgx.BatchResults) error { return readStates(r, attempts) }
	b.Queue(lockSQL, receiver, events)
	read = append(read, states)
	var taken, tried []*op
	for _, o := range attempts {
		if o.attempt.Result == ledger.Processed {
			taken = append(taken, o)
		} else {
			tried = append(tried, o)
		}
	}
	if len(tried) > 0 {
		b.Queue(triedSQL, receiver, holder, column(tried, eventID), column(tried, sinkOf),
			column(tried, func(o *op) bool { return o.attempt.Result == ledger.Dead }),
			column(tried, func(o *op) time.Time { return o.attempt.Next }),
			column(tried, func(o *op) bool { return o.attempt.Tried }),
			column(tried, func(o *op) string { return o.attempt.Error }),
			column(tried, func(o *op) string { return o.attempt.Hold }))
		read = append(read, nothing)
	}
	if len(taken) > 0 {
		b.Queue(takenSQL, receiver, column(taken, eventID), column(taken, sinkOf))
		read = append(read, nothing)
	}
	b.Queue(overSQL, receiver, events)
	b.Queue(unpackedSQL, receiver, events)
	return append(read, states, nothing)
}

// nothing reads the results of a statement that returns none.
func nothing(r pgx.BatchResults) error {
	_, err := r.Exec()
	return err
}

// readStates reads how events stand, each time a little later.
func readStates(r pgx.BatchResults, attempts []*op) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	var id, state string
	_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
		for _, o := range attempts {
			if o.event.ID == id {
				o.claim.State = ledger.State(state)
			}
		}
		return nil
	})
	return err
}

// What is told of an attempt at this moment is not waited for: it says itself when it is due.
const hurrySQL = `
UPDATE kassa.deliveries AS t SET next_attempt_at = now()
WHERE t.receiver = $1 AND t.sink = $2 AND t.event_id = ANY(ARRAY(
	SELECT event_id FROM kassa.deliveries
	WHERE receiver = $1 AND sink = $2 AND NOT dead AND next_attempt_at > now()
	ORDER BY next_attempt_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))`

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

// exec runs a statement on its own, and returns how many rows it changed.
func (l *Ledger) exec(ctx context.Context, sql string, arguments ...any) (int64, error) {
	pool, err := l.db.Pool()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	tag, err := pool.Exec(ctx, sql, arguments...)
	if err != nil {
		l.metrics.failed(err)
	}
	return tag.RowsAffected(), err
}

// An event that waits for two sinks is one event, and it is not given up while it waits for one of them.
const backlogSQL = `
SELECT sink, count(*), 0::bigint, NULL::timestamptz FROM kassa.deliveries
WHERE receiver = $1 AND NOT dead GROUP BY sink
UNION ALL
SELECT NULL, count(*) FILTER (WHERE d.waits), count(*) FILTER (WHERE NOT d.waits),
	min(e.received_at) FILTER (WHERE d.waits)
FROM (SELECT event_id, bool_or(NOT dead) AS waits FROM kassa.deliveries WHERE receiver = $1 GROUP BY event_id) AS d
	JOIN kassa.webhook_events e ON e.receiver = $1 AND e.event_id = d.event_id`

// Backlog counts what waits; see ledger.Keeper.
func (l *Ledger) Backlog(ctx context.Context) (ledger.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	out := ledger.Backlog{BySink: map[string]int{}}
	pool, err := l.db.Pool()
	if err != nil {
		return out, unavailable(err)
	}
	rows, err := pool.Query(ctx, backlogSQL, l.o.Receiver)
	if err == nil {
		var (
			sink          *string // nil: of all
			pending, dead int
			oldest        *time.Time
		)
		_, err = pgx.ForEachRow(rows, []any{&sink, &pending, &dead, &oldest}, func() error {
			if sink != nil {
				out.BySink[*sink] = pending
				return nil
			}
			out.Pending, out.Dead = pending, dead
			if oldest != nil {
				out.Oldest = *oldest
			}
			return nil
		})
	}
	if err != nil {
		l.metrics.failed(err)
		return out, unavailable(err)
	}
	return out, nil
}

// Due takes deliveries in hand; see ledger.Keeper.
func (l *Ledger) Due(ctx context.Context, limit int) ([]ledger.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	pool, err := l.db.Pool()
	if err != nil {
		return nil, unavailable(err)
	}
	lease := l.o.Lease()
	until := time.Now().Add(lease)
	hold := "/" + strconv.FormatInt(l.numbers.Add(1), 10)
	rows, err := pool.Query(ctx, dueSQL, l.o.Receiver, l.holder+hold, limit, lease.Microseconds())
	if err != nil {
		return nil, l.notDue(ctx, err)
	}
	var out []ledger.Delivery
	var d ledger.Delivery
	var kind string
	_, err = pgx.ForEachRow(rows, []any{
		&d.ID, &d.Sink, &d.OrderKey, &d.OccurredAt, &d.Attempts, &d.Type, &kind, &d.ReceivedAt, &d.Payload,
	}, func() error {
		// It is in hand with its neighbours, so one that cannot be read is handed on all the same.
		d.Payload, _ = store.Unpack(d.Payload)
		d.Kind, d.Hold, d.Until = billing.EventType(kind), hold, until
		out = append(out, d)
		d.Payload = nil
		return nil
	})
	if err != nil {
		return nil, l.notDue(ctx, err)
	}
	return out, nil
}

// notDue tells why nothing is due. This is asked all the time, and so finds out first that tables are gone.
func (l *Ledger) notDue(ctx context.Context, err error) error {
	l.metrics.failed(err)
	if l.ready.Load() && store.Code(err) == undefinedTable {
		_ = l.db.Check(ctx, l.o.Log)
	}
	return unavailable(err)
}
