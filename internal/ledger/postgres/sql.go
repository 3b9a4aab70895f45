package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// claim inserts events, takes over those whose holder did not settle them in time, and returns those that are the
// caller's now. The same claim sent twice is the caller's both times, and counts once. A claim of the same holder that
// nobody waited for any more is taken over at once.
const claimSQL = `
INSERT INTO kassa.webhook_events AS t
	(receiver, event_id, native_type, state, claimed_by, claim_number, claimed_at, received_at)
SELECT $1, e.id, e.type, 'Claimed', $2, e.number, now(), now()
FROM unnest($3::text[], $4::text[], $5::bigint[]) AS e (id, type, number)
ON CONFLICT (receiver, event_id) DO UPDATE SET
	claimed_by = excluded.claimed_by, claim_number = excluded.claim_number, claimed_at = now(),
	claims = t.claims + CASE WHEN t.claimed_by = excluded.claimed_by AND t.claim_number = excluded.claim_number
		THEN 0 ELSE 1 END
WHERE t.state = 'Claimed' AND (t.claimed_at <= now() - $6 * interval '1 microsecond'
	OR t.claimed_by = excluded.claimed_by AND (t.claim_number = excluded.claim_number OR t.claim_number = ANY($7)))
RETURNING event_id, claims, received_at`

// settle ends claims of this holder, and moves deferred events on.
const settleSQL = `
UPDATE kassa.webhook_events AS t SET state = ($4::text[])[array_position($3::text[], t.event_id)], processed_at = now()
WHERE t.receiver = $1 AND t.event_id = ANY($3) AND t.state <> ($4::text[])[array_position($3::text[], t.event_id)]
	AND (t.state = 'Deferred' OR t.state = 'Claimed' AND t.claimed_by = $2)
RETURNING t.event_id`

// look reads what stood in the way.
const lookSQL = `
SELECT event_id, state, received_at,
	EXTRACT(EPOCH FROM claimed_at + $3 * interval '1 microsecond' - now())::float8
FROM kassa.webhook_events WHERE receiver = $1 AND event_id = ANY($2)`

func column[T any](ops []*op, value func(*op) T) []T {
	out := make([]T, len(ops))
	for i, o := range ops {
		out[i] = value(o)
	}
	return out
}

// byEvent is the order in which rows are locked.
func byEvent(a, b *op) int { return cmp.Compare(a.event.ID, b.event.ID) }

func eventID(o *op) string { return o.event.ID }

func queueClaims(b *pgx.Batch, w *writer, claims []*op) {
	slices.SortFunc(claims, byEvent)
	b.Queue(claimSQL, w.o.Receiver, w.holder, column(claims, eventID),
		column(claims, func(o *op) string { return o.event.Type }),
		column(claims, func(o *op) int64 { return o.number }), w.o.ClaimTimeout.Microseconds(),
		slices.Collect(maps.Keys(w.abandoned)))
}

func readClaims(r pgx.BatchResults, claims []*op, answered map[*op]bool) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	by := index(claims)
	var (
		id       string
		times    int
		received time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &times, &received}, func() error {
		o := by[id]
		o.claim, o.err = ledger.Claim{Outcome: ledger.Won, ReceivedAt: received}, nil
		if times > 1 {
			o.claim.Outcome = ledger.Resumed
		}
		answered[o] = true
		return nil
	})
	return err
}

func queueSettles(b *pgx.Batch, receiver, holder string, settles []*op) {
	slices.SortFunc(settles, byEvent)
	b.Queue(settleSQL, receiver, holder, column(settles, eventID),
		column(settles, func(o *op) string { return string(o.settle) }))
}

func readSettles(r pgx.BatchResults, settles []*op, answered map[*op]bool) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	by := index(settles)
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		by[id].err = nil
		answered[by[id]] = true
		return nil
	})
	return err
}

func index(ops []*op) map[string]*op {
	out := make(map[string]*op, len(ops))
	for _, o := range ops {
		out[o.event.ID] = o
	}
	return out
}

// lookAt answers the calls that changed nothing by what is there.
func (w *writer) lookAt(ctx context.Context, batch []*op, answered map[*op]bool) error {
	left := slices.DeleteFunc(batch, func(o *op) bool { return answered[o] })
	if len(left) == 0 {
		return nil
	}
	return w.query(ctx, func(r pgx.BatchResults) error { return readLook(r, left) },
		lookSQL, w.o.Receiver, column(left, eventID), w.o.ClaimTimeout.Microseconds())
}

func readLook(r pgx.BatchResults, left []*op) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	by := index(left)
	for _, o := range left {
		o.err = ledger.ErrLost // there is no such event
		if o.settle == "" {
			// It was there, and was pruned, or erased, at this very moment.
			o.err = ledger.ErrUnavailable
		}
	}
	var (
		id, state string
		received  time.Time
		remaining float64
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &state, &received, &remaining}, func() error {
		by[id].found(ledger.State(state), received, time.Duration(remaining*float64(time.Second)))
		return nil
	})
	return err
}

// found answers a call that changed nothing.
func (o *op) found(state ledger.State, received time.Time, remaining time.Duration) {
	switch {
	case o.settle != "" && o.settle == state:
		o.err = nil
	case o.settle != "":
		o.err = ledger.ErrLost
	case state == ledger.Claimed:
		// One that became old between the two statements is taken over by the next call.
		o.err = nil
		o.claim = ledger.Claim{Outcome: ledger.Busy, RetryAfter: max(remaining, time.Millisecond), ReceivedAt: received}
	default:
		o.err = nil
		o.claim = ledger.Claim{Outcome: ledger.Duplicate, State: state, ReceivedAt: received}
	}
}
