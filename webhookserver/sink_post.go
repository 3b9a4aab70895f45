package webhookserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	// maxAnswer bounds what is read of a sink's answer, so that its connection can be used again.
	maxAnswer = 64 << 10
	// maxError is the length of SinkDelivery.LastError.
	maxError = 512
	// maxRetryAfter bounds what a sink may ask for.
	maxRetryAfter = time.Hour
)

// post makes one attempt within the sink's timeout and the context. 2xx means taken, 410 never again, and everything
// else not now.
func post(ctx context.Context, to *sink, m *message) attempt {
	if to.line.request == nil {
		return attempt{err: "the sink's uri cannot be used"}
	}
	ctx, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	// Without http.Client, which copies the headers of every request because it may be redirected: a redirect would
	// carry the event to a place that the spec does not name.
	req := requestOf(ctx, to, m)
	telemetry.Inject(ctx, req.Header)
	res, err := to.line.transport.RoundTrip(req)
	if err != nil {
		return failedAttempt(err)
	}
	// After 101 the body is the connection itself, and no deadline ends the reading of it.
	if res.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	}
	_ = res.Body.Close()
	if res.StatusCode/100 == 2 {
		return attempt{taken: true, status: res.StatusCode}
	}
	return attempt{
		gone: res.StatusCode == http.StatusGone, status: res.StatusCode, err: statusText(res.StatusCode),
		retryAfter: parseRetryAfter(res.Header.Get("Retry-After"), time.Now()),
	}
}

// emptyRequest is what the requests to a uri have in common, or nil if it cannot be used.
func emptyRequest(uri string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, uri, http.NoBody) //nolint:noctx // requestOf gives each its own
	if err != nil {
		return nil
	}
	req.Header.Set("User-Agent", "kassa-receiver")
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	return req
}

// requestOf is the message's request to a sink.
func requestOf(ctx context.Context, to *sink, m *message) *http.Request {
	req := to.line.request.WithContext(ctx)
	req.Header = req.Header.Clone()
	body := m.structured
	if to.binary {
		body = m.data
		maps.Copy(req.Header, m.attributes())
	} else {
		req.Header.Set("Content-Type", structuredType)
	}
	to.credentials.set(req.Header, m.headerID, body, time.Now())
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	return req
}

// failedAttempt words an error in Kassa's own words: the library's have the sink's URL, which may carry credentials,
// and parts of what the sink answered.
func failedAttempt(err error) attempt {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return attempt{timedOut: true, err: "no answer in time"}
	}
	var unknown *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, context.Canceled):
		return attempt{err: "broken off: the receiver was stopped"}
	case errors.As(err, &unknown):
		return attempt{err: "the name of the sink's host is not known"}
	case errors.As(err, &untrusted):
		return attempt{err: "the sink's certificate is not trusted: " + untrusted.Err.Error()}
	case errors.As(err, &noTLS):
		return attempt{err: "the sink does not speak TLS"}
	case errors.As(err, &alert):
		return attempt{err: "the sink refused the TLS handshake: " + alert.Error()}
	case errors.Is(err, syscall.ECONNREFUSED):
		return attempt{err: "connection refused"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return attempt{err: "the sink's host cannot be reached"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return attempt{err: "the connection was closed without an answer"}
	default:
		return attempt{err: "no valid HTTP answer"}
	}
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
