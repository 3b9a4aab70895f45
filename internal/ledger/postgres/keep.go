package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/store"
)

var _ ledger.Keeper = (*Ledger)(nil)

// Keep inserts events that are not known, with what is left to do, and returns them. Known ones are not touched, not
// even locked. A sink is behind if an earlier event of the same key waits for it: LATERAL, as the index answers it.
const keepSQL = `
WITH new AS (
	INSERT INTO kassa.webhook_events (receiver, event_id, provider, account, native_type, type, occurred_at,
		received_at, processed_at, state, claimed_by, claim_number, claimed_at)
	SELECT $1, e.id, e.provider, e.account, e.native_type, e.type, e.occurred_at,
		now(), now(), CASE WHEN e.waits THEN 'Deferred' ELSE 'Processed' END, $2, e.number, now()
	FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::boolean[],
		$10::bigint[]) AS e (id, provider, account, native_type, type, occurred_at, waits, number)
	ON CONFLICT (receiver, event_id) DO NOTHING
	RETURNING event_id, received_at
), kept AS (
	INSERT INTO kassa.payloads (receiver, event_id, body)
	SELECT $1, p.id, p.body FROM unnest($11::text[], $12::bytea[]) AS p (id, body) JOIN new ON new.event_id = p.id
), task AS (
	SELECT * FROM unnest($13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::boolean[])
		AS d (id, sink, order_key, occurred_at, later)
), behind AS (
	SELECT id, sink FROM task CROSS JOIN LATERAL (
		SELECT 1 FROM kassa.deliveries o WHERE o.receiver = $1 AND o.sink = task.sink AND o.order_key = task.order_key
			AND NOT o.dead AND (o.occurred_at, o.event_id) < (task.occurred_at, task.id)
		ORDER BY o.receiver, o.sink, o.order_key, o.occurred_at, o.event_id LIMIT 1
	) AS earlier WHERE order_key <> ''
), todo AS (
	INSERT INTO kassa.deliveries (receiver, event_id, sink, order_key, occurred_at, next_attempt_at, holder, held_until,
		behind)
	SELECT $1, task.id, task.sink, order_key, occurred_at, now(),
		CASE WHEN behind.id IS NULL AND NOT later THEN $2 ELSE '' END,
		CASE WHEN behind.id IS NULL AND NOT later THEN now() + $18 * interval '1 microsecond' END, behind.id IS NOT NULL
	FROM task JOIN new ON new.event_id = task.id
		LEFT JOIN behind ON behind.id = task.id AND behind.sink = task.sink
)
SELECT event_id, received_at, ARRAY(SELECT sink FROM behind WHERE behind.id = new.event_id) FROM new`

// lookKept tells known events, and which claim inserted them.
const lookKeptSQL = `
SELECT event_id, state, received_at, claimed_by = $3 AS ours, claim_number
FROM kassa.webhook_events WHERE receiver = $1 AND event_id = ANY($2)`

// Keep records an event; see ledger.Keeper.
func (l *Ledger) Keep(ctx context.Context, w ledger.Work) (ledger.Kept, error) {
	if err := check(w.Event); err != nil {
		return ledger.Kept{}, err
	}
	if len(w.Sinks) > 0 {
		w.Payload = store.Pack(w.Payload)
	}
	o := l.newOp(w.Event)
	o.work, o.lease = &w, l.o.Lease()
	until := time.Now().Add(o.lease)
	if err := l.commit(ctx, o); err != nil {
		return ledger.Kept{}, err
	}
	return ledger.Kept{Claim: o.claim, Behind: o.behind, Until: until}, nil
}

func queueKeeps(b *pgx.Batch, receiver, holder string, lease time.Duration, keeps []*op) {
	slices.SortFunc(keeps, byEvent)
	postpone(keeps)
	var bodies, tasks []*op // of those with sinks; one task for each sink
	var sinks []string
	for _, o := range keeps {
		if len(o.work.Sinks) > 0 {
			bodies = append(bodies, o)
		}
		for _, sink := range o.work.Sinks {
			tasks, sinks = append(tasks, o), append(sinks, sink)
		}
	}
	b.Queue(keepSQL, receiver, holder,
		column(keeps, eventID),
		column(keeps, func(o *op) string { return store.ID(string(o.work.Account.Provider)) }),
		column(keeps, func(o *op) string { return store.ID(o.work.Account.ID) }),
		column(keeps, func(o *op) string { return o.event.Type }),
		column(keeps, func(o *op) string { return store.ID(string(o.work.Kind)) }),
		column(keeps, occurredAt),
		column(keeps, func(o *op) bool { return len(o.work.Sinks) > 0 }),
		column(keeps, func(o *op) int64 { return o.number }),
		column(bodies, eventID), column(bodies, func(o *op) []byte { return o.work.Payload }),
		column(tasks, eventID), sinks, column(tasks, func(o *op) string { return store.ID(o.work.OrderKey) }),
		column(tasks, occurredAt), column(tasks, func(o *op) bool { return o.later }), lease.Microseconds())
}

// postpone marks what nobody takes in hand: events that were to be left, and those of this transaction that come after
// them in the order of a key. Those of transactions before are seen by the database.
func postpone(keeps []*op) {
	first := map[string]*op{}
	for _, o := range keeps {
		o.later = o.work.Later
		if before := first[o.work.OrderKey]; o.later && o.work.OrderKey != "" && (before == nil || inOrder(o, before) < 0) {
			first[o.work.OrderKey] = o
		}
	}
	for _, o := range keeps {
		if before := first[o.work.OrderKey]; before != nil && inOrder(before, o) < 0 {
			o.later = true
		}
	}
}

func inOrder(a, b *op) int {
	return cmp.Or(occurredAt(a).Compare(occurredAt(b)), byEvent(a, b))
}

func occurredAt(o *op) time.Time { return store.Instant(o.work.OccurredAt) }

func readKeeps(r pgx.BatchResults, keeps []*op, answered map[*op]bool) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	by := index(keeps)
	var (
		id       string
		received time.Time
		behind   []string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &received, &behind}, func() error {
		o := by[id]
		o.claim, o.behind = ledger.Claim{Outcome: ledger.Won, ReceivedAt: received}, slices.Clone(behind)
		if o.later {
			o.behind = o.work.Sinks
		}
		answered[o] = true
		return nil
	})
	return err
}

// lookAtKept answers for events that were known. One that the same claim inserted, and whose answer got lost, is won.
func (w *writer) lookAtKept(ctx context.Context, keeps []*op, answered map[*op]bool) error {
	left := slices.DeleteFunc(slices.Clone(keeps), func(o *op) bool { return answered[o] })
	if len(left) == 0 {
		return nil
	}
	err := w.query(ctx, func(r pgx.BatchResults) error { return readKept(r, left, answered) },
		lookKeptSQL, w.o.Receiver, column(left, eventID), w.holder)
	if err == nil && slices.ContainsFunc(left, func(o *op) bool { return !answered[o] }) {
		err = errVanished
	}
	return err
}

func readKept(r pgx.BatchResults, left []*op, answered map[*op]bool) error {
	by := index(left)
	return eachKept(r, func(e keptRow) {
		o := by[e.id]
		o.claim = ledger.Claim{Outcome: ledger.Duplicate, State: ledger.State(e.state), ReceivedAt: e.received}
		if e.ours && e.number == o.number {
			// Its deliveries are found by Due once the lease is over: whether they are in hand is not known.
			o.claim, o.behind = ledger.Claim{Outcome: ledger.Won, ReceivedAt: e.received}, o.work.Sinks
		}
		answered[o] = true
	})
}

// keptRow is a row of lookKeptSQL.
type keptRow struct {
	id, state string
	received  time.Time
	ours      bool // this process inserted it
	number    int64
}

func eachKept(r pgx.BatchResults, do func(keptRow)) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	var e keptRow
	_, err = pgx.ForEachRow(rows, []any{&e.id, &e.state, &e.received, &e.ours, &e.number}, func() error {
		do(e)
		return nil
	})
	return err
}

// errVanished: a known event was pruned at this very moment. The transaction is sent again.
var errVanished = errors.New("an event was forgotten meanwhile")

// longestLease lets each of several events have what it was promised.
func longestLease(keeps []*op) (out time.Duration) {
	for _, o := range keeps {
		out = max(out, o.lease)
	}
	return out
}
