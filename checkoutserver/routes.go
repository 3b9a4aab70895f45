package checkoutserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	schemas "github.com/kassa-dev/kassa/docs/schemas"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// requestIDHeader tells the caller by what the log knows the request. It is not taken from the caller, who could write
// anything into the log.
const requestIDHeader = "Kassa-Request-Id"

// call is one request of the API.
type call struct {
	id       string // for the log, and told to the caller
	cfg      *settings
	w        http.ResponseWriter
	r        *http.Request
	user     signin.User
	now      time.Time
	replayed bool // the answer is an earlier one's
	span     *telemetry.Span
}

// action is what one method of a route does.
type action struct {
	do func(*call) *answer
	// open is for everybody, and personal only for a user.
	open, personal bool
	cost           int64 // in the client's rate limit; 0 is costRead
}

// routes are the API's, by path and method.
func (s *Server) routes() map[string]map[string]action {
	return map[string]map[string]action{
		"/v1/checkouts":                 {http.MethodPost: {do: s.openCheckout, cost: costChange}},
		"/v1/plans":                     {http.MethodGet: {do: s.listPlans, open: true}},
		"/v1/subscriptions":             {http.MethodGet: {do: s.listSoon, personal: true}},
		"/v1/subscriptions/{id}":        {http.MethodPatch: {do: s.changeSubscription, personal: true, cost: costChange}},
		"/v1/subscriptions/{id}/cancel": {http.MethodPost: {do: s.cancelSubscription, personal: true, cost: costChange}},
		"/v1/subscriptions/{id}/resume": {http.MethodPost: {do: s.resumeSubscription, personal: true, cost: costChange}},
		"/v1/portal":                    {http.MethodPost: {do: s.portalInTurn, personal: true, cost: costChange}},
		"/openapi.json":                 {http.MethodGet: {do: document, open: true}},
	}
}

// document is GET /openapi.json.
func document(*call) *answer {
	return &answer{status: http.StatusOK, kind: "application/json", body: schemas.CheckoutOpenAPI}
}

// handler routes what comes below the path of spec.url.
func (s *Server) handler() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, actions := range s.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c := r.Context().Value(callKey{}).(*call)
			c.w, c.r = w, r
			s.act(c, pattern, actions) //nolint:contextcheck // the call has the request, and with it the context
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c := r.Context().Value(callKey{}).(*call)
		s.finish(c, w, "other", notFound())
	})
	s.browse(mux)
	return mux
}

type callKey struct{}

// act answers a request of one route.
func (s *Server) act(c *call, route string, actions map[string]action) {
	switch preflight, refused := cors(c.cfg.origins, c.w, c.r); {
	case refused != nil:
		s.finish(c, c.w, route, refused)
		return
	case preflight:
		s.metrics.requests.WithLabelValues(route, "preflight").Inc()
		return
	}
	does, ok := actions[methodOf(c.r)]
	if !ok {
		c.w.Header().Set("Allow", allowed(slices.Sorted(maps.Keys(actions))...))
		s.finish(c, c.w, route, methodNotAllowed())
		return
	}
	a := s.admit(c, does)
	if a == nil {
		if !does.open { // strangers shall not fill a collector
			c.r, c.span = s.tracer.Serve(c.r, route)
			defer c.span.End()
		}
		a = does.do(c)
	}
	s.finish(c, c.w, route, a)
}

// methodOf takes HEAD for GET; the body is left out below.
func methodOf(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

// allowed is the header Allow.
func allowed(methods ...string) string {
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(methods, ", ")
}

func (s *Server) finish(c *call, w http.ResponseWriter, route string, a *answer) {
	result := a.result
	switch {
	case c.replayed && a.ok():
		result = "replayed"
		w.Header().Set("Idempotent-Replayed", "true")
	case a.ok():
		result = "ok"
	case a.status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	a.write(w)
	c.span.Text("kassa.result", result)
	c.span.Number("http.response.status_code", a.status)
	s.metrics.requests.WithLabelValues(route, result).Inc()
	s.metrics.duration.WithLabelValues(route).Observe(time.Since(c.now).Seconds())
}

// admit finds out who asks, and whether not too often; nil admits. Who is refused is counted by the address, so that
// guesses cost what requests cost.
func (s *Server) admit(c *call, does action) *answer {
	var refused *answer
	if !does.open {
		address := clientAddress(c.r, c.cfg.proxies)
		if ok, after := c.cfg.mayTry(address, c.now); !ok {
			return tooManyRequests(max(after, time.Second))
		}
		who, err := c.cfg.users.User(c.r.Context(), c.r)
		c.cfg.tried(address, c.now, err)
		if refused = unadmitted(err); refused == nil {
			c.user = who
		}
	}
	cost := int64(costRead)
	if refused == nil {
		cost = max(cost, does.cost)
	}
	if ok, after := c.cfg.limiter.take(c.client(), c.now, cost); !ok {
		return tooManyRequests(max(after, time.Second))
	}
	if refused == nil && does.personal && c.user == (signin.User{}) {
		if c.cfg.spec.Auth.Anonymous != nil {
			return notOffered("subscriptions: nobody is signed in")
		}
		return userRequired()
	}
	return refused
}

func unadmitted(err error) *answer {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, signin.ErrUnavailable):
		return signInUnavailable()
	default:
		return unauthenticated(signin.Reason(err))
	}
}

// client is what a client's requests are counted by.
func (c *call) client() string {
	if who := cmp.Or(c.user.ID, c.user.Email); who != "" {
		return "user " + who
	}
	return "address " + clientAddress(c.r, c.cfg.proxies)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: rand.Text(), now: time.Now()}
	w.Header().Set(requestIDHeader, c.id)
	if c.cfg, _ = s.config.current(); c.cfg == nil {
		s.finish(c, w, "other", notReady())
		return
	}
	if strings.HasPrefix(c.cfg.spec.URL, "https://") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	if how, refuses := c.cfg.https.Refuses(r); refuses {
		w.Header().Set("Connection", "close") // without its body
		a := noProofOfHTTPS()
		if how == serving.Plain {
			a = plainHTTP()
		}
		s.finish(c, w, "other", a)
		return
	}
	if s.inFlight.Add(1) > maxInFlight {
		s.inFlight.Add(-1)
		s.finish(c, w, "other", overloaded())
		return
	}
	defer s.inFlight.Add(-1)
	below, ok := strings.CutPrefix(r.URL.Path, c.cfg.path)
	if ok && below == "" && c.cfg.showsPage(r.Method) {
		s.toPage(c, w, r)
		return
	}
	if !ok || !strings.HasPrefix(below, "/") || path.Clean(below) != below {
		s.finish(c, w, "other", notFound())
		return
	}
	s.mux.ServeHTTP(w, c.request(r))
}

// request is one as it came to the root of a host of its own.
func (c *call) request(r *http.Request) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	if c.cfg.path == "" {
		return r
	}
	at := *r.URL
	at.Path = strings.TrimPrefix(at.Path, c.cfg.path)
	at.RawPath = strings.TrimPrefix(at.RawPath, c.cfg.path)
	r.URL = &at
	return r
}
