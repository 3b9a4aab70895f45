package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
)

// exchange is one request as it was sent.
type exchange struct {
	method, uri, body string
	header            http.Header
}

// wire is a connection to store 77 of a server that gives one answer to everything and notes what it was asked.
func wire(t *testing.T, mode billing.Mode, status int, answer string) (provider.Endpoints, *[]exchange) {
	t.Helper()
	var seen []exchange
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, exchange{r.Method, r.URL.RequestURI(), string(body), r.Header})
		w.Header().Set("Content-Type", "application/vnd.api+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return dial(t, mode, testKey, srv.URL).Endpoints(), &seen
}

func webhookOf(id, attributes string) string {
	return `{"type":"webhooks","id":"` + id + `","attributes":{"store_id":77,"url":"https://hooks.example.com/a",` +
		`"events":["order_refunded","order_created"],"last_sent_at":null,"created_at":"2026-03-01T10:00:00.000000Z",` +
		`"updated_at":"2026-03-01T10:00:00.000000Z"` + attributes + `},"relationships":[],"links":{"self":"x"}}`
}

var hook = provider.EndpointSpec{
	URL: "https://hooks.example.com/a", Events: []string{"order_created", "order_refunded"}, Secret: "chosen-0123456789",
}

func TestEndpointRequests(t *testing.T) {
	const change = `{"data":{"type":"webhooks","id":"5","attributes":{"url":"https://hooks.example.com/a",` +
		`"events":["order_created","order_refunded"]%s}}}`
	const create = `{"data":{"type":"webhooks","attributes":{"url":"https://hooks.example.com/a",` +
		`"events":["order_created","order_refunded"],"secret":"chosen-0123456789","test_mode":%t},` +
		`"relationships":{"store":{"data":{"type":"stores","id":"77"}}}}}`
	for mode, test := range map[billing.Mode]bool{billing.Test: true, billing.Live: false} {
		answer := `{"data":` + webhookOf("5", fmt.Sprintf(`,"test_mode":%t`, test)) + `}`
		want := provider.Endpoint{ID: "5", URL: hook.URL, Events: hook.Events, Active: true, Mode: mode}
		keep := hook
		keep.Secret = ""
		for _, c := range []struct {
			reason, method, uri, body string
			run                       func(provider.Endpoints) (provider.Endpoint, error)
		}{
			{"create", http.MethodPost, "/v1/webhooks", fmt.Sprintf(create, test),
				func(e provider.Endpoints) (provider.Endpoint, error) { return e.Create(t.Context(), hook) }},
			{"replace the secret", http.MethodPatch, "/v1/webhooks/5", fmt.Sprintf(change, `,"secret":"chosen-0123456789"`),
				func(e provider.Endpoints) (provider.Endpoint, error) { return e.Update(t.Context(), "5", hook) }},
			{"keep the secret", http.MethodPatch, "/v1/webhooks/5", fmt.Sprintf(change, ``),
				func(e provider.Endpoints) (provider.Endpoint, error) { return e.Update(t.Context(), "5", keep) }},
			{"delete", http.MethodDelete, "/v1/webhooks/5", "",
				func(e provider.Endpoints) (provider.Endpoint, error) { return want, e.Delete(t.Context(), "5") }},
		} {
			t.Run(string(mode)+" "+c.reason, func(t *testing.T) {
				g := NewWithT(t)
				endpoints, seen := wire(t, mode, http.StatusCreated, answer)
				got, err := c.run(endpoints)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(got).To(Equal(want))
				g.Expect(*seen).To(HaveLen(1))
				sent := (*seen)[0]
				g.Expect([]string{sent.method, sent.uri}).To(Equal([]string{c.method, c.uri}))
				g.Expect(sent.header.Get("Authorization")).To(Equal("Bearer " + testKey))
				g.Expect(sent.header.Get("Content-Type")).To(Equal("application/vnd.api+json"))
				g.Expect(sent.header.Get("Accept")).To(Equal("application/vnd.api+json"))
				if c.body == "" {
					g.Expect(sent.body).To(BeEmpty())
					return
				}
				g.Expect(sent.body).To(MatchJSON(c.body))
			})
		}
	}
}

func TestEndpointsThatAreGone(t *testing.T) {
	g := NewWithT(t)
	endpoints, seen := wire(t, billing.Test, http.StatusNotFound,
		`{"errors":[{"status":"404","title":"Not Found","detail":"The requested resource does not exist."}]}`)
	g.Expect(endpoints.Delete(t.Context(), "5")).To(Succeed())
	_, err := endpoints.Update(t.Context(), "5", hook)
	g.Expect(provider.IsNotFound(err)).To(BeTrue())
	g.Expect(*seen).To(HaveLen(2))

	// What is no number is no webhook, and no other path.
	for _, id := range []string{"", "we_1", "5/../../stores/77", "5?x"} {
		g.Expect(endpoints.Delete(t.Context(), id)).To(Succeed())
		_, err := endpoints.Update(t.Context(), id, hook)
		g.Expect(provider.IsNotFound(err)).To(BeTrue(), id)
	}
	g.Expect(*seen).To(HaveLen(2))

	// A proxy's 404 proves nothing: the webhook may be there and call.
	endpoints, _ = wire(t, billing.Test, http.StatusNotFound, `<html>not found</html>`)
	err = endpoints.Delete(t.Context(), "5")
	g.Expect(err).To(HaveOccurred())
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
}

// Every page is read, and what is of another store or mode is not shown, whatever the provider sends.
func TestListEndpoints(t *testing.T) {
	g := NewWithT(t)
	pages := [][]string{
		{webhookOf("1", `,"test_mode":true`), webhookOf("2", `,"test_mode":false`)},
		{webhookOf("3", ``), strings.Replace(webhookOf("4", `,"test_mode":true`), `"store_id":77`, `"store_id":78`, 1)},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, n := r.URL.Query(), 1
		if q.Get("page[number]") == "2" {
			n = 2
		}
		if r.URL.Path != "/v1/webhooks" || q.Get("filter[store_id]") != "77" || q.Get("page[size]") != "100" {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprintf(w, `{"data":[%s],"meta":{"page":{"currentPage":%d,"lastPage":2}}}`, strings.Join(pages[n-1], ","), n)
	}))
	t.Cleanup(srv.Close)
	list, err := dial(t, billing.Test, testKey, srv.URL).Endpoints().List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	events := []string{"order_created", "order_refunded"} // sorted
	g.Expect(list).To(Equal([]provider.Endpoint{
		{ID: "1", URL: hook.URL, Events: events, Active: true, Mode: billing.Test},
		{ID: "3", URL: hook.URL, Events: events, Active: true},
	}))
}

func TestEndpointsThatAreRefused(t *testing.T) {
	with := func(change func(*provider.EndpointSpec)) provider.EndpointSpec {
		spec := hook
		change(&spec)
		return spec
	}
	for reason, c := range map[string]struct {
		spec provider.EndpointSpec
		want string
	}{
		"no secret": {with(func(s *provider.EndpointSpec) { s.Secret = "" }), "needs a signing secret"},
		"a short secret": {with(func(s *provider.EndpointSpec) { s.Secret = "12é45" }),
			"6 to 40 characters, and this one has 5"},
		"a long secret": {with(func(s *provider.EndpointSpec) { s.Secret = strings.Repeat("x", 41) }),
			"6 to 40 characters, and this one has 41"},
		"no events":        {with(func(s *provider.EndpointSpec) { s.Events = nil }), "at least one event"},
		"an unknown event": {with(func(s *provider.EndpointSpec) { s.Events = []string{"invoice.paid"} }), `"invoice.paid"`},
		"one that others tell of": {with(func(s *provider.EndpointSpec) { s.Events = []string{"customer_updated"} }),
			`"customer_updated"`},
	} {
		g := NewWithT(t)
		endpoints, seen := wire(t, billing.Test, http.StatusCreated, `{}`)
		_, err := endpoints.Create(t.Context(), c.spec)
		g.Expect(err).To(MatchError(ContainSubstring(c.want)), reason)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), reason)
		if c.spec.Secret != "" {
			g.Expect(err.Error()).NotTo(ContainSubstring(c.spec.Secret), reason)
		}
		g.Expect(*seen).To(BeEmpty(), reason)
	}
	for _, n := range []int{6, 40} {
		endpoints, _ := wire(t, billing.Test, http.StatusCreated, `{"data":`+webhookOf("5", "")+`}`)
		_, err := endpoints.Create(t.Context(), with(func(s *provider.EndpointSpec) { s.Secret = strings.Repeat("é", n) }))
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), "%d characters", n)
	}
}

// The secret is in the request, and LemonSqueezy's words about the request are in the error.
func TestErrorsWithoutTheSecret(t *testing.T) {
	g, spec := NewWithT(t), hook
	spec.Secret = "abc123"
	endpoints, _ := wire(t, billing.Test, http.StatusUnprocessableEntity,
		`{"errors":[{"status":"422","title":"Unprocessable Entity","detail":"The secret abc123 is weak.","code":"abc123"}]}`)
	for _, call := range []func() error{
		func() error { _, err := endpoints.Create(t.Context(), spec); return err },
		func() error { _, err := endpoints.Update(t.Context(), "5", spec); return err },
	} {
		err := call()
		g.Expect(err).To(HaveOccurred())
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
		g.Expect(err).To(MatchError(ContainSubstring("The secret [redacted] is weak.")))
		text, _ := json.Marshal(err)
		g.Expect(string(text) + err.Error()).NotTo(ContainSubstring("abc123"))
	}
}

// An answer about something else than was asked for is none: whether it was done has to be looked for.
func TestEndpointAnswersThatAreNone(t *testing.T) {
	for reason, answer := range map[string]string{
		"nothing":            ``,
		"no object":          `{"data":null}`,
		"another kind":       `{"data":{"type":"stores","id":"5","attributes":{"store_id":77}}}`,
		"another store":      `{"data":` + strings.Replace(webhookOf("5", ""), "77", "78", 1) + `}`,
		"another mode":       `{"data":` + webhookOf("5", `,"test_mode":false`) + `}`,
		"an id of no kind":   `{"data":` + webhookOf("x", "") + `}`,
		"another one's id":   `{"data":` + webhookOf("6", "") + `}`,
		"a list of webhooks": listOf(webhookOf("5", "")),
	} {
		g := NewWithT(t)
		endpoints, _ := wire(t, billing.Test, http.StatusOK, answer)
		_, err := endpoints.Update(t.Context(), "5", hook)
		g.Expect(err).To(HaveOccurred(), reason)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), reason)
	}
}

func TestEndpointTraits(t *testing.T) {
	NewWithT(t).Expect(lemonsqueezy.Adapter{}.EndpointTraits()).To(Equal(provider.EndpointTraits{
		Secrets: provider.SecretChosen, UniqueURL: true, QuietEvent: "license_key_updated",
	}))
}
