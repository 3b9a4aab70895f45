package sdk_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
)

// request is what goes over the wire.
type request struct {
	Method, Path   string
	Query, Headers map[string]string
	Body           any
}

// Kassa asks for webhooks as LemonSqueezy's own library does. The library has no verifier of signatures.
func TestLemonSqueezyRequests(t *testing.T) {
	p := start(t, "lemonsqueezy")
	const key, store = "eyJ0" + "ZXN0", "77"
	spec := provider.EndpointSpec{
		URL: "https://hooks.example.com/a?b=c", Events: []string{"order_created", "subscription_created"},
		Secret: "chosen-0123456789",
	}
	full := map[string]any{"url": spec.URL, "events": spec.Events, "secret": spec.Secret, "testMode": true}
	kept := map[string]any{"url": spec.URL, "events": spec.Events}
	plain := spec
	plain.Secret = ""
	for _, c := range []struct {
		reason   string
		question map[string]any
		run      func(*testing.T, provider.Endpoints) error
	}{
		{"create", map[string]any{"ask": "create", "webhook": full}, func(t *testing.T, e provider.Endpoints) error {
			_, err := e.Create(t.Context(), spec)
			return err
		}},
		{"update with another secret", map[string]any{"ask": "update", "id": "5", "webhook": full},
			func(t *testing.T, e provider.Endpoints) error {
				_, err := e.Update(t.Context(), "5", spec)
				return err
			}},
		{"update", map[string]any{"ask": "update", "id": "5", "webhook": kept},
			func(t *testing.T, e provider.Endpoints) error {
				_, err := e.Update(t.Context(), "5", plain)
				return err
			}},
		{"delete", map[string]any{"ask": "delete", "id": "5"}, func(t *testing.T, e provider.Endpoints) error {
			return e.Delete(t.Context(), "5")
		}},
		{"list", map[string]any{"ask": "list", "page": map[string]any{"number": 1, "size": 100}},
			func(t *testing.T, e provider.Endpoints) error {
				_, err := e.List(t.Context())
				return err
			}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			c.question["key"], c.question["store"] = key, store
			var want request
			g.Expect(p.ask(c.question, &want)).To(Succeed())
			var got request
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = answer(w, r) }))
			defer srv.Close()
			conn, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
				Mode: billing.Test, APIKey: key, StoreID: store, BaseURL: srv.URL, HTTP: srv.Client(),
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(c.run(t, conn.Endpoints())).To(Succeed())
			for name, value := range want.Headers {
				g.Expect(got.Headers).To(HaveKeyWithValue(name, value))
			}
			got.Headers, want.Headers = nil, nil
			maps.DeleteFunc(want.Query, func(_, value string) bool { return value == "" }) // asks for nothing
			g.Expect(got).To(Equal(want))
		})
	}
}

// answer notes a request about the one webhook of store 77, and answers it.
func answer(w http.ResponseWriter, r *http.Request) request {
	got := request{
		Method: r.Method, Path: r.URL.Path, Query: map[string]string{}, Headers: map[string]string{},
	}
	for name, values := range r.URL.Query() {
		got.Query[name] = values[0]
	}
	for _, name := range []string{"accept", "content-type", "authorization"} {
		got.Headers[name] = r.Header.Get(name)
	}
	if text, err := io.ReadAll(r.Body); err == nil && len(text) > 0 {
		_ = json.Unmarshal(text, &got.Body)
	}
	const webhook = `{"type":"webhooks","id":"5","attributes":{"store_id":77,"url":"x","events":[],"test_mode":true}}`
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"data":[%s],"meta":{"page":{"currentPage":1,"lastPage":1}}}`, webhook)
		return got
	}
	fmt.Fprintf(w, `{"data":%s}`, webhook)
	return got
}
