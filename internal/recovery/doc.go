// Package recovery is what the operator and a receiver say to each other about events that the receiver missed, and
// about subscriptions that its events leave in doubt. The operator asks which events the receiver does not know, and
// posts those as the provider would have; and it asks what is in doubt, and posts what the provider says of it. All of
// it goes to the receiver's port for probes, which no Ingress leads to, and is signed like an event: whoever could
// forge it could forge events.
package recovery

// Paths of a receiver's health port.
const (
	// UnknownPath takes a Question and gives an Answer.
	UnknownPath = "/v1/unknown"
	// EventsPath takes an event of the provider's and answers as the receiver's URL does, with ResultHeader.
	EventsPath = "/v1/events"
)

// ResultHeader of an answer to an event says what became of it: processed, deferred, dead, duplicate, or that the
// receiver takes no such event.
const ResultHeader = "Kassa-Result"

// MaxIDs is how many events one Question is about at most.
const MaxIDs = 1000

// Question asks which of these events a receiver does not know.
type Question struct {
	IDs []string `json:"ids"`
}

// Answer are the ones, in the order of the question.
type Answer struct {
	Unknown []string `json:"unknown"`
}
