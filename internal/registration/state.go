package registration

import (
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// State is all that a decision depends on.
type State struct {
	Provider billing.Provider // for messages
	Traits   provider.EndpointTraits

	// What is wanted.
	Owner  billing.Owner
	URL    string
	Events []string // the provider's own names, sorted
	Adopt  *Adoption
	// Rotate is the Token of the annotation that asks for a rotation, or empty.
	Rotate string
	// Interval between rotations; 0: only when asked for.
	Interval time.Duration
	// Overlap is how long a replaced secret stays good.
	Overlap time.Duration

	// What is there.
	Observed []provider.Endpoint
	Record   Record
	Known    Known

	Now time.Time
	// Fresh is a new random secret, of at most 40 characters, for a provider that is told one.
	Fresh string
}

// Adoption is registration.managed.adopt.
type Adoption struct {
	ID string
	// Secret is the endpoint's signing secret. Problem says in a sentence why there is none although one was named, or
	// is empty.
	Secret, Problem string
}

// Known is what the receiver's status remembers of the registration. It may be older than the Secret, and counts only
// when that was lost.
type Known struct {
	EndpointID string
	Retiring   []Held // without secrets
}

// find is the endpoint of an id, or nil.
func (s *State) find(id string) *provider.Endpoint {
	i := slices.IndexFunc(s.Observed, func(e provider.Endpoint) bool { return e.ID == id })
	if i < 0 || id == "" {
		return nil
	}
	return &s.Observed[i]
}

// foreign says that an endpoint carries another owner's marks.
func (s *State) foreign(e *provider.Endpoint) bool {
	return e.Owner.Identifies() && !e.Owner.Same(s.Owner)
}

// atURL says that an endpoint which nobody marked, or which cannot be marked, has exactly the receiver's URL, and that
// no other can have it.
func (s *State) atURL(e *provider.Endpoint) bool {
	return s.Traits.UniqueURL && e.URL == s.URL && !e.Owner.Identifies()
}

// ours says that an endpoint was made, or taken over, for this receiver.
func (s *State) ours(e *provider.Endpoint) bool {
	if s.Traits.Marks {
		return e.Owner.Same(s.Owner)
	}
	return s.Record.has(e.ID) || e.ID == s.Known.EndpointID || s.atURL(e)
}

// strays are the receiver's endpoints that the record does not have: what a crash between a create and the store left
// behind, or all of them when somebody deleted the Secret.
func (s *State) strays() []*provider.Endpoint {
	var out []*provider.Endpoint
	for i := range s.Observed {
		if e := &s.Observed[i]; s.ours(e) && !s.Record.has(e.ID) {
			out = append(out, e)
		}
	}
	return out
}

func (s *State) quietEvents() []string { return []string{s.Traits.QuietEvent} }

// isQuiet says that an endpoint is sent nothing to speak of.
func (s *State) isQuiet(e *provider.Endpoint) bool {
	return s.Traits.QuietEvent != "" && slices.Equal(e.Events, s.quietEvents())
}

// firstEvents are those of an endpoint whose secret is not stored yet.
func (s *State) firstEvents() []string {
	if s.Traits.QuietEvent == "" || s.Traits.Secrets == provider.SecretChosen {
		return s.Events
	}
	return s.quietEvents()
}

func (s *State) active() int {
	n := 0
	for i := range s.Observed {
		if s.Observed[i].Active {
			n++
		}
	}
	return n
}

// DefaultOverlap is how long providers repeat an event at most.
const DefaultOverlap = 72 * time.Hour

// Due is when the record changes by itself: a retiring secret goes, or the next rotation comes. Zero: never.
func (r Record) Due(interval time.Duration) time.Time {
	var due time.Time
	soonest := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, h := range r.Retiring {
		soonest(h.Until)
	}
	if interval > 0 {
		soonest(r.Serving.MadeAt.Add(interval))
	}
	return due
}
