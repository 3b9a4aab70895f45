package postgres

// gathering is a batch that is put together.
type gathering struct {
	batch []*op
	rows  map[string]bool // that the batch has
	again []*op           // calls for one of these rows, which have to wait: a statement takes a row once
	// asked and told are how many of the batch a provider waits for, and how many tell of deliveries.
	asked, told int
}

// add leaves out what nobody waits for any more.
func (g *gathering) add(o *op) {
	switch {
	case o.turn.Load() != open:
		return
	case g.rows[o.key()]:
		g.again = append(g.again, o)
		return
	case o.attempt != nil:
		g.told++
	default:
		g.asked++
	}
	g.rows[o.key()] = true
	g.batch = append(g.batch, o)
}

// fill adds what is in a queue, until n is most.
func (g *gathering) fill(queue <-chan *op, n *int, most int) {
	for *n < most {
		select {
		case o := <-queue:
			g.add(o)
		default:
			return
		}
	}
}

// gather waits for a call, and takes what else is there. It is empty once nothing is there and done is closed.
//
// A provider waits for its event, and nobody for what a sink said: beside events that gets half of a transaction's room
// at most, which is enough for it not to be left behind for ever. Where nobody asks it gets all of it.
func (w *writer) gather(done <-chan struct{}) []*op {
	g := gathering{rows: map[string]bool{}}
	defer func() { w.held = g.again }()
	for i, o := range w.held {
		if len(g.batch) >= w.most {
			g.again = append(g.again, w.held[i:]...)
			break
		}
		if o.isLeft() {
			w.abandon(o) // it was sent, perhaps
		}
		g.add(o)
	}
	for {
		g.fill(w.queue, &g.asked, w.most)
		share := w.most
		if g.asked > 0 {
			share = max(share/2, 1)
		}
		g.fill(w.told, &g.told, share)
		if len(g.batch) > 0 {
			return g.batch
		}
		select {
		case o := <-w.queue:
			g.add(o)
		case o := <-w.told:
			g.add(o)
		case <-done:
			return nil
		}
	}
}
