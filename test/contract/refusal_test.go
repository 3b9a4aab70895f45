package contract_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// change is a transport that changes requests before they go on, or answers before they come back.
type change struct {
	next    http.RoundTripper
	request func(r *http.Request, body string) string
	answer  func(string) string
}

func (c change) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.request != nil && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		changed := c.request(r, string(body))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	}
	res, err := c.next.RoundTrip(r)
	if err != nil || c.answer == nil {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	changed := c.answer(string(body))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader([]byte(changed))), int64(len(changed))
	res.Header.Del("Content-Length")
	return res, nil
}

func replace(old, by string) func(*http.Request, string) string {
	return func(_ *http.Request, body string) string { return strings.Replace(body, old, by, 1) }
}

// The checks must be able to fail: a price that the adapter creates is refused when its request or answer is changed
// a little on the way.
func TestChangedRequestsAndAnswersAreNoticed(t *testing.T) {
	create := func(t *testing.T, request func(*http.Request, string) string, answer func(string) string) []string {
		t.Helper()
		j := newJudged(t, change{next: http.DefaultTransport, answer: answer})
		conn := connect(t, change{next: j, request: request})
		in := provider.CreatePrice{
			Owner: owner, ProductID: "prod_1", Name: "monthly", LookupKey: "k", IdempotencyKey: "i",
			Spec: desired(t, "monthly", "29.00", "USD", billing.Recurring{Interval: billing.Month, Count: 1}).Spec,
		}
		// There is no such product: the outcome is the sandbox's matter, not that of the peers.
		if _, err := conn.Catalog().CreatePrice(t.Context(), in); err == nil {
			t.Fatal("a price of no product was created")
		}
		if j.answers() != 1 {
			t.Fatalf("%d answers were checked, want 1", j.answers())
		}
		return j.problems()
	}
	if problems := create(t, nil, nil); len(problems) > 0 {
		t.Errorf("nothing was changed, but: %v", problems)
	}
	const schema, both = 1, 2 // stripe-mock lets pass what is wrong within another parameter
	for name, c := range map[string]struct {
		request func(*http.Request, string) string
		answer  func(string) string
		noticed int
	}{
		"unknown parameter": {replace("currency=", "colour=red&currency="), nil, both},
		"unknown nested":    {replace("recurring[interval_count]", "recurring[count]"), nil, schema},
		"unknown value":     {replace("[interval]=month", "[interval]=fortnight"), nil, both},
		"wrong type":        {replace("unit_amount=2900", "unit_amount=cheap"), nil, both},
		"missing parameter": {replace("currency=usd", ""), nil, both},
		"unknown path":      {func(r *http.Request, b string) string { r.URL.Path = "/v1/pricelists"; return b }, nil, both},
		"unknown property":  {nil, func(b string) string { return strings.Replace(b, `"type"`, `"sort"`, 1) }, schema},
		"property's type": {nil, func(string) string {
			return `{"error":{"type":"invalid_request_error","message":1}}`
		}, schema},
		"value of a property": {nil, func(string) string { return `{"error":{"type":"no_such_type"}}` }, schema},
	} {
		t.Run(name, func(t *testing.T) {
			if problems := create(t, c.request, c.answer); len(problems) != c.noticed {
				t.Errorf("%d problems, want %d: %v", len(problems), c.noticed, problems)
			}
		})
	}
}

func TestObjectsThatAreNotStripesAreNoticed(t *testing.T) {
	j := newJudged(t, http.DefaultTransport)
	for reason, body := range map[string]string{
		"unknown property": `{"id":"we_1","object":"webhook_endpoint","deleted":true,"colour":"red"}`,
		"missing property": `{"id":"we_1","object":"webhook_endpoint"}`,
		"wrong type":       `{"id":1,"object":"webhook_endpoint","deleted":true}`,
	} {
		if err := j.schemas.Response(http.MethodDelete, "/v1/webhook_endpoints/we_1", 200, []byte(body)); err == nil {
			t.Errorf("%s: no error", reason)
		}
	}
	right := []byte(`{"id":"we_1","object":"webhook_endpoint","deleted":true}`)
	if err := j.schemas.Response(http.MethodDelete, "/v1/webhook_endpoints/we_1", 200, right); err != nil {
		t.Error(err)
	}
}
