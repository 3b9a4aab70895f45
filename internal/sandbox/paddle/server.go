// Package paddle is a stateful stand-in of Paddle Billing's API, version 1: the catalogue, customers, transactions that
// buyers pay, subscriptions that renew by the clock, notification settings, events, and notifications that are sent,
// repeated and replayed. It keeps everything in memory.
//
// Paddle has an address for each mode, where the keys of the other are refused. The stand-in serves both modes at one,
// and the key tells which; that the right address is asked is for others to test.
//
// Where Paddle's documentation is silent, the stand-in is the stricter of what Paddle may be, so that what works here
// works there: a query parameter that is unknown or repeated is refused, and so is a price of an archived product, a
// change of an archived object that does not make it active, and a second notification setting for one destination,
// whatever else it has.
package paddle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// APIVersion is the version whose rules and shapes the server follows.
const APIVersion = "1"

// bodyLimit is the largest request body in bytes.
const bodyLimit = 1 << 20

// Options of a Server.
type Options struct {
	// Keys are the API keys that mean something else than their text says.
	Keys map[string]Key
	// RateLimit is how many requests a second may come from an IP address, for all accounts of a mode together; 0 is no
	// limit. Paddle's own is 4.
	RateLimit float64
	// ListLag is how long after its creation an object is missing from lists; see Server.SetListLag.
	ListLag time.Duration
	// PublicURL is where buyers reach the pages, without a trailing slash. Empty takes the host of the request.
	PublicURL string
	// Webhooks carries the notifications to their destinations.
	Webhooks *delivery.Queue
	// Retries are the waits between attempts in a mode; nil are delivery.Quick.
	Retries func(live bool) delivery.Schedule
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Outside is how long a time by the clock lasts outside. nil: what is due happens with the next request.
	Outside func(time.Duration) time.Duration
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	opt Options
	mux *http.ServeMux

	mu       sync.Mutex
	accounts map[string]*account // by id; an id tells the mode
	limits   map[caller]*rate.Limiter
	revoked  map[string]bool
	listLag  time.Duration
}

// New makes a server without data.
func New(opt Options) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Server{opt: opt, mux: http.NewServeMux()}
	s.Reset()
	for path, methods := range routes() {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			rt, known := methods[r.Method]
			if !known {
				s.respond(w, nil, methodNotAllowed(r))
				return
			}
			s.serve(w, r, rt)
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.respond(w, nil, invalidURL(r)) })
	return s
}

// Reset forgets all data, the keys that were revoked, and a list lag other than that of the options.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts, s.revoked, s.listLag = map[string]*account{}, map[string]bool{}, s.opt.ListLag
	s.limits = map[caller]*rate.Limiter{}
}

// caller is whom the rate limit counts.
type caller struct {
	ip   string
	live bool // the two modes are two of Paddle's hosts
}

// allow counts a request against the rate limit.
func (s *Server) allow(r *http.Request, live bool) *apiError {
	if s.opt.RateLimit <= 0 {
		return nil
	}
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := caller{ip, live}
	if s.limits[from] == nil {
		s.limits[from] = rate.NewLimiter(rate.Limit(s.opt.RateLimit), max(1, int(s.opt.RateLimit)))
	}
	if s.limits[from].AllowN(s.opt.Now(), 1) {
		return nil
	}
	return tooManyRequests(time.Duration(float64(time.Second) / s.opt.RateLimit))
}

// SetListLag makes lists, and lists within included entities, lack an object until that long after its creation.
// Reading it by its id is not affected. It holds for objects that exist too: 0 shows all.
func (s *Server) SetListLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listLag = lag
}

// lists is the time from which on lists do not show what was created.
func (s *Server) lists() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listLag == 0 {
		return time.Time{}
	}
	return s.opt.Now().Add(-s.listLag)
}

// route is one operation of the API.
type route struct {
	status int // of success
	query  []string
	run    func(*call) (any, *apiError)
}

func routes() map[string]map[string]route {
	return map[string]map[string]route{
		"/products": {
			http.MethodGet: {http.StatusOK, listParameters("id", "include", "status", "tax_category", "type"),
				(*call).listProducts},
			http.MethodPost: {http.StatusCreated, nil, (*call).createProduct},
		},
		"/products/{id}": {
			http.MethodGet:   {http.StatusOK, []string{"include"}, (*call).getProduct},
			http.MethodPatch: {http.StatusOK, nil, (*call).updateProduct},
		},
		"/prices": {
			http.MethodGet: {http.StatusOK, listParameters("id", "include", "product_id", "recurring", "status", "type"),
				(*call).listPrices},
			http.MethodPost: {http.StatusCreated, nil, (*call).createPrice},
		},
		"/prices/{id}": {
			http.MethodGet:   {http.StatusOK, []string{"include"}, (*call).getPrice},
			http.MethodPatch: {http.StatusOK, nil, (*call).updatePrice},
		},
		"/customers": {
			http.MethodGet:  {http.StatusOK, listParameters("email", "id", "search", "status"), (*call).listCustomers},
			http.MethodPost: {http.StatusCreated, nil, (*call).createCustomer},
		},
		"/customers/{id}": {
			http.MethodGet:   {http.StatusOK, nil, (*call).getCustomer},
			http.MethodPatch: {http.StatusOK, nil, (*call).updateCustomer},
		},
		"/customers/{id}/portal-sessions": {http.MethodPost: {http.StatusCreated, nil, (*call).createPortalSession}},
		"/transactions": {
			http.MethodGet: {http.StatusOK, listParameters("customer_id", "id", "origin", "status", "subscription_id"),
				(*call).listTransactions},
			http.MethodPost: {http.StatusCreated, nil, (*call).createTransaction},
		},
		"/transactions/{id}": {http.MethodGet: {http.StatusOK, nil, (*call).getTransaction}},
		"/subscriptions": {http.MethodGet: {
			http.StatusOK, listParameters("customer_id", "id", "price_id", "scheduled_change_action", "status"),
			(*call).listSubscriptions,
		}},
		"/subscriptions/{id}": {
			http.MethodGet:   {http.StatusOK, nil, (*call).getSubscription},
			http.MethodPatch: {http.StatusOK, nil, (*call).updateSubscription},
		},
		"/subscriptions/{id}/cancel":   {http.MethodPost: {http.StatusOK, nil, (*call).cancelSubscription}},
		"/subscriptions/{id}/pause":    {http.MethodPost: {http.StatusOK, nil, (*call).pauseSubscription}},
		"/subscriptions/{id}/resume":   {http.MethodPost: {http.StatusOK, nil, (*call).resumeSubscription}},
		"/subscriptions/{id}/activate": {http.MethodPost: {http.StatusOK, nil, (*call).activateSubscription}},
		"/notification-settings": {
			http.MethodGet:  {http.StatusOK, listParameters("active", "traffic_source"), (*call).listSettings},
			http.MethodPost: {http.StatusCreated, nil, (*call).createSetting},
		},
		"/notification-settings/{id}": {
			http.MethodGet:    {http.StatusOK, nil, (*call).getSetting},
			http.MethodPatch:  {http.StatusOK, nil, (*call).updateSetting},
			http.MethodDelete: {http.StatusNoContent, nil, (*call).deleteSetting},
		},
		"/events":      {http.MethodGet: {http.StatusOK, listParameters(), (*call).listEvents}},
		"/event-types": {http.MethodGet: {http.StatusOK, nil, (*call).listEventTypes}},
		"/notifications": {http.MethodGet: {
			http.StatusOK, listParameters("filter", "from", "notification_setting_id", "search", "status", "to"),
			(*call).listNotifications,
		}},
		"/notifications/{id}": {http.MethodGet: {http.StatusOK, nil, (*call).getNotification}},
		"/notifications/{id}/logs": {
			http.MethodGet: {http.StatusOK, []string{"after", "per_page"}, (*call).listNotificationLogs},
		},
		"/notifications/{id}/replay": {http.MethodPost: {http.StatusAccepted, nil, (*call).replayNotification}},
	}
}

// call is one request. Its account is locked.
type call struct {
	*account
	server *Server
	r      *http.Request
	id     string                     // the {id} of the path
	query  map[string]string          // the parameters of the URL
	body   []byte                     // a JSON object, or empty
	fields map[string]json.RawMessage // of the body
	hidden time.Time                  // see Server.lists
}

// ServeHTTP implements http.Handler for the paths below Paddle's address.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt route) {
	a, key, err := s.authenticate(r)
	if err != nil {
		s.respond(w, nil, err)
		return
	}
	if err := s.allow(r, a.live); err != nil {
		s.respond(w, nil, err)
		return
	}
	if key.ReadOnly && r.Method != http.MethodGet {
		s.respond(w, nil, forbidden())
		return
	}
	c, err := newCall(r, rt)
	if err != nil {
		s.respond(w, nil, err)
		return
	}
	failure := traffic.Begin(r.Context())
	var ok *answer
	if failure == nil || failure.AfterCommit {
		c.account, c.server, c.hidden = a, s, s.lists()
		ok, err = c.work(rt)
	}
	if failure != nil && err == nil {
		err = errorFor(failure.Status)
	}
	s.respond(w, ok, err)
}

// newCall reads a request, without its account.
func newCall(r *http.Request, rt route) (*call, *apiError) {
	if v := r.Header.Get("Paddle-Version"); v != "" && v != APIVersion {
		return nil, badRequest("Paddle-Version " + v + " is not supported.")
	}
	c := &call{r: r, id: r.PathValue("id"), query: map[string]string{}}
	if err := c.readQuery(rt); err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet {
		return c, nil
	}
	body, readErr := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	switch {
	case readErr != nil:
		return nil, badRequest("The body can't be read.")
	case len(body) > bodyLimit:
		return nil, bodyTooLarge()
	case len(bytes.TrimSpace(body)) == 0:
		return c, nil
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return nil, unsupportedMediaType()
	}
	if err := json.Unmarshal(body, &c.fields); err != nil || c.fields == nil {
		return nil, invalidJSON()
	}
	c.body = body
	return c, nil
}

// answer is a success.
type answer struct {
	status     int
	data       json.RawMessage
	pagination *pagination // of a list
}

type pagination struct {
	PerPage        int    `json:"per_page"`
	Next           string `json:"next"`
	HasMore        bool   `json:"has_more"`
	EstimatedTotal int    `json:"estimated_total"`
}

// work does a request, and makes JSON of the result while the account is locked.
func (c *call) work(rt route) (*answer, *apiError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catchUp()
	result, failed := rt.run(c)
	if failed != nil {
		return nil, failed
	}
	out := &answer{status: rt.status}
	if l, ok := result.(listing); ok {
		result, out.pagination = l.rows, &l.pagination
	}
	var err error
	if out.data, err = json.Marshal(result); err != nil {
		return nil, errorFor(http.StatusInternalServerError)
	}
	return out, nil
}

type meta struct {
	RequestID  string      `json:"request_id"`
	Pagination *pagination `json:"pagination,omitempty"`
}

func (s *Server) respond(w http.ResponseWriter, ok *answer, failed *apiError) {
	m := meta{RequestID: newRequestID()}
	body := map[string]any{"meta": &m}
	var status int
	if failed != nil {
		status, body["error"] = failed.Status, failed
		if failed.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(failed.RetryAfter.Seconds()))))
		}
	} else {
		status, body["data"], m.Pagination = ok.status, ok.data, ok.pagination
	}
	if status == http.StatusNoContent {
		w.Header().Set("Request-Id", m.RequestID)
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", m.RequestID)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// ErrNotFound: there is no such object.
var ErrNotFound = errors.New("no such object in this account")
