package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// Whoever tells of an event waits for those that do at the same time, in an order in which they cannot wait for each
// other: what they took away is seen then, and the last of them finds that the event is over. What it says of an event
// that was over before stands.
const lockSQL = `
SELECT event_id, state FROM kassa.webhook_events WHERE receiver = $1 AND event_id = ANY($2)
ORDER BY event_id FOR NO KEY UPDATE`

// What a sink took is done, whoever has it in hand now.
const takenSQL = `DELETE FROM kassa.deliveries WHERE receiver = $1 AND sink = $2 AND event_id = ANY($3)`

// What they did not take waits, or is given up. If it is in hand once more, as the lease was over or this was told
// before and the answer got lost, it is for that hold to say. All of it is there, so each row is in conflict, and is
// found by its key.
const triedSQL = `
INSERT INTO kassa.deliveries AS t (receiver, event_id, sink, occurred_at, dead, next_attempt_at, attempts,
	last_attempt_at, last_error)
SELECT d.receiver, d.event_id, d.sink, d.occurred_at, a.dead, a.next,
	d.attempts + CASE WHEN a.tried THEN 1 ELSE 0 END, CASE WHEN a.tried THEN now() ELSE d.last_attempt_at END,
	CASE WHEN a.error <> '' THEN a.error ELSE d.last_error END
FROM unnest($3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::boolean[], $8::text[], $9::text[])
	AS a (id, sink, dead, next, tried, error, hold)
CROSS JOIN LATERAL (SELECT * FROM kassa.deliveries WHERE receiver = $1 AND event_id = a.id AND sink = a.sink
	AND holder = $2 || a.hold ORDER BY event_id, receiver, sink LIMIT 1 FOR NO KEY UPDATE) AS d
ON CONFLICT (event_id, receiver, sink) DO UPDATE SET holder = '', held_until = NULL, dead = excluded.dead,
	next_attempt_at = excluded.next_attempt_at, attempts = excluded.attempts,
	last_attempt_at = excluded.last_attempt_at, last_error = excluded.last_error`

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

// Attempted tells what came of a delivery; see ledger.Keeper.
func (l *Ledger) Attempted(ctx context.Context, a ledger.Attempt) (ledger.Told, error) {
	o := l.newOp(ledger.Event{ID: a.EventID})
	o.attempt = &a
	o.claim.State = ledger.Processed // of an event that is forgotten already
	if err := l.commit(ctx, o); err != nil {
		return ledger.Told{}, err // its transaction may be under way
	}
	return ledger.Told{State: o.claim.State, Followed: o.followed}, nil
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
	sinks := column(taken, sinkOf)
	slices.Sort(sinks)
	for _, sink := range slices.Compact(sinks) {
		of := slices.DeleteFunc(slices.Clone(taken), func(o *op) bool { return sinkOf(o) != sink })
		b.Queue(takenSQL, receiver, sink, column(of, eventID))
		read = append(read, nothing)
	}
	read = append(read, queueFollow(b, receiver, attempts)...)
	b.Queue(overSQL, receiver, events)
	b.Queue(unpackedSQL, receiver, events)
	return append(read, states, nothing)
}

// readStates reads how events stand, each time a little later.
func readStates(r pgx.BatchResults, attempts []*op) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	var id, state string
	states := map[string]ledger.State{}
	_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
		states[id] = ledger.State(state)
		return nil
	})
	for _, o := range attempts {
		o.claim.State = cmp.Or(states[o.event.ID], o.claim.State)
	}
	return err
}
