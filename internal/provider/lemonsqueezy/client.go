package lemonsqueezy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	publicURL = "https://api.lemonsqueezy.com"
	mediaType = "application/vnd.api+json"
	pageSize  = 100 // LemonSqueezy's maximum
	// maxPages bounds a list at a million objects, against a provider that never says that it ends.
	maxPages = 10000
	// maxText is of codes, in bytes.
	maxText = 64
)

var (
	// errUnexpected: a 2xx that is not what was asked for.
	errUnexpected = errors.New("the answer is not what was asked for")
	// errForeign: another status, and no word of LemonSqueezy's about it.
	errForeign = errors.New("the answer is no error of LemonSqueezy's; a proxy or firewall on the way may have sent it")
)

// client sends requests of JSON:API.
type client struct {
	http *http.Client
	base *url.URL
	key  string
}

// request is one request.
type request struct {
	op     string // what is being done, for errors
	method string
	path   string
	query  url.Values
	body   any // nil for none
	// secret is a part of the body that no error may have, or empty.
	secret string
	// into takes the body of a success, which valid has to find to be what was asked for. Without it no body is read.
	into  any
	valid func() bool
}

// resource is one object. Where its relationships and links lead to is only handed on.
type resource[A any] struct {
	Type          string          `json:"type"`
	ID            string          `json:"id"`
	Attributes    A               `json:"attributes"`
	Relationships json.RawMessage `json:"relationships,omitempty"`
	Links         json.RawMessage `json:"links,omitempty"`
}

type document[A any] struct {
	Data resource[A] `json:"data"`
	Meta struct {
		TestMode *bool `json:"test_mode"`
	} `json:"meta"`
}

type page[A any] struct {
	Data []resource[A] `json:"data"`
	Meta struct {
		Page *struct {
			CurrentPage int `json:"currentPage"`
			LastPage    int `json:"lastPage"`
		} `json:"page"`
	} `json:"meta"`
}

// get reads one object of a type.
func get[A any](ctx context.Context, c *client, op, path, kind string) (document[A], error) {
	var out document[A]
	err := c.send(ctx, request{
		op: op, method: http.MethodGet, path: path, into: &out,
		valid: func() bool { return out.Data.Type == kind && out.Data.ID != "" },
	})
	return out, err
}

// list reads all objects of a type, page by page. calls is how many requests it took.
func list[A any](
	ctx context.Context, c *client, op, path, kind string, filter url.Values,
) (out []resource[A], calls int, err error) {
	for number := 1; number <= maxPages; number++ {
		p, err := readPage[A](ctx, c, op, path, kind, filter, number, pageSize)
		calls++
		if err != nil {
			return nil, calls, err
		}
		out = append(out, p.Data...)
		if number >= p.Meta.Page.LastPage {
			return out, calls, nil
		}
	}
	return nil, calls, &provider.Error{
		Class: provider.ClassUnavailable, Provider: name, Operation: op, Message: "the list does not end",
		Err: errUnexpected,
	}
}

// readPage reads one page of a list. A page that does not say which is the last is no answer: what is missing from a
// list counts as gone.
func readPage[A any](
	ctx context.Context, c *client, op, path, kind string, filter url.Values, number, size int,
) (page[A], error) {
	q := url.Values{"page[number]": {strconv.Itoa(number)}, "page[size]": {strconv.Itoa(size)}}
	maps.Copy(q, filter)
	var p page[A]
	err := c.send(ctx, request{op: op, method: http.MethodGet, path: path, query: q, into: &p, valid: func() bool {
		at := p.Meta.Page
		if p.Data == nil || at == nil || at.CurrentPage != number || at.LastPage < 1 && len(p.Data) > 0 {
			return false
		}
		return !slices.ContainsFunc(p.Data, func(r resource[A]) bool { return r.Type != kind || !isID(r.ID) })
	}})
	return p, err
}

// send makes one request. The error is a *provider.Error.
func (c *client) send(ctx context.Context, r request) error {
	at := *c.base
	at.Path, at.RawQuery = strings.TrimSuffix(at.Path, "/")+r.path, r.query.Encode()
	var body io.Reader = http.NoBody
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return &provider.Error{Class: provider.ClassTerminal, Provider: name, Operation: r.op, Message: "it cannot be sent"}
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(provider.WithOperation(ctx, r.op), r.method, at.String(), body)
	if err != nil {
		return &provider.Error{Class: provider.ClassTerminal, Provider: name, Operation: r.op, Message: "no such address"}
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", mediaType)
	req.Header.Set("Content-Type", mediaType)
	// The key goes only to the address that was configured.
	direct := *c.http
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := direct.Do(req)
	if err != nil {
		return transportError(r.op, c.key, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return transportError(r.op, c.key, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return answerError(r.op, resp, withoutSecret(provider.WithoutKey(answer, c.key), r.secret))
	case r.into != nil && (json.Unmarshal(answer, r.into) != nil || !r.valid()):
		e := answerError(r.op, resp, nil)
		e.Class, e.Message, e.Err = provider.ClassUnavailable, errUnexpected.Error(), errUnexpected
		return e
	}
	return nil
}

// withoutSecret takes out a signing secret, which may be shorter than any key.
func withoutSecret(text []byte, secret string) []byte {
	if secret == "" {
		return text
	}
	return bytes.ReplaceAll(text, []byte(secret), []byte("[redacted]"))
}

func transportError(op, key string, err error) error {
	e := &provider.Error{Class: provider.ClassUnavailable, Provider: name, Operation: op, Err: err}
	var unsent *provider.Error // of the client that was given, which did not send the request
	var transport *url.Error
	switch {
	case errors.As(err, &unsent):
		e.Class, e.Message, e.RetryAfter, e.Err = unsent.Class, unsent.Message, unsent.RetryAfter, unsent
	case errors.As(err, &transport):
		e.Err, e.Message = transport.Err, provider.Redact(provider.WithoutKey(transport.Err.Error(), key))
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			e.Err = cause
		}
	}
	return e
}

// answerError is of an answer that is no success.
func answerError(op string, resp *http.Response, body []byte) *provider.Error {
	e := &provider.Error{
		Class: provider.ClassOfStatus(resp.StatusCode), Provider: name, Operation: op, Status: resp.StatusCode,
		RetryAfter: provider.RetryAfterOf(resp.Header, time.Now()),
	}
	said := refusalOf(body)
	if e.Class != provider.ClassRateLimited && !said.explains(resp.StatusCode) {
		e.Class, e.Message, e.Err = provider.ClassUnavailable, errForeign.Error(), errForeign
		return e
	}
	e.Code, e.Message = said.code, provider.Redact(strings.Join(said.texts, "; "))
	return e
}

// refusal is what LemonSqueezy says in an answer that is no success.
type refusal struct {
	document bool // it is JSON:API's errors, and not {"error"} or {"message"}
	code     string
	texts    []string
}

// explains says whether the status can be taken for LemonSqueezy's own. The pages of a proxy or a firewall have the
// same numbers, and prove neither that an object is gone nor that a key is refused. Gateways answer a 403 and a 404
// with {"message"} too, so those must be JSON:API's.
func (r refusal) explains(status int) bool {
	if status == http.StatusForbidden || status == http.StatusNotFound {
		return r.document
	}
	return len(r.texts) > 0
}

func refusalOf(body []byte) (r refusal) {
	var b struct {
		Errors []struct {
			Title  string `json:"title"`
			Detail string `json:"detail"`
			Code   string `json:"code"`
		} `json:"errors"`
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &b) != nil {
		return refusal{}
	}
	for _, x := range b.Errors {
		if r.code == "" {
			r.code = provider.Truncate(provider.Redact(x.Code), maxText)
		}
		if text := strings.Trim(x.Title+": "+x.Detail, ": "); text != "" {
			r.document, r.texts = true, append(r.texts, text)
		}
	}
	for _, text := range []string{b.Error, b.Message} {
		if text != "" {
			r.texts = append(r.texts, text)
		}
	}
	return r
}
