package recovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// callTimeout is longer than a receiver takes for any event.
	callTimeout = 15 * time.Second
	maxAnswer   = 1 << 20
	// tries and maxPause are of an event that the receiver cannot take just now.
	tries    = 3
	maxPause = 5 * time.Second
)

// UnavailableError is why a receiver could not be asked, or cannot take events now.
type UnavailableError struct {
	Status int // 0: there was no answer
	Err    error
}

func (e *UnavailableError) Error() string {
	switch {
	case e.Status != 0:
		return "the receiver answers HTTP " + statusText(e.Status)
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "the receiver does not answer in time"
	default:
		return "the receiver cannot be reached"
	}
}

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Client is a Receiver in the cluster.
type Client struct {
	HTTP *http.Client
	// Address is that of the health port, such as http://stripe-receiver.shop.svc:8081.
	Address string
	Codec   provider.WebhookCodec
	Secret  string // a live signing secret
}

var _ Receiver = (*Client)(nil)

// Unknown implements Receiver.
func (c *Client) Unknown(ctx context.Context, ids []string) ([]string, error) {
	body, err := json.Marshal(Question{IDs: ids})
	if err != nil {
		return nil, err
	}
	status, _, text, err := c.post(ctx, UnknownPath, body)
	var answer Answer
	if err == nil && (status != http.StatusOK || json.Unmarshal(text, &answer) != nil) {
		err = &UnavailableError{Status: status}
	}
	return answer.Unknown, err
}

// Take implements Receiver.
func (c *Client) Take(ctx context.Context, e *billing.Event) (Result, error) {
	for try := 1; ; try++ {
		status, header, text, err := c.post(ctx, EventsPath, e.Native)
		switch {
		case err != nil:
			return "", err
		case status == http.StatusOK:
			return Result(header.Get(ResultHeader)), nil
		case problemOf(text) != "":
			return "", &RefusedError{Problem: problemOf(text)}
		case try == tries || status == http.StatusBadRequest:
			return "", &UnavailableError{Status: status}
		}
		seconds, _ := strconv.Atoi(header.Get("Retry-After"))
		select {
		case <-ctx.Done():
			return "", &UnavailableError{Err: ctx.Err()}
		case <-time.After(min(max(time.Duration(seconds)*time.Second, time.Second), maxPause)):
		}
	}
}

// forGood are a receiver's problems with an event that no receiver of the account takes.
var forGood = []string{"malformed", "mode", "too-large"}

// problemOf is the problem for which an event is refused for good, or "". A signature that is refused is none: the
// secret was replaced since the sweep began, and the next one signs with the new one.
func problemOf(answer []byte) string {
	var problem struct{ Type string }
	if json.Unmarshal(answer, &problem) != nil || !slices.Contains(forGood, path.Base(problem.Type)) {
		return ""
	}
	return path.Base(problem.Type)
}

func (c *Client) post(ctx context.Context, at string, body []byte) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Address+at, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, &UnavailableError{Err: err}
	}
	req.Header = c.Codec.Sign(body, c.Secret, time.Now())
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, nil, &UnavailableError{Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, nil, &UnavailableError{Err: err}
	}
	return resp.StatusCode, resp.Header, text, nil
}

func statusText(status int) string { return fmt.Sprintf("%d %s", status, http.StatusText(status)) }
