package trigger

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// postTimeout is longer than a receiver takes for any event.
const postTimeout = 15 * time.Second

// Answer is what a receiver, or what stands in front of it, says.
type Answer struct {
	Status int `json:"status"`
	// Problem names why a receiver refused the event, and Detail says it in a sentence. Both are empty of an answer that
	// is none of a receiver's.
	Problem string `json:"problem,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Taken says that the event is durable.
func (a Answer) Taken() bool { return a.Status == http.StatusOK }

// String is for people.
func (a Answer) String() string {
	text := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	switch {
	case a.Detail != "":
		text += ": " + a.Detail
	case !a.Taken():
		text += ": not in a receiver's words, so something in front of it answered"
	}
	return text
}

// UnreachableError says that nothing answered.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string {
	return "the receiver cannot be reached from here: " + e.Err.Error() +
		"\nThat says nothing about the provider's way to it. --forward goes through the API server, --address elsewhere"
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Client posts events as a provider does: redirects are not followed.
func Client(forwarded bool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	if forwarded {
		transport.Proxy = nil
		// The API server has led to the pod; its certificate is for the name that the provider calls, and may be of an
		// authority that this machine does not know.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	}
	return &http.Client{
		Transport: transport, Timeout: postTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Post sends one event.
func Post(ctx context.Context, c *http.Client, to *url.URL, header http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kubectl-kassa")
	res, err := c.Do(req)
	if err != nil {
		return Answer{}, unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return Answer{}, &UnreachableError{err}
	}
	return answerOf(res.StatusCode, text), nil
}

// unreachable leaves out the request, of which the caller knows all.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		err = fmt.Errorf("no answer within %s", postTimeout)
	}
	return &UnreachableError{err}
}

// problems is how the types of a receiver's own problems begin.
const problems = "https://kassa.dev/problems/"

func answerOf(status int, text []byte) Answer {
	a := Answer{Status: status}
	var p struct{ Type, Detail string }
	if json.Unmarshal(text, &p) == nil {
		if name, own := strings.CutPrefix(p.Type, problems); own {
			a.Problem, a.Detail = name, p.Detail
		}
	}
	return a
}
