package provider

import (
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds how long a provider can keep Kassa away.
const maxRetryAfter = 24 * time.Hour

// RetryAfterOf reads an answer's Retry-After in its two forms, seconds and an HTTP date. It is 0 where there is none,
// and 24 h at most.
func RetryAfterOf(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
