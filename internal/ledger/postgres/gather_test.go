package postgres

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

func gatherer(batch int) *writer {
	return &writer{Ledger: &Ledger{
		o: Options{MaxBatch: batch}, queue: make(chan *op, 100), told: make(chan *op, 100),
	}, most: batch}
}

// ask has calls wait: so many for events, and so many that tell of deliveries.
func (w *writer) ask(events, deliveries int) {
	for i := range events {
		w.queue <- w.newOp(ledger.Event{ID: strconv.Itoa(i)})
	}
	for i := range deliveries {
		o := w.newOp(ledger.Event{ID: strconv.Itoa(i)})
		o.attempt = &ledger.Attempt{EventID: o.event.ID, Sink: "app"}
		w.told <- o
	}
}

// gathered are the numbers of both in a transaction.
func (w *writer) gathered() [2]int {
	closed := make(chan struct{})
	close(closed)
	k := split(w.gather(closed))
	return [2]int{len(k.claims), len(k.attempts)}
}

// What sinks said keeps no event out of a transaction, has a part of each, and has all of it where no event comes.
func TestGatherPutsEventsFirst(t *testing.T) {
	g := NewWithT(t)
	w := gatherer(4)
	w.ask(6, 10)
	for _, expected := range [][2]int{{4, 2}, {2, 2}, {0, 4}, {0, 2}, {0, 0}} {
		g.Expect(w.gathered()).To(Equal(expected))
	}
}

// One event at a time is one, with one of what sinks said.
func TestGatherOneByOne(t *testing.T) {
	g := NewWithT(t)
	w := gatherer(1)
	w.ask(2, 3)
	for _, expected := range [][2]int{{1, 1}, {1, 1}, {0, 1}, {0, 0}} {
		g.Expect(w.gathered()).To(Equal(expected))
	}
}
