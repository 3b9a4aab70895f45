package paddle

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/provider"
)

// apiVersion is the version whose shapes this package reads.
const apiVersion = "1"

// maxError bounds how much of an error's body is read, in bytes.
const maxError = 64 << 10

// doer carries the SDK's requests. The SDK never names an API version, drops the path of a base URL, repeats query keys
// where Paddle wants one list with commas, keeps neither status nor Retry-After of an error, and hands out errors that
// quote bodies. A list that it cannot read makes it panic. It also cannot repeat a request, because it gives the body
// away with the first one.
type doer struct {
	client *http.Client
	prefix string // path of the base URL, without a trailing slash
	key    string // that no error may have
}

type callKey struct{}

// call is one operation of the adapter, which may send several requests.
type call struct {
	op     string
	sent   int
	limit  int    // requests that it may send
	answer []byte // the body of the latest success
}

func withCall(ctx context.Context, op string) (context.Context, *call) {
	c := &call{op: op, limit: maxPages}
	return context.WithValue(provider.WithOperation(ctx, op), callKey{}, c), c
}

// Do sends a request. An answer that is no success is returned as a *provider.Error.
func (d doer) Do(req *http.Request) (*http.Response, error) {
	c, ok := req.Context().Value(callKey{}).(*call)
	if !ok {
		c = &call{op: "other", limit: 1}
	}
	c.sent++
	if c.sent > c.limit {
		return nil, &provider.Error{
			Class: provider.ClassUnavailable, Provider: name, Operation: c.op, Message: "the list does not end",
			Err: errUnexpected,
		}
	}
	out := req.Clone(req.Context())
	out.Header.Set("Paddle-Version", apiVersion)
	// The address of a next page has the prefix already.
	if d.prefix != "" && !strings.HasPrefix(out.URL.Path, d.prefix+"/") {
		out.URL.Path = d.prefix + out.URL.Path
	}
	out.URL.RawQuery = commas(out.URL.Query()).Encode()
	if err := rewindable(out); err != nil {
		return nil, err
	}
	resp, err := d.client.Do(out)
	if err != nil {
		return nil, transportError(c.op, d.key, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxError))
		return nil, answerError(c.op, resp, provider.WithoutKey(body, d.key))
	}
	return d.readable(c, req, resp)
}

// readable reads a successful answer and hands it out again if it is what was asked for. The SDK does not return an
// error for a list that it cannot read: it panics.
func (d doer) readable(c *call, req *http.Request, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, transportError(c.op, d.key, err)
	}
	if !isAnswer(req, body) {
		e := answerError(c.op, resp, nil)
		e.Class, e.Message, e.Err = provider.ClassUnavailable, "the answer is not what was asked for", errUnexpected
		return nil, e
	}
	c.answer, resp.Body = body, io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func isAnswer(req *http.Request, body []byte) bool {
	var into any = &struct {
		Data *struct{} `json:"data"`
	}{}
	segment := path.Base(req.URL.Path)
	switch {
	case req.Method == http.MethodGet && segment == "products":
		return isList[paddle.Product](req, body)
	case req.Method == http.MethodGet && segment == "prices":
		return isList[paddle.Price](req, body)
	case req.Method == http.MethodGet && segment == "notification-settings":
		return isList[paddle.NotificationSetting](req, body)
	case req.Method == http.MethodGet && segment == "customers":
		return isList[paddle.Customer](req, body)
	case req.Method == http.MethodGet && segment == "subscriptions":
		return isList[paddle.Subscription](req, body)
	case req.Method == http.MethodGet && segment == "transactions":
		return isList[paddle.Transaction](req, body)
	case req.Method == http.MethodGet && (segment == "events" || segment == "notifications"):
		return isList[json.RawMessage](req, body)
	case req.Method == http.MethodDelete:
		return len(body) == 0
	default:
		return json.Unmarshal(body, into) == nil
	}
}

// isList says that body is a list of what T is, with an address for the next page if there is one.
//
// A list that ends too early lacks objects, which would then be made a second time. So a page must lead on: the SDK
// takes an empty one for the end, whatever it says, and asks for one that leads to itself without end.
func isList[T any](req *http.Request, body []byte) bool {
	var list struct {
		Data []*T `json:"data"`
		Meta struct {
			Pagination *struct {
				Next    string `json:"next"`
				HasMore bool   `json:"has_more"`
			} `json:"pagination"`
		} `json:"meta"`
	}
	if json.Unmarshal(body, &list) != nil || list.Data == nil || list.Meta.Pagination == nil {
		return false
	}
	next, err := url.Parse(list.Meta.Pagination.Next)
	if err != nil || !list.Meta.Pagination.HasMore {
		return err == nil
	}
	return len(list.Data) > 0 && next.Query().Get("after") != req.URL.Query().Get("after")
}

// commas joins the values of a repeated key.
func commas(q url.Values) url.Values {
	for k, v := range q {
		q[k] = []string{strings.Join(v, ",")}
	}
	return q
}

// rewindable gives the request a body that can be sent again when a connection broke before anything was sent.
func rewindable(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		req.Body, req.GetBody = http.NoBody, nil
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, err = req.GetBody()
	return err
}
