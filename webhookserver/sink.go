package webhookserver

import (
	"strconv"
	"time"
)

// sink is where events are delivered. It is never changed.
type sink struct {
	name        string
	timeout     time.Duration
	events      []string // patterns; empty: every normalised event
	binary      bool     // CloudEvents in binary mode
	credentials credentials
	unready     string // why nothing can be sent, or ""
	line        *line  // nil while unready
}

// refuses says that an event would go into the inbox without a request.
func (s *sink) refuses(now time.Time) bool {
	return s.unready != "" || s.line.circuit.passage(now).open
}

// missingSink is said of an event whose sink the spec does not have.
const missingSink = "spec.delivery.sinks has no sink of this name"

// Why no request was made; also the metric's label.
const (
	classUnready = "unready" // a Secret or certificate is missing
	classCircuit = "circuit_open"
	classBusy    = "busy"  // maxConcurrent
	classOrder   = "order" // an earlier event of the same key waits
)

// attempt is the outcome of one delivery.
type attempt struct {
	taken      bool
	gone       bool   // the sink wants the event never again
	withheld   string // why no request was made, or ""
	status     int    // 0 without an answer
	timedOut   bool
	err        string
	retryAfter time.Duration // what the sink asked for, or 0
}

func withheld(class, why string) attempt { return attempt{withheld: class, err: why} }

// class names the outcome for the metrics.
func (a attempt) class() string {
	switch {
	case a.withheld != "":
		return a.withheld
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

// health is what the outcome says about the sink. One that refuses an event with 4xx works.
func (a attempt) health() health {
	switch {
	case a.withheld != "":
		return healthUnknown
	case a.status == 429 || a.status == 503:
		if a.retryAfter > 0 {
			return healthRests
		}
		return healthFails
	case a.status == 0 || a.status == 408 || a.status >= 500:
		return healthFails
	default:
		return healthAnswers
	}
}
