package checkoutserver

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// answer is what a request is answered with.
type answer struct {
	status     int
	kind       string // the media type of body
	body       []byte
	retryAfter time.Duration // 0: none
	until      time.Time     // it is true until then; zero: always
	// result names a problem for the metrics; empty for what went well.
	result string
}

// ok says that what was asked for was done.
func (a *answer) ok() bool { return a.result == "" }

// jsonAnswer answers with a value whose types can all be written.
func jsonAnswer(status int, value any) *answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return &answer{status: status, kind: "application/json", body: append(body, '\n')}
}

// write sends the answer. No cache keeps what belongs to a user.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	a.setRetryAfter(h)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) //nolint:gosec // JSON that no browser takes for HTML: nosniff
}

func (a *answer) setRetryAfter(h http.Header) {
	if a.retryAfter > 0 {
		seconds := max(int64((a.retryAfter+time.Second-1)/time.Second), 1)
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}
