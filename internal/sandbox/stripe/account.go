package stripe

import (
	"crypto/sha256"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// account is one account in one mode; test and live data never meet. Its lock is held for the whole of a
// request's work.
type account struct {
	id     string
	live   bool
	server *Server

	reads, writes *rate.Limiter // nil: no limit

	mu        sync.Mutex
	seq       int64
	products  *table[*Product]
	prices    *table[*Price]
	endpoints *table[*WebhookEndpoint]
	events    *table[*Event]
	resources map[string]*table[*resource] // by the value of "object"
	byProduct map[string][]*Price
	byLookup  map[string]*Price
	answers   map[string]*remembered // by idempotency key
	oldest    []*remembered

	at    *time.Time  // the time at which something is done later than it was due
	due   int64       // before which nothing is due; see catchUp
	timer *time.Timer // for what is due next
}

func newAccount(s *Server, id string, live bool) *account {
	a := &account{
		id: id, live: live, server: s,
		products: newTable[*Product](), prices: newTable[*Price](), endpoints: newTable[*WebhookEndpoint](),
		events: newTable[*Event](), resources: map[string]*table[*resource]{},
		byProduct: map[string][]*Price{}, byLookup: map[string]*Price{}, answers: map[string]*remembered{},
	}
	if limit := s.opt.RateLimit; limit > 0 {
		a.reads = rate.NewLimiter(rate.Limit(limit), max(1, int(limit)))
		a.writes = rate.NewLimiter(rate.Limit(limit), max(1, int(limit)))
	}
	return a
}

func (a *account) next() int64 {
	a.seq++
	return a.seq
}

func (a *account) now() time.Time {
	if a.at != nil {
		return *a.at
	}
	return a.server.opt.Now()
}

func (a *account) table(kind string) *table[*resource] {
	t, ok := a.resources[kind]
	if !ok {
		t = newTable[*resource]()
		a.resources[kind] = t
	}
	return t
}

// find returns the object of that id, of whatever kind, or nil.
func (a *account) find(id string) any {
	if p, ok := a.products.byID[id]; ok {
		return p
	}
	if p, ok := a.prices.byID[id]; ok {
		return p
	}
	for _, t := range a.resources {
		if r, ok := t.byID[id]; ok {
			return r.object
		}
	}
	return nil
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random makes n letters and digits.
func random(n int) string {
	var out strings.Builder
	for range n {
		out.WriteByte(letters[rand.IntN(len(letters))])
	}
	return out.String()
}

// newID makes an id as Stripe's look.
func newID(prefix string) string {
	switch prefix {
	case "prod", "cus", "si", "req":
		return prefix + "_" + random(14)
	case "pi", "ch":
		return prefix + "_3" + random(23)
	default:
		return prefix + "_1" + random(23)
	}
}

// accountID derives an account's id from a key, the same every time.
func accountID(key string) string {
	sum := sha256.Sum256([]byte(key))
	var out strings.Builder
	out.WriteString("acct_1")
	for _, b := range sum[:15] {
		out.WriteByte(letters[int(b)%len(letters)])
	}
	return out.String()
}
