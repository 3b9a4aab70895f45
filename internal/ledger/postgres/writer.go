package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

// writer is the one that writes.
type writer struct {
	*Ledger

	// held are calls for a row that a call in the transaction before is for: a statement takes a row once.
	held []*op
	// abandoned are claims that took effect, or may have, and that nobody waited for any more: by number, with the time.
	// The event is free for the next claim of this process.
	abandoned map[int64]time.Time
	// most is how many calls go into a transaction: fewer than MaxBatch once one did not end in time.
	most int
}

const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
	// writeLimit bounds one transaction, so that one whose connection is dead is sent again.
	writeLimit = 5 * time.Second
)

// awaitDatabase returns true once the database can be used, and false when ctx ends before.
func (w *writer) awaitDatabase(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := w.db.Prepare(ctx, w.o.Log)
		if err == nil {
			w.metrics.trouble.Store(nil)
			return true
		}
		w.metrics.failed(err)
		w.notReady.Store(&err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// run writes batch after batch until ctx ends.
func (w *writer) run(ctx context.Context) {
	for {
		batch := w.gather(ctx.Done())
		if len(batch) == 0 {
			return
		}
		if w.write(ctx, batch) {
			continue
		}
		w.held = append(w.waiting(batch), w.held...) // ctx ended meanwhile
		return
	}
}

// flush writes what waits, and refuses what could not be written.
func (w *writer) flush(ctx context.Context) {
	closed := make(chan struct{})
	close(closed)
	for {
		batch := w.gather(closed)
		if len(batch) == 0 || !w.write(ctx, batch) {
			w.held = append(w.held, batch...)
			break
		}
	}
	w.refuse()
}

// refuse answers all that wait.
func (w *writer) refuse() {
	for _, o := range w.held {
		o.finish(ledger.ErrUnavailable)
	}
	for {
		select {
		case o := <-w.queue:
			o.finish(ledger.ErrUnavailable)
		case o := <-w.told:
			o.finish(ledger.ErrUnavailable)
		default:
			return
		}
	}
}

// write commits a batch, and goes on trying as long as somebody waits for a part of it. It returns false if ctx ended
// before.
func (w *writer) write(ctx context.Context, batch []*op) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		began := time.Now()
		err := w.once(ctx, batch)
		if err == nil {
			took := time.Since(began)
			w.metrics.committed(len(batch), took)
			switch { // those who wait for the next one wait for this one first
			case took > writeLimit/4:
				w.most = max(1, len(batch)/2)
			case took < writeLimit/10:
				w.most = min(2*w.most, w.o.MaxBatch)
			}
			return true
		}
		w.metrics.failed(err)
		if ctx.Err() != nil {
			return false
		}
		if refusesData(err) {
			return w.apart(ctx, batch, err)
		}
		if time.Since(began) >= writeLimit {
			batch = w.fewer(batch)
		}
		w.repair(ctx, err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		if batch = w.waiting(batch); len(batch) == 0 {
			return true
		}
	}
}

// fewer is an eighth of a batch that did not end in time; the rest waits with the others. A slow database would never
// end the whole of it, and take nothing at all.
func (w *writer) fewer(batch []*op) []*op {
	w.most = max(1, len(batch)/8)
	w.held = append(w.held, batch[w.most:]...)
	return batch[:w.most]
}

// waiting are those of a batch that somebody still waits for. It was sent, so the others may have taken effect.
func (w *writer) waiting(batch []*op) []*op {
	var out []*op
	for _, o := range batch {
		switch o.turn.Load() {
		case left:
			w.abandon(o)
		case open:
			out = append(out, o)
		}
	}
	return out
}

// abandon remembers a call that may have taken effect, and that nobody waits for any more.
func (w *writer) abandon(o *op) {
	if o.work != nil {
		w.late.add(o)
	}
	if !o.isClaim() {
		return
	}
	now := time.Now()
	maps.DeleteFunc(w.abandoned, func(_ int64, since time.Time) bool { return now.Sub(since) > w.o.ClaimTimeout })
	w.abandoned[o.number] = now
}

// once writes a batch in one transaction, reads what stood in the way, and answers.
func (w *writer) once(ctx context.Context, batch []*op) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	pool, err := w.db.Pool()
	if err != nil {
		return err
	}
	kinds := split(batch)
	sql, answered := &pgx.Batch{}, map[*op]bool{}
	read := kinds.queue(sql, w, answered)
	if err := store.SendBatch(ctx, pool, sql, read...); err != nil {
		return err
	}
	if err := w.lookAt(ctx, slices.Concat(kinds.claims, kinds.settles), answered); err != nil {
		return err
	}
	if err := w.lookAtKept(ctx, kinds.keeps, answered); err != nil {
		return err
	}
	for _, o := range batch {
		switch {
		case o.finish(o.err):
		case o.work != nil:
			o.tellLate()
		default:
			w.abandon(o)
		}
	}
	return nil
}

// kinds are a batch's calls, by what they ask for.
type kinds struct{ claims, settles, keeps, attempts []*op }

func split(batch []*op) kinds {
	var k kinds
	for _, o := range batch {
		switch {
		case o.settle != "":
			k.settles = append(k.settles, o)
		case o.work != nil:
			k.keeps = append(k.keeps, o)
		case o.attempt != nil:
			k.attempts = append(k.attempts, o)
		default:
			k.claims = append(k.claims, o)
		}
	}
	return k
}

// queue adds the statements of a batch, and returns what reads their results.
func (k kinds) queue(sql *pgx.Batch, w *writer, answered map[*op]bool) (read []func(pgx.BatchResults) error) {
	sql.Queue(byKeySQL)
	read = append(read, nothing)
	if len(k.settles) > 0 {
		queueSettles(sql, w.o.Receiver, w.holder, k.settles)
		read = append(read, func(r pgx.BatchResults) error { return readSettles(r, k.settles, answered) })
	}
	if len(k.claims) > 0 {
		queueClaims(sql, w, k.claims)
		read = append(read, func(r pgx.BatchResults) error { return readClaims(r, k.claims, answered) })
	}
	if len(k.attempts) > 0 {
		read = append(read, queueAttempts(sql, w.o.Receiver, w.holder, k.attempts)...)
	}
	if len(k.keeps) > 0 {
		queueKeeps(sql, w.o.Receiver, w.holder, longestLease(k.keeps), k.keeps)
		read = append(read, func(r pgx.BatchResults) error { return readKeeps(r, k.keeps, answered) })
		var all records.Rows
		for _, o := range k.keeps {
			all.Merge(o.work.Records)
		}
		store.Queue(sql, all)
	}
	return read
}
