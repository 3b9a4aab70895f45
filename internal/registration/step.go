package registration

import (
	"fmt"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Kind of a step.
type Kind int

// The steps.
const (
	Done   Kind = iota // everything is as it should be
	Refuse             // Problem says what has to change first
	Create             // register an endpoint as Spec says
	Update             // change the endpoint ID to Spec
	Delete             // remove the endpoint ID
	Save               // store Record
)

// Step is what to do next.
type Step struct {
	Kind    Kind
	ID      string
	Spec    provider.EndpointSpec
	Record  Record
	Problem *accounts.Error
	Note    Note // told when the step is done; zero: nothing
}

// Note is news for the user, as a Kubernetes Event.
type Note struct{ Reason, Text string }

// Reasons of Events.
const (
	NoteRegistered = "EndpointRegistered"
	NoteAdopted    = "EndpointAdopted"
	NoteUpdated    = "EndpointUpdated"
	NoteRotated    = "SecretRotated"
	NoteRetired    = "EndpointRetired"
	NoteRemoved    = "EndpointRemoved"
)

func note(reason, format string, args ...any) Note { return Note{reason, fmt.Sprintf(format, args...)} }

func refuse(reason, format string, args ...any) Step {
	return Step{Kind: Refuse, Problem: &accounts.Error{
		Reason: reason, Stalled: true, Message: fmt.Sprintf(format, args...),
	}}
}

func save(r Record, n Note) Step { return Step{Kind: Save, Record: r, Note: n} }

func remove(id string, n Note) Step { return Step{Kind: Delete, ID: id, Note: n} }

// heldByAnother refuses an endpoint that carries another owner's marks.
func (s *State) heldByAnother(e *provider.Endpoint, remedy string) Step {
	return refuse(v1alpha1.ReasonOwnedByAnother, "endpoint %s at %s carries the marks of %s; %s", e.ID, s.Provider,
		e.Owner, remedy)
}
