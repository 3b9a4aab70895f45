package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

// unavailable is the error of a call that the database did not do. It has none of the database's words, which quote
// what was to be written.
func unavailable(err error) error {
	return fmt.Errorf("%w: %s", ledger.ErrUnavailable, store.Brief(err))
}

// refusesData says that what was sent is to blame, and would be again: a value that the database does not take (22), a
// constraint (23), too large a row (54), or two rows of one key in a statement (21000).
func refusesData(err error) bool {
	switch class(err) {
	case "21", "22", "23", "54":
		return true
	}
	return false
}

// apart writes the halves of a batch that was refused, each by itself, until what was refused is alone.
func (w *writer) apart(ctx context.Context, batch []*op, refused error) bool {
	if len(batch) == 1 {
		return w.alone(ctx, batch[0], refused)
	}
	half := len(batch) / 2
	return w.write(ctx, batch[:half]) && w.write(ctx, batch[half:])
}

// alone answers a call that is refused by itself. An event is kept without what it tells of customers and payments: the
// sinks get it, and the provider need not repeat for days what will never be taken.
func (w *writer) alone(ctx context.Context, o *op, refused error) bool {
	if o.work != nil && !o.bare {
		w.o.Log.Error("an event's records are refused; it is kept without them", "event", o.event.ID,
			"reason", store.Brief(refused))
		o.work.Records, o.bare = records.Rows{}, true
		return w.write(ctx, []*op{o})
	}
	o.finish(unavailable(refused))
	return true
}

// Error codes of PostgreSQL.
const (
	undefinedTable    = "42P01"
	undefinedSchema   = "3F000"
	undefinedColumn   = "42703"
	undefinedFunction = "42883"
	readOnly          = "25006"
)

// repairLimit bounds a migration, and the wait for another process's.
const repairLimit = time.Minute

// repair does what a failed transaction calls for before it is sent again.
func (w *writer) repair(ctx context.Context, failed error) {
	switch store.Code(failed) {
	// This is another database than it was, or went back to an older backup, or somebody took something away.
	case undefinedTable, undefinedSchema, undefinedColumn, undefinedFunction:
		ctx, cancel := context.WithTimeout(ctx, repairLimit)
		defer cancel()
		if err := w.db.Prepare(ctx, w.o.Log); err != nil {
			w.metrics.failed(err)
		}
	default:
		w.leaveReadOnly(failed)
	}
}

// leaveReadOnly: the server only reads since a failover, and others may write.
func (l *Ledger) leaveReadOnly(failed error) {
	if store.Code(failed) != readOnly {
		return
	}
	if pool, err := l.db.Pool(); err == nil {
		pool.Reset()
	}
}

// failed counts a request beside the writer's, and does what it calls for.
func (l *Ledger) failed(err error) {
	l.metrics.failed(err)
	l.leaveReadOnly(err)
}
