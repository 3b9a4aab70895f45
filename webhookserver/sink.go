package webhookserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// cloudEventType is the media type of a structured CloudEvent.
	cloudEventType = "application/cloudevents+json; charset=utf-8"
	// maxAnswer bounds what is read of a sink's answer, so that its connection can be used again.
	maxAnswer = 64 << 10
	// maxError is the length of SinkDelivery.LastError.
	maxError = 512
	// maxRetryAfter bounds what a sink may ask for.
	maxRetryAfter = 24 * time.Hour
)

// sink is where events are delivered.
type sink struct {
	name    string
	uri     string
	timeout time.Duration
	events  []string // patterns; empty: every normalised event
}

func (s sink) wants(e billing.Event) bool {
	return billing.MatchesEvent(s.events, e.Type, e.NativeType)
}

// attempt is the outcome of one delivery.
type attempt struct {
	taken      bool
	status     int // 0 without an answer
	timedOut   bool
	err        string
	retryAfter time.Duration // what the sink asked for, or 0
}

// class names the outcome for the metrics.
func (a attempt) class() string {
	switch {
	case a.taken:
		return "taken"
	case a.timedOut:
		return "timeout"
	case a.status == 0:
		return "unreachable"
	default:
		return strconv.Itoa(a.status/100) + "xx"
	}
}

// poster posts CloudEvents. Connections are kept and used again.
type poster struct{ client *http.Client }

func newPoster() *poster {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}
	return &poster{client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    256,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    3 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
		},
		// A redirect would carry the event to a place that the spec does not name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post makes one attempt within the sink's timeout and the context. 2xx means taken; everything else means not now.
func (p *poster) post(ctx context.Context, to sink, message []byte) attempt {
	ctx, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.uri, bytes.NewReader(message))
	if err != nil {
		return attempt{err: "the sink's uri cannot be used"}
	}
	req.Header.Set("Content-Type", cloudEventType)
	req.Header.Set("User-Agent", "kassa-receiver")
	res, err := p.client.Do(req)
	if err != nil {
		return failedAttempt(err)
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	_ = res.Body.Close()
	if res.StatusCode/100 == 2 {
		return attempt{taken: true, status: res.StatusCode}
	}
	return attempt{
		status: res.StatusCode, err: fmt.Sprintf("HTTP %d", res.StatusCode),
		retryAfter: parseRetryAfter(res.Header.Get("Retry-After"), time.Now()),
	}
}

// failedAttempt words an error without the sink's URL, which may carry credentials.
func failedAttempt(err error) attempt {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return attempt{timedOut: true, err: "no answer in time"}
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return attempt{err: provider.Truncate(provider.Redact(err.Error()), maxError)}
}

// parseRetryAfter reads seconds or an HTTP date; 0 when there is none, and never more than maxRetryAfter.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
