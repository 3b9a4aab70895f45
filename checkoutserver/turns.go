package checkoutserver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/signin"
)

// listedFor is how long a user's list of subscriptions is given again, unless the user changes something here.
const listedFor = 5 * time.Second

// turnLimit bounds how long a request waits for the user's earlier ones.
const turnLimit = 2 * time.Second

// Costs of a request in the client's rate limit: what leads to several requests to a provider counts as so many.
const (
	costRead   = 1
	costChange = 3
)

// turns lets each user have one request at a time under way at providers. What may be asked of an account is little,
// and is given out in the order in which it is asked for: so somebody who asks for more waits for the share of one
// user, and nobody else waits for more than that.
type turns struct {
	mu    sync.Mutex
	users map[signin.User]*turn
}

// turn is one user's. It is kept while somebody has it or waits for it.
type turn struct {
	taken chan struct{}
	wants int
}

// take waits for the user's turn until ctx ends, and says how to give it back. Who is not known waits for nobody: many
// may share the address.
func (t *turns) take(ctx context.Context, who signin.User) (done func(), ok bool) {
	if who == (signin.User{}) {
		return func() {}, true
	}
	mine := t.join(who)
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; t.leave(who, mine) }, true
	case <-ctx.Done():
		t.leave(who, mine)
		return nil, false
	}
}

func (t *turns) join(who signin.User) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == nil {
		t.users = map[signin.User]*turn{}
	}
	mine := t.users[who]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.users[who] = mine
	}
	mine.wants++
	return mine
}

func (t *turns) leave(who signin.User, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine.wants--
	if mine.wants == 0 {
		delete(t.users, who)
	}
}

// inTurn does what asks a provider when it is the user's turn.
func (s *Server) inTurn(c *call, do func() *answer) *answer {
	ctx, cancel := context.WithTimeout(c.r.Context(), turnLimit)
	defer cancel()
	done, ok := s.turns.take(ctx, c.turn())
	if !ok {
		return busy()
	}
	defer done()
	return do()
}

// turn is whose turn it takes. An email alone is a user as well, and one with an id is the same whatever the email.
func (c *call) turn() signin.User {
	if c.user.ID != "" {
		return signin.User{ID: c.user.ID}
	}
	return signin.User{Email: billing.LowerEmail(c.user.Email)}
}

// sellInTurn is sellTo when it is the user's turn.
func (s *Server) sellInTurn(c *call, o *sale) *answer {
	return s.inTurn(c, func() *answer { return s.sellTo(c, o) })
}

// portalInTurn is POST /v1/portal.
func (s *Server) portalInTurn(c *call) *answer {
	return s.inTurn(c, func() *answer { return s.openPortal(c) })
}

// changing is a change of a subscription that is under way.
type changing struct {
	who signin.User
	id  string
}

// alone is operate in the user's turn. A button that was pressed twice must not find twice that nothing was charged
// yet.
func (s *Server) alone(c *call, name string, do func(context.Context, *owned) (billing.Subscription, error)) *answer {
	this := changing{c.turn(), c.r.PathValue("id")}
	if _, busy := s.changing.LoadOrStore(this, nil); busy {
		return conflict()
	}
	defer s.changing.Delete(this)
	defer s.lists.forget(c.listID())
	return s.inTurn(c, func() *answer { return s.operate(c, name, do) })
}

// busy asks a user to wait for what is under way.
func busy() *answer {
	return problem(http.StatusTooManyRequests, "too-many-requests", "Too many requests",
		"The user's earlier requests are still under way.").later(time.Second)
}

// listSoon is GET /v1/subscriptions, which a page may ask for again and again.
func (s *Server) listSoon(c *call) *answer {
	a, _ := s.lists.do(c.listID(), digest{}, c.now, func() *answer {
		return s.inTurn(c, func() *answer {
			a := s.listSubscriptions(c)
			a.until = time.Now().Add(listedFor)
			return a
		})
	})
	return a
}

// listID is a user's list. The email is a part of it, because some providers find by it.
func (c *call) listID() digest {
	return digestOf(string(c.cfg.uid), c.user.ID, c.user.Email)
}

// forget makes the next list a fresh one.
func (r *replays) forget(id digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known.Remove(id)
}
