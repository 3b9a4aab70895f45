package contract_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

// judged shows requests to stripe-mock on their way to a sandbox, validates what the sandbox answers, and remembers
// what was wrong and which parameters were sent. It is safe for concurrent use.
type judged struct {
	mirror  *contract.Mirror
	schemas *contract.Schemas

	mu      sync.Mutex
	wrong   []string
	checked int
	sent    map[string]map[string]bool // parameters by "operation: METHOD /path/{id}"
}

func newJudged(t *testing.T, to http.RoundTripper) *judged {
	t.Helper()
	peer, err := contract.StripeMock()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := contract.StripeSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return &judged{
		mirror: &contract.Mirror{Peer: peer, To: to}, schemas: schemas, sent: map[string]map[string]bool{},
	}
}

// newSandbox serves a sandbox that ends with the test. Webhooks that wait then are nobody's.
func newSandbox(t *testing.T) (sb *sandbox.Sandbox, address string) {
	t.Helper()
	sb = sandbox.New(sandbox.Options{})
	server := httptest.NewServer(sb.Handler())
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = sb.Close(ctx)
	})
	return sb, server.URL
}

// RoundTrip implements http.RoundTripper.
func (j *judged) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := j.note(r); err != nil {
		return nil, err
	}
	res, err := j.mirror.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.checked++
	if err := j.schemas.Response(r.Method, r.URL.Path, res.StatusCode, body); err != nil {
		j.wrong = append(j.wrong,
			fmt.Sprintf("%s %s: the answer is not Stripe's:\n%v\n%s", r.Method, r.URL.Path, err, body))
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

var (
	index       = regexp.MustCompile(`\[\d+\]`)
	metadataKey = regexp.MustCompile(`(metadata\]?)\[[^\]]*\]$`)
	currencyKey = regexp.MustCompile(`^currency_options\[[a-z]{3}\]`)
)

// note validates the request's parameters and remembers them, without the places in lists, the keys of metadata and
// the currencies of options.
func (j *judged) note(r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	values, err := url.ParseQuery(strings.Trim(r.URL.RawQuery+"&"+string(body), "&"))
	if err != nil {
		return err
	}
	shown := r.Clone(r.Context())
	shown.Body = io.NopCloser(bytes.NewReader(body))
	j.mu.Lock()
	defer j.mu.Unlock()
	kind := fmt.Sprintf("%s: %s %s",
		provider.OperationOf(r.Context()), r.Method, j.schemas.Template(r.Method, r.URL.Path))
	if j.sent[kind] == nil {
		j.sent[kind] = map[string]bool{}
	}
	for name := range values {
		name = metadataKey.ReplaceAllString(index.ReplaceAllString(name, "[]"), "$1[]")
		j.sent[kind][currencyKey.ReplaceAllString(name, "currency_options[]")] = true
	}
	if skip := j.mirror.Skip; skip != nil && skip(r) {
		return nil
	}
	if err := j.schemas.Request(shown); err != nil {
		j.wrong = append(j.wrong, fmt.Sprintf("%s %s: the request is not Stripe's:\n%v\n%s", r.Method, r.URL.Path, err, body))
	}
	return nil
}

// requests are the parameters that each kind of request had, over all requests of that kind.
func (j *judged) requests() map[string][]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string][]string{}
	for kind, names := range j.sent {
		out[kind] = slices.AppendSeq([]string{}, maps.Keys(names))
		slices.Sort(out[kind])
	}
	return out
}

func (j *judged) answers() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.checked
}

// problems are the requests that stripe-mock refused and the answers that are not Stripe's.
func (j *judged) problems() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Clone(j.wrong)
	for _, refusal := range j.mirror.Refusals() {
		all = append(all, fmt.Sprintf("stripe-mock refused %v", refusal))
	}
	return all
}
