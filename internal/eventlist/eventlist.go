// Package eventlist puts together what a cluster's objects tell of a receiver's events: the ledger knows every one of
// them, the status the latest, and the inbox those that wait or were given up.
package eventlist

import (
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// State is what is known of an event.
type State string

// States. Claimed, Deferred, Processed and Dead are the ledger's.
const (
	Claimed   State = "Claimed"   // a replica has it in hand, or died with it
	Deferred  State = "Deferred"  // it waits in the inbox
	Processed State = "Processed" // every sink took it
	Dead      State = "Dead"      // it was given up, and can be replayed
	Released  State = "Released"  // it was given up, and is not there any more: it was replayed, or deleted
)

// Sink is an event at a sink that did not take it at once.
type Sink struct {
	Name        string     `json:"name"`
	Phase       string     `json:"phase"`
	Attempts    int32      `json:"attempts"`
	LastError   string     `json:"lastError,omitempty"`
	NextAttempt *time.Time `json:"nextAttempt,omitempty"`
}

// Event is one event of a receiver. It has nothing of what the event tells.
type Event struct {
	Namespace  string     `json:"namespace"`
	Receiver   string     `json:"receiver"`
	ID         string     `json:"id"`
	Type       string     `json:"type,omitempty"`
	NativeType string     `json:"nativeType,omitempty"`
	State      State      `json:"state"`
	ReceivedAt time.Time  `json:"receivedAt"`
	OccurredAt *time.Time `json:"occurredAt,omitempty"`
	Attempts   int32      `json:"attempts,omitempty"`
	// Object is the WebhookEvent, while there is one.
	Object string `json:"object,omitempty"`
	// InDatabase: the receiver keeps its events in a database, and the cluster tells of the latest alone.
	InDatabase bool   `json:"inDatabase,omitempty"`
	Sinks      []Sink `json:"sinks,omitempty"`
}

// Key tells events apart.
type Key struct{ Namespace, Receiver, ID string }

// Key of the event.
func (e *Event) Key() Key { return Key{e.Namespace, e.Receiver, e.ID} }

// LastError is why the last attempt failed, at the first sink that still has to take the event.
func (e *Event) LastError() string {
	for _, s := range e.Sinks {
		if s.LastError != "" && s.Phase != string(v1alpha1.EventDelivered) {
			return s.Name + ": " + s.LastError
		}
	}
	return ""
}

// FromInbox is an event that waits, or was given up.
func FromInbox(o *v1alpha1.WebhookEvent) Event {
	e := Event{
		Namespace: o.Namespace, Receiver: o.Spec.Receiver, ID: o.Spec.EventID, Type: o.Spec.Type,
		NativeType: o.Spec.NativeType, ReceivedAt: o.Spec.ReceivedAt.UTC(), State: Deferred, Object: o.Name,
	}
	if o.Spec.OccurredAt != nil {
		e.OccurredAt = new(o.Spec.OccurredAt.UTC())
	}
	switch o.Status.Phase {
	case v1alpha1.EventDead:
		e.State = Dead
	case v1alpha1.EventDelivered:
		e.State = Processed
	}
	for _, name := range o.Spec.Sinks {
		s := Sink{Name: name, Phase: string(v1alpha1.EventPending)}
		i := slices.IndexFunc(o.Status.Sinks, func(d v1alpha1.SinkDelivery) bool { return d.Name == name })
		if i >= 0 {
			d := o.Status.Sinks[i]
			s.Phase, s.Attempts, s.LastError = string(d.Phase), d.Attempts, d.LastError
			if d.NextAttempt != nil {
				s.NextAttempt = new(d.NextAttempt.UTC())
			}
		}
		e.Attempts = max(e.Attempts, 1+s.Attempts) // and the one at its arrival
		e.Sinks = append(e.Sinks, s)
	}
	return e
}

// FromStatus are the latest events of a receiver.
func FromStatus(r *v1alpha1.WebhookReceiver) []Event {
	var out []Event
	for _, n := range r.Status.RecentEvents {
		out = append(out, Event{
			Namespace: r.Namespace, Receiver: r.Name, ID: n.ID, Type: n.Type, NativeType: n.NativeType,
			State: State(n.Outcome), ReceivedAt: n.ReceivedAt.UTC(), Attempts: n.Attempts,
			InDatabase: r.Spec.Store != nil,
		})
	}
	return out
}

// FromLedger are the events of a segment.
func FromLedger(l *v1alpha1.EventLedger) []Event {
	var out []Event
	for _, n := range l.Status.Entries {
		out = append(out, Event{
			Namespace: l.Namespace, Receiver: l.Labels[v1alpha1.LabelReceiver], ID: n.ID, NativeType: n.Type,
			State: State(n.State), ReceivedAt: n.ReceivedAt.UTC(),
		})
	}
	return out
}

// List is made of what several objects tell. The zero value is empty.
type List struct{ events map[Key]*Event }

// Add joins what a source tells with what is known: in whatever order sources come, the inbox weighs most, then an end
// that one of them tells. The ledger still says Dead of what was replayed, and the status comes a second late.
func (l *List) Add(events ...Event) {
	if l.events == nil {
		l.events = map[Key]*Event{}
	}
	for _, e := range events {
		known := l.events[e.Key()]
		if known == nil {
			l.events[e.Key()] = &e
			continue
		}
		join(known, &e)
	}
}

func join(known, e *Event) {
	if e.Object != "" || known.Object == "" && weight(e.State) > weight(known.State) {
		known.State = e.State
	}
	if e.Object != "" {
		known.Object, known.Sinks, known.OccurredAt = e.Object, e.Sinks, e.OccurredAt
	}
	if known.Type == "" {
		known.Type = e.Type
	}
	if known.NativeType == "" {
		known.NativeType = e.NativeType
	}
	known.InDatabase = known.InDatabase || e.InDatabase
	known.Attempts = max(known.Attempts, e.Attempts)
}

// weight is greater of what comes later in an event's life.
func weight(s State) int { return slices.Index([]State{Claimed, Deferred, Dead, Processed}, s) }

// Settle adds one event, and returns what is known of it now.
func (l *List) Settle(e Event) Event {
	l.Add(e)
	return *l.events[e.Key()]
}

// Events are those that pass, the latest last.
func (l *List) Events(pass func(*Event) bool) []Event {
	out := []Event{}
	for _, e := range l.events {
		if e.State == Dead && e.Object == "" && !e.InDatabase {
			e.State = Released
		}
		if pass(e) {
			out = append(out, *e)
		}
	}
	slices.SortFunc(out, func(a, b Event) int {
		if c := a.ReceivedAt.Compare(b.ReceivedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Namespace+"/"+a.Receiver+"/"+a.ID, b.Namespace+"/"+b.Receiver+"/"+b.ID)
	})
	return out
}
