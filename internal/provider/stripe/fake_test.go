package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
)

const testKey = "sk_test_" + "abc123"

// sent is a request as the fake saw it.
type sent struct {
	method, path, key string
	form              url.Values
}

// reply is an answer of the fake. A status of 0 resets the connection.
type reply struct {
	status int
	header map[string]string
	body   string
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func failure(status int, kind, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"no"}}`, kind, code)}
}

func (r reply) with(name, value string) reply {
	r.header = map[string]string{name: value}
	return r
}

// fake answers with a function and remembers what it was asked.
type fake struct {
	mu   sync.Mutex
	seen []sent
}

func (f *fake) requests() []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// connect starts a server that answers by answer, and connects to it.
func connect(t *testing.T, answer func(sent) reply) (provider.Connection, *fake) {
	t.Helper()
	f := &fake{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		s := sent{method: r.Method, path: r.URL.Path, key: r.Header.Get("Idempotency-Key"), form: r.Form}
		f.mu.Lock()
		f.seen = append(f.seen, s)
		f.mu.Unlock()
		a := answer(s)
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Request-Id", "req_1")
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(srv.Close)
	c, err := Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: testKey, BaseURL: srv.URL,
		HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe, Timeout: 10 * time.Second}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

var (
	testOwner = billing.Owner{Cluster: "c1", Namespace: "shop", Name: "pro", UID: "u1"}
	hisOwner  = billing.Owner{Cluster: "c1", Namespace: "shop", Name: "basic", UID: "u2"}
)

func productJSON(id string, o billing.Owner) string {
	return fmt.Sprintf(`{"id":%q,"object":"product","active":true,"name":"Pro","livemode":false,"metadata":%s}`, id,
		asJSON(marks(o, markPlan)))
}

func priceJSON(id string) string {
	return fmt.Sprintf(`{"id":%q,"object":"price","active":true,"currency":"usd","unit_amount":2900,"product":"prod_1",
		"billing_scheme":"per_unit","unit_amount_decimal":"2900","tax_behavior":"unspecified","created":1712000000}`, id)
}

func markedPriceJSON(id string, o billing.Owner, name string) string {
	return strings.TrimSuffix(priceJSON(id), "}") + `,"metadata":` + asJSON(priceMarks(o, name, "", false)) + "}"
}

func listJSON(more bool, items ...string) string {
	return fmt.Sprintf(`{"object":"list","url":"/x","has_more":%t,"data":[%s]}`, more, strings.Join(items, ","))
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
