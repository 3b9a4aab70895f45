package delivery

import (
	"net/http"
	"time"
)

// Job is one message to one endpoint.
type Job struct {
	Provider string // for the log
	Type     string // of the event, for the log
	Message  string // the provider's id of the message
	Endpoint string // the provider's id of the endpoint
	// Retries are the waits between attempts; nil are Quick's.
	Retries Schedule
	// Timeout of one attempt; 0 is that of the queue.
	Timeout time.Duration
	// ExactlyOK: only the status 200 counts as delivered. Otherwise any from 200 to 299 does.
	ExactlyOK bool
	// Prepare makes the request of an attempt, or returns false when the endpoint is gone. The time is that outside,
	// not the sandbox's: a receiver compares a signature's time with its own clock.
	Prepare func(now time.Time) (url string, header http.Header, body []byte, ok bool)
	// Report, unless nil, is told of every attempt, and of an end without one.
	Report func(Outcome)

	repeated bool
}

// Attempt is what became of one try.
type Attempt struct {
	Provider string `json:"provider"`
	Type     string `json:"type"`
	Message  string `json:"message"`
	Endpoint string `json:"endpoint"`
	Attempt  int    `json:"attempt"` // from 1
	// Repeated: somebody asked for the message again at the door.
	Repeated bool      `json:"repeated,omitempty"`
	Time     time.Time `json:"time"` // of the sandbox's clock
	// Status is the endpoint's answer, 0 when there was none.
	Status int `json:"status"`
	// Error says why there was none: timeout, connection or url; or gone, when there was no attempt.
	Error string `json:"error,omitempty"`
}

// Outcome is an attempt and what follows from it.
type Outcome struct {
	Attempt
	// ContentType and Body are the answer's, the latter up to a kilobyte.
	ContentType, Body string
	Delivered         bool
	// Retry is when the next attempt follows, by the sandbox's clock; the zero time if none does.
	Retry time.Time
}

// Gone tells whether the job ended without an attempt because its endpoint is gone.
func (o Outcome) Gone() bool { return o.Error == errorGone }

// Final tells whether no attempt follows.
func (o Outcome) Final() bool { return o.Retry.IsZero() }

// Totals are what an endpoint got since the start or the last Discard.
type Totals struct {
	Provider  string `json:"provider"`
	Endpoint  string `json:"endpoint"`
	Messages  int64  `json:"messages"`  // without those that were repeated
	Attempts  int64  `json:"attempts"`  // at all of them
	Delivered int64  `json:"delivered"` // messages, each time
	GivenUp   int64  `json:"given_up"`  // messages of which the last attempt has failed
	// Statuses are the numbers of attempts by the endpoint's answer; 0 is none.
	Statuses map[int]int64 `json:"statuses"`
}
