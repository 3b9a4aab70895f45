package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
)

const (
	// latePause is between two looks for events whose Keep gave up.
	latePause = 2 * time.Second
	// lateLimit is how long a transaction may still take effect after its connection was given up. What is not there
	// by then is not looked for any more.
	lateLimit = time.Minute
	// maxLate bounds how many of them are remembered while the database is away.
	maxLate = 4096
)

// lateKeeps are events that were sent, and whose Keep gave up before it was known what became of them. By the number of
// their claim: the provider's repetition has another one, and of all of them one inserts the event.
type lateKeeps struct {
	mu     sync.Mutex
	events map[int64]lateKeep
}

type lateKeep struct {
	id    string
	since time.Time
	tell  func(receivedAt time.Time)
}

func (k *lateKeeps) add(o *op) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o.work.Late == nil || len(k.events) >= maxLate {
		return
	}
	if k.events == nil {
		k.events = map[int64]lateKeep{}
	}
	k.events[o.number] = lateKeep{id: o.event.ID, since: time.Now(), tell: o.work.Late}
}

func (k *lateKeeps) ids() (out []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		out = append(out, e.id)
	}
	return out
}

// found is what the database has of an event.
type found struct {
	received time.Time
	number   int64 // of this process's claim that inserted it; 0: another process did
}

// settle tells of those that are there by the claim that was given up, and forgets them with what another claim
// inserted. What was not there when it was looked for may come still, but for what had been given up for long then.
func (k *lateKeeps) settle(there map[string]found, looked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for number, e := range k.events {
		at, known := there[e.id]
		if known && at.number == number {
			e.tell(at.received)
		}
		if known || looked.Sub(e.since) > lateLimit {
			delete(k.events, number)
		}
	}
}

// tellLate tells who gave up an event that it was kept.
func (o *op) tellLate() {
	if o.claim.Outcome == ledger.Won && o.work.Late != nil {
		o.work.Late(o.claim.ReceivedAt)
	}
}

// lookForLate finds out what became of events whose Keep gave up, until ctx ends.
func (l *Ledger) lookForLate(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(latePause):
		}
		if ids := l.late.ids(); len(ids) > 0 {
			l.lookForLateOnce(ctx, ids)
		}
	}
}

func (l *Ledger) lookForLateOnce(ctx context.Context, ids []string) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	looked, there := time.Now(), map[string]found{}
	err := l.query(ctx, func(r pgx.BatchResults) error {
		return eachKept(r, func(e keptRow) {
			f := found{received: e.received}
			if e.ours {
				f.number = e.number
			}
			there[e.id] = f
		})
	}, lookKeptSQL, l.o.Receiver, ids, l.holder)
	if err != nil {
		l.failed(err)
		return
	}
	l.late.settle(there, looked)
}
