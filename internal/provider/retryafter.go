package provider

import (
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds how long one answer can keep Kassa away: it may be a proxy's, or wrong, and asking four times an
// hour disturbs nobody.
const maxRetryAfter = 15 * time.Minute

// RetryAfterOf reads an answer's Retry-After in its two forms, seconds and an HTTP date. It is 0 where there is none,
// and 15 minutes at most.
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
