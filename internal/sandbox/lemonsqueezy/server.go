// Package lemonsqueezy is a stateful stand-in of LemonSqueezy's API: users/me, stores, products, variants and prices,
// which can only be read, checkouts and what comes of them, and webhooks, which are sent events. What a seller makes in
// the dashboard is made by Go or by the sandbox's door. It keeps everything in memory.
//
// A checkout is paid at a page with test cards. What follows from that is announced to the webhooks, and goes on by the
// clock: renewals, declined cards that are charged again, and the end of what was cancelled. A change of variant or
// quantity leaves the next renewal when it was. Discounts, usage, refunds and PayPal's page are not there.
//
// Where LemonSqueezy's documentation is silent about webhooks, the stand-in is the stricter of what it may be:
// it refuses events that are not in all of its lists, attributes that a request cannot set, and a mode other than the
// key's. Two webhooks may have one URL, so that whoever makes two by mistake sees both.
//
// The text of a key does not tell its mode; here one that contains "live" is of live mode, and any other of test mode.
// All keys of a mode see the same data, and none of the other's.
package lemonsqueezy

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/sandbox/clock"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

const (
	mediaType   = "application/vnd.api+json"
	defaultSize = 10
	maxSize     = 100
	bodyLimit   = 1 << 20 // bytes of a request
)

// Options of a Server.
type Options struct {
	// RateLimit is how many requests a minute each key may make; 0 is no limit, and tells of 300.
	RateLimit int
	// Webhooks carries the events to the webhooks.
	Webhooks *delivery.Queue
	// Retries are the waits between attempts; nil are delivery.Quick.
	Retries delivery.Schedule
	// Clock is what subscriptions are renewed by; nil is one of its own.
	Clock *clock.Clock
	// PublicURL is where buyers reach the server's pages; empty takes the address that a request came through.
	PublicURL string
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	opt Options
	mux *http.ServeMux

	timer *time.Timer // for what is due next

	mu            sync.Mutex
	stores        []*Store
	products      []*Product
	variants      []*Variant
	prices        []*Price
	webhooks      []*Webhook
	checkouts     []*Checkout
	orders        []*Order
	customers     []*Customer
	subscriptions []*Subscription
	invoices      []*Invoice
	lastID        int64
	moment        time.Time // that is made up for; zero for now
	linkKey       []byte    // signs links
	hideMode      bool
	revoked       map[string]bool
	limits        map[string]*rate.Limiter
}

// New makes a server without data.
func New(opt Options) *Server {
	if opt.Clock == nil {
		opt.Clock = clock.New(nil)
	}
	s := &Server{opt: opt, mux: http.NewServeMux(), linkKey: []byte(rand.Text())}
	s.timer = time.AfterFunc(time.Hour, s.Tick)
	s.timer.Stop()
	opt.Clock.OnChange(s.Tick)
	s.Reset()
	s.mux.HandleFunc("GET /v1/users/me", s.serve(me))
	s.mux.HandleFunc("GET /v1/stores", s.serve(listStores))
	s.mux.HandleFunc("GET /v1/stores/{id}", s.serve(getStore))
	s.mux.HandleFunc("GET /v1/products", s.serve(listProducts))
	s.mux.HandleFunc("GET /v1/products/{id}", s.serve(getProduct))
	s.mux.HandleFunc("GET /v1/variants", s.serve(listVariants))
	s.mux.HandleFunc("GET /v1/variants/{id}", s.serve(getVariant))
	s.mux.HandleFunc("GET /v1/prices", s.serve(listPrices))
	s.mux.HandleFunc("GET /v1/prices/{id}", s.serve(getPrice))
	s.mux.HandleFunc("GET /v1/webhooks", s.serve(listWebhooks))
	s.mux.HandleFunc("POST /v1/webhooks", s.serve(createWebhook))
	s.mux.HandleFunc("GET /v1/webhooks/{id}", s.serve(getWebhook))
	s.mux.HandleFunc("PATCH /v1/webhooks/{id}", s.serve(updateWebhook))
	s.mux.HandleFunc("DELETE /v1/webhooks/{id}", s.serve(deleteWebhook))
	s.mux.HandleFunc("GET /v1/checkouts", s.serve(listCheckouts))
	s.mux.HandleFunc("POST /v1/checkouts", s.serve(createCheckout))
	s.mux.HandleFunc("GET /v1/checkouts/{id}", s.serve(getCheckout))
	s.mux.HandleFunc("GET /v1/orders", s.serve(listOrders))
	s.mux.HandleFunc("GET /v1/orders/{id}", s.serve(getOrder))
	s.mux.HandleFunc("GET /v1/customers", s.serve(listCustomers))
	s.mux.HandleFunc("GET /v1/customers/{id}", s.serve(getCustomer))
	s.mux.HandleFunc("GET /v1/subscriptions", s.serve(listSubscriptions))
	s.mux.HandleFunc("GET /v1/subscriptions/{id}", s.serve(getSubscription))
	s.mux.HandleFunc("PATCH /v1/subscriptions/{id}", s.serve(updateSubscription))
	s.mux.HandleFunc("DELETE /v1/subscriptions/{id}", s.serve(deleteSubscription))
	s.mux.HandleFunc("GET /v1/subscription-items/{id}", s.serve(getItem))
	s.mux.HandleFunc("PATCH /v1/subscription-items/{id}", s.serve(updateItem))
	s.mux.HandleFunc("GET /v1/subscription-invoices", s.serve(listInvoices))
	s.mux.HandleFunc("GET /v1/subscription-invoices/{id}", s.serve(getInvoice))
	for _, path := range []string{
		"users/me", "stores", "products", "variants", "prices", "webhooks", "checkouts", "orders", "customers",
		"subscriptions", "subscription-items", "subscription-invoices",
	} {
		for _, at := range []string{"/v1/" + path, "/v1/" + path + "/{id}"} {
			s.mux.HandleFunc(at, s.serve(func(*call) (any, *apiError) { return nil, methodNotAllowed() }))
		}
	}
	s.mux.HandleFunc("/", s.serve(func(*call) (any, *apiError) { return nil, notFound() }))
	return s
}

// Reset forgets all data and the keys that were revoked, and tells the mode of keys again.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.stores, s.products, s.variants, s.prices, s.webhooks, s.hideMode = nil, nil, nil, nil, nil, false
	s.checkouts, s.orders, s.customers, s.subscriptions, s.invoices = nil, nil, nil, nil, nil
	s.revoked, s.limits, s.lastID = map[string]bool{}, map[string]*rate.Limiter{}, 1000
}

// Revoke makes a key invalid, or valid again.
func (s *Server) Revoke(key string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[key] = revoked
}

// HideMode leaves the mode of the key out of the answer about its user, or tells it again. Whether LemonSqueezy always
// tells it is not known.
func (s *Server) HideMode(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hideMode = hide
}

// ServeHTTP implements http.Handler for the paths below /v1/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is one request. The server is locked.
type call struct {
	*Server
	r    *http.Request
	test bool // mode of the key
}

func (s *Server) serve(run func(*call) (any, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if refused := s.admit(w, r.Header, key); refused != nil {
			respond(w, r, nil, refused)
			return
		}
		failure := traffic.Begin(r.Context())
		s.mu.Lock()
		defer s.mu.Unlock()
		var result any
		var err *apiError
		if failure == nil || failure.AfterCommit {
			s.settle()
			result, err = run(&call{Server: s, r: r, test: !strings.Contains(key, "live")})
			s.settle()
		}
		if failure != nil && err == nil {
			err = scripted(failure.Status)
		}
		respond(w, r, result, err)
	}
}

// admit refuses a request that LemonSqueezy does not look at any further.
func (s *Server) admit(w http.ResponseWriter, h http.Header, key string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case h.Get("Authorization") != "Bearer "+key || key == "" || s.revoked[key]:
		return unauthenticated()
	case !s.allow(w, key):
		return tooManyRequests()
	case h.Get("Accept") != mediaType:
		return notAcceptable()
	case h.Get("Content-Type") != mediaType:
		return unsupportedMediaType()
	}
	return nil
}

// allow counts a request, and tells what is left of the key's limit.
func (s *Server) allow(w http.ResponseWriter, key string) bool {
	limit := s.opt.RateLimit
	if limit == 0 {
		w.Header().Set("X-Ratelimit-Limit", "300")
		w.Header().Set("X-Ratelimit-Remaining", "299")
		return true
	}
	l := s.limits[key]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(limit)/60, limit)
		s.limits[key] = l
	}
	now := s.opt.Clock.Now()
	admitted := l.AllowN(now, 1)
	w.Header().Set("X-Ratelimit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, int(l.TokensAt(now)))))
	if !admitted {
		w.Header().Set("Retry-After", strconv.Itoa(60/limit+1))
	}
	return admitted
}

// respond writes an answer; a success without a result has no body.
func respond(w http.ResponseWriter, r *http.Request, result any, err *apiError) {
	if err == nil && result == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	if err != nil {
		w.WriteHeader(err.status)
		_, _ = w.Write(err.body())
		return
	}
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusCreated)
	}
	body, _ := json.Marshal(result)
	_, _ = w.Write(body)
}

// page is one page of a list, by page[number] and page[size].
func page[T any, ID int64 | string](c *call, kind string, all []T, id func(T) ID) (any, *apiError) {
	q := c.r.URL.Query()
	size, number := defaultSize, 1
	for name, into := range map[string]*int{"page[size]": &size, "page[number]": &number} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return nil, invalid(name, "must be a positive number")
			}
			*into = n
		}
	}
	size = min(size, maxSize)
	last := max(1, (len(all)+size-1)/size)
	from := min((min(number, last+1)-1)*size, len(all))
	to := min(from+size, len(all))
	data := []any{}
	for _, x := range all[from:to] {
		data = append(data, resource(kind, id(x), x))
	}
	meta := map[string]any{
		"currentPage": number, "from": from + 1, "lastPage": last, "perPage": size, "to": to, "total": len(all),
	}
	return map[string]any{
		"meta": map[string]any{"page": meta}, "jsonapi": map[string]string{"version": "1.0"}, "data": data,
		"links": c.links(number, last),
	}, nil
}

// links lead to other pages of a list, below the address that the request came through.
func (c *call) links(number, last int) map[string]string {
	at := func(n int) string {
		u := c.address()
		q := c.r.URL.Query()
		q.Set("page[number]", strconv.Itoa(n))
		u.RawQuery = q.Encode()
		return u.String()
	}
	links := map[string]string{"first": at(1), "last": at(last)}
	if number < last {
		links["next"] = at(number + 1)
	}
	return links
}

// address is the one that the request came through.
func (c *call) address() url.URL {
	u := url.URL{Scheme: "http", Host: c.r.Host, Path: c.r.URL.Path}
	if c.r.TLS != nil {
		u.Scheme = "https"
	}
	// A prefix that was stripped on the way is still in the request's first line.
	if whole, err := url.ParseRequestURI(c.r.RequestURI); err == nil {
		u.Path = whole.Path
	}
	return u
}

// base is where the server's pages are.
func (c *call) base() string {
	if c.opt.PublicURL != "" {
		return c.opt.PublicURL
	}
	u := c.address()
	u.Path = strings.TrimSuffix(u.Path, c.r.URL.Path)
	return u.String()
}

func document[ID int64 | string](kind string, id ID, attributes any) any {
	data := resource(kind, id, attributes)
	return map[string]any{"jsonapi": map[string]string{"version": "1.0"}, "links": data["links"], "data": data}
}

// filtered refuses filters that are not known, and tells whether an object passes one. The case of an address does not
// count; whether it does at LemonSqueezy is not documented.
func (c *call) filtered(known ...string) (func(name string, value any) bool, *apiError) {
	q := c.r.URL.Query()
	for name := range q {
		inner, ok := strings.CutPrefix(name, "filter[")
		if ok && !slices.Contains(known, strings.TrimSuffix(inner, "]")) {
			return nil, invalid(name, "is no filter of this list")
		}
	}
	return func(name string, value any) bool {
		want := q.Get("filter[" + name + "]")
		if email, ok := value.(string); ok && strings.HasSuffix(name, "email") {
			return want == "" || billing.SameEmail(want, email)
		}
		got, _ := json.Marshal(value)
		return want == "" || want == strings.Trim(string(got), `"`)
	}, nil
}
