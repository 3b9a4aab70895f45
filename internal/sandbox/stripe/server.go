// Package stripe is a stateful stand-in of Stripe's API, version 2023-10-16: the catalogue, webhook endpoints,
// events, checkout sessions with their hosted page, what a payment leaves behind, subscriptions that renew, fail and
// end by the clock, and the customers' portal. It keeps everything in memory.
package stripe

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/clock"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// APIVersion is the version whose rules and shapes the server follows.
const APIVersion = "2023-10-16"

// bodyLimit is the largest request body in bytes.
const bodyLimit = 1 << 20

// Options of a Server.
type Options struct {
	// Keys are the API keys that mean something else than their text says.
	Keys map[string]Key
	// RateLimit is how many reads and how many writes a second each account may make; 0 is no limit.
	RateLimit float64
	// PublicURL is where buyers reach the hosted page, without a trailing slash. Empty takes the host that the
	// session was created through.
	PublicURL string
	// Webhooks carries the events to the endpoints.
	Webhooks *delivery.Queue
	// Retries are the waits between attempts in a mode; nil are delivery.Quick.
	Retries func(live bool) delivery.Schedule
	// Clock is what renewals run by. Without one they are done when somebody asks, or calls CatchUp.
	Clock *clock.Clock
	// Now is the time; nil is the Clock's, or the system's.
	Now func() time.Time
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	opt Options
	mux *http.ServeMux

	mu       sync.Mutex
	accounts map[accountMode]*account
	revoked  map[string]bool
	sessions map[string]*account // whose checkout session it is
}

type accountMode struct {
	id   string
	live bool
}

// New makes a server without data.
func New(opt Options) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
		if opt.Clock != nil {
			opt.Now = opt.Clock.Now
		}
	}
	s := &Server{opt: opt, mux: http.NewServeMux()}
	s.Reset()
	if opt.Clock != nil {
		opt.Clock.OnChange(s.CatchUp)
	}
	for _, r := range routes() {
		s.mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { s.serve(w, req, &r) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		a := answer{w: w, requestID: newID("req"), version: req.Header.Get("Stripe-Version")}
		a.fail(unknownURL(req))
	})
	return s
}

// Reset forgets all data, and the keys that were revoked.
func (s *Server) Reset() {
	s.mu.Lock()
	old := s.accounts
	s.accounts, s.revoked = map[accountMode]*account{}, map[string]bool{}
	s.sessions = map[string]*account{}
	s.mu.Unlock()
	for _, a := range old {
		a.mu.Lock()
		if a.timer != nil {
			a.timer.Stop()
		}
		a.mu.Unlock()
	}
}

func (s *Server) accountLocked(at Key) *account {
	mode := accountMode{at.Account, at.Live}
	a, ok := s.accounts[mode]
	if !ok {
		a = newAccount(s, at.Account, at.Live)
		s.accounts[mode] = a
	}
	return a
}

// route is one operation of the API.
type route struct {
	pattern string // of http.ServeMux
	params  schema
	run     func(*call) (any, *apiError)
}

// call is one request whose parameters have been checked. Its account is locked.
type call struct {
	*account
	p      params
	id     string // the {id} of the path
	origin Origin
	host   string // scheme and host that the request came through
}

// ServeHTTP implements http.Handler for the paths below /v1/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	out := answer{
		w: w, requestID: newID("req"), version: r.Header.Get("Stripe-Version"), key: r.Header.Get("Idempotency-Key"),
	}
	a, err := s.authenticate(r)
	if err != nil {
		out.fail(err)
		return
	}
	if err := a.allow(r); err != nil {
		out.fail(err)
		return
	}
	pairs, err := parameters(r)
	if err != nil {
		out.fail(err)
		return
	}
	p, expand, err := rt.check(pairs)
	if err != nil {
		out.fail(err)
		return
	}
	c := &call{account: a, p: p, id: r.PathValue("id"), host: hostOf(r), origin: Origin{ID: &out.requestID}}
	if out.key != "" {
		c.origin.IdempotencyKey = &out.key
	}
	s.execute(r, rt, c, pairs, expand, &out)
}

// execute does a request's work once, and remembers the answer under its idempotency key.
func (s *Server) execute(r *http.Request, rt *route, c *call, pairs []pair, expand [][]string, out *answer) {
	c.mu.Lock()
	old, fresh, err := c.reserve(r, out.key, pairs, out.requestID)
	c.mu.Unlock()
	switch {
	case err != nil:
		out.fail(err)
		return
	case old != nil:
		out.replay(old)
		return
	}
	failure := traffic.Begin(r.Context())

	c.mu.Lock()
	var status int
	var body []byte
	unstarted := false
	if failure == nil || failure.AfterCommit {
		c.catchUp()
		status, body, unstarted = c.work(rt, expand)
		c.catchUp()
	}
	if failure != nil && !unstarted {
		e := errorFor(failure.Status)
		status, body = e.Status, e.body()
	}
	if fresh != nil {
		if unstarted {
			c.forget(fresh)
		} else {
			fresh.running, fresh.status, fresh.body = false, status, body
		}
	}
	c.mu.Unlock()
	out.send(status, body)
}

func (c *call) work(rt *route, expand [][]string) (status int, body []byte, unstarted bool) {
	result, err := rt.run(c)
	if err == nil && len(expand) > 0 {
		result, err = c.expand(result, expand)
	}
	if err != nil {
		return err.Status, err.body(), err.unstarted
	}
	return http.StatusOK, encode(result), false
}

// check reads the parameters by the route's schema. Every operation knows expand[].
func (rt *route) check(pairs []pair) (p params, expand [][]string, err *apiError) {
	root, err := tree(pairs)
	if err != nil {
		return nil, nil, err
	}
	own := &node{children: root.children}
	for _, name := range root.names {
		if name != "expand" {
			own.names = append(own.names, name)
			continue
		}
		paths, err := read(root.children[name], param{kind: list, max: 20, item: &param{kind: text}}, "expand")
		if err != nil {
			return nil, nil, err
		}
		for _, path := range paths.([]any) {
			expand = append(expand, strings.Split(path.(string), "."))
		}
	}
	p, err = check(own, rt.params, "")
	return p, expand, err
}

// parameters are in the URL of a GET or DELETE, and in the body of a POST.
func parameters(r *http.Request) ([]pair, *apiError) {
	if r.Method != http.MethodPost {
		return parsePairs(r.URL.RawQuery)
	}
	if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/json") {
		return nil, invalid("", "", "Invalid request (check that your POST content type is "+
			"application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil || len(body) > bodyLimit {
		return nil, invalid("", "", "Invalid request: the body can't be read or is too large.")
	}
	pairs, parseErr := parsePairs(string(body))
	if parseErr != nil || r.URL.RawQuery == "" {
		return pairs, parseErr
	}
	query, parseErr := parsePairs(r.URL.RawQuery)
	return append(query, pairs...), parseErr
}

func (a *account) allow(r *http.Request) *apiError {
	limiter := a.writes
	if r.Method == http.MethodGet {
		limiter = a.reads
	}
	if limiter != nil && !limiter.Allow() {
		return rateLimited()
	}
	return nil
}

func hostOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// answer writes what every answer has.
type answer struct {
	w         http.ResponseWriter
	requestID string
	version   string
	key       string
}

func (o *answer) fail(err *apiError) {
	if err.Status == http.StatusUnauthorized {
		o.w.Header().Set("Www-Authenticate", `Basic realm="Stripe"`)
	}
	o.send(err.Status, err.body())
}

func (o *answer) replay(old *remembered) {
	o.w.Header().Set("Idempotent-Replayed", "true")
	o.w.Header().Set("Original-Request", old.requestID)
	o.send(old.status, old.body)
}

func (o *answer) send(status int, body []byte) {
	h := o.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Request-Id", o.requestID)
	if o.version == "" {
		o.version = APIVersion
	}
	h.Set("Stripe-Version", o.version)
	if o.key != "" {
		h.Set("Idempotency-Key", o.key)
	}
	o.w.WriteHeader(status)
	_, _ = o.w.Write(body) //nolint:gosec // JSON, and sent as such
}
