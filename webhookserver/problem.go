package webhookserver

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// problem is an RFC 9457 answer. The texts are for the person who reads the provider's log of deliveries.
type problem struct {
	status int
	body   []byte
}

func newProblem(status int, name, title, detail string) *problem {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"https://kassa.dev/problems/" + name, title, status, detail})
	if err != nil {
		panic(err)
	}
	return &problem{status: status, body: append(body, '\n')}
}

var (
	problemNotFound = newProblem(http.StatusNotFound, "not-found", "No receiver here",
		"Events are taken only at the path of the WebhookReceiver's spec.url.")
	problemMethod = newProblem(http.StatusMethodNotAllowed, "method", "Method not allowed",
		"Events are sent with POST.")
	problemPlainHTTP = newProblem(http.StatusForbidden, "plain-http", "Plain HTTP refused",
		"The request came over plain HTTP, but the WebhookReceiver's spec.url is https. Register the https URL, and let no "+
			"proxy take events over http.")
	problemNoProof = newProblem(http.StatusForbidden, "no-proof-of-https", "No proof of HTTPS",
		"Nothing says that the request came over HTTPS, which spec.httpsPolicy RequireProof asks for. Let the proxy that "+
			"ends TLS set X-Forwarded-Proto.")
	problemTooLarge = newProblem(http.StatusRequestEntityTooLarge, "too-large", "Body too large",
		"A body has at most 1 MiB.")
	problemAborted = newProblem(http.StatusBadRequest, "incomplete", "Body incomplete",
		"The body could not be read to its end in time.")
	problemSignature = newProblem(http.StatusBadRequest, "signature", "Signature not accepted",
		"The signature is missing, malformed, outside the tolerance, or made with another secret.")
	problemMalformed = newProblem(http.StatusBadRequest, "malformed", "Malformed event",
		"The signature is right, but the body is no event of this provider.")
	problemQuestion = newProblem(http.StatusBadRequest, "question", "Not a question",
		"The body is {\"ids\": [...]} with at most 1000 ids of events.")
	problemDoubts = newProblem(http.StatusBadRequest, "doubts", "Not a question",
		"The body is {\"doubts\": n} with a number between 1 and 100.")
	problemReadings = newProblem(http.StatusBadRequest, "readings", "No readings",
		"The body is {\"account\": ..., \"readings\": [...]} with between 1 and 100 readings, of the receiver's account.")
	problemMode = newProblem(http.StatusBadRequest, "mode", "Wrong mode",
		"The event is of the other mode (test or live) than this receiver's account.")
	problemDoubtful = newProblem(http.StatusServiceUnavailable, "doubtful", "Signature not decided",
		"The signature fits no signing secret that is known, and these could not be read afresh. Send the event again later.")
	problemOverloaded = newProblem(http.StatusServiceUnavailable, "overloaded", "Too many requests in flight",
		"Send the event again later.")
	problemBusy = newProblem(http.StatusServiceUnavailable, "in-progress", "Event in progress",
		"The same event is being processed. Send it again later.")
	problemUnavailable = newProblem(http.StatusServiceUnavailable, "unavailable", "Not durable now",
		"The event could not be recorded. Send it again later.")
	problemNotReady = newProblem(http.StatusServiceUnavailable, "not-ready", "Not ready",
		"The receiver is not configured yet. Send the event again later.")
)

func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body)
}

// setRetryAfter rounds up to whole seconds, at least one.
func setRetryAfter(w http.ResponseWriter, after time.Duration) {
	seconds := max(int64((after+time.Second-1)/time.Second), 1)
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
}
