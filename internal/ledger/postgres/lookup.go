package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/store"
)

// These tables fill and empty within minutes, and what the database believes of their size may be long out of date: a
// plan that was made while a table had a page or two is kept when it has thousands. So each statement names the rows
// that it is about in a way that leaves no choice: by an array of ids, each of which is looked up, by the first row in
// an index's order, or by a conflict with its key. A join, or EXISTS, with nothing else to narrow it down may be worked
// out by comparing all that waits with all that was asked for.

// byKeySQL goes before them, and takes away the last choices: to read a table from end to end and look for each of its
// rows in the array, and to sort all that waits for the first of it. Where rows have to be sorted nevertheless they
// are, but at a price for which the database would compile the statement, and that takes a second. It ends with the
// transaction.
const byKeySQL = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
	set_config('jit', 'off', true)`

// queryLimit bounds a statement on its own, whose connection may be dead.
const queryLimit = 10 * time.Second

// query sends a statement after byKeySQL, on its own, and hands its results to read.
func (l *Ledger) query(ctx context.Context, read func(pgx.BatchResults) error, sql string, arguments ...any) error {
	pool, err := l.db.Pool()
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(byKeySQL)
	b.Queue(sql, arguments...)
	return store.SendBatch(ctx, pool, b, nothing, read)
}

// exec runs a statement on its own, and returns how many rows it changed.
func (l *Ledger) exec(ctx context.Context, sql string, arguments ...any) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	err = l.query(ctx, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		n = tag.RowsAffected()
		return err
	}, sql, arguments...)
	if err != nil {
		l.failed(err)
	}
	return n, err
}

// nothing reads the results of a statement that returns none.
func nothing(r pgx.BatchResults) error {
	_, err := r.Exec()
	return err
}
