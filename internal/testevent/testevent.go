// Package testevent makes events that look like a provider's own and tell of nothing that happened, for people who want
// to see what becomes of one. Their ids begin with Prefix, so that whoever finds one knows what it is. What they look
// like is data, in the folder shapes.
package testevent

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Prefix begins the id of every test event, at every provider.
const Prefix = "evt_kassa_trigger_"

//go:embed shapes/*.yaml
var files embed.FS

// shape is what a provider's events look like.
type shape struct {
	Envelope map[string]any            `json:"envelope"`
	Objects  map[string]map[string]any `json:"objects"`
	Events   []kind                    `json:"events"`
}

// kind are events of one normalised name that differ in nothing but the provider's name of them.
type kind struct {
	Events   []string          `json:"events"`
	Type     billing.EventType `json:"type"`
	Object   string            `json:"object"`
	Set      map[string]any    `json:"set"`
	Previous map[string]any    `json:"previous"`
}

var shapes = sync.OnceValue(func() map[billing.Provider]*shape {
	out := map[billing.Provider]*shape{}
	for _, p := range []billing.Provider{billing.Stripe, billing.Paddle, billing.LemonSqueezy} {
		text, err := files.ReadFile("shapes/" + strings.ToLower(string(p)) + ".yaml")
		s := &shape{}
		if err == nil {
			err = yaml.Unmarshal(text, s, yaml.DisallowUnknownFields)
		}
		if err != nil {
			panic(err) // it is a part of the build
		}
		out[p] = s
	}
	return out
})

// Name is an event that can be made.
type Name struct {
	Type   billing.EventType `json:"type"`
	Native string            `json:"native"`
}

// Names are the events of a provider, in the order of their normalised names.
func Names(p billing.Provider) []Name {
	var out []Name
	for _, k := range shapes()[p].Events {
		for _, native := range k.Events {
			out = append(out, Name{Type: k.Type, Native: native})
		}
	}
	slices.SortStableFunc(out, func(a, b Name) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return out
}

// Event is a test event.
type Event struct {
	ID string
	Name
	Body []byte
}

// UnknownError says that a provider has no such event, or that no test event is made of it.
type UnknownError struct {
	Provider billing.Provider
	Name     string
}

func (e UnknownError) Error() string {
	return fmt.Sprintf("no test event %q can be made for %s", e.Name, e.Provider)
}

// Make makes an event of a normalised name or of the provider's own.
func Make(p billing.Provider, name string, f Facts) (Event, error) {
	s := shapes()[p]
	if s == nil {
		return Event{}, UnknownError{p, name}
	}
	k, native := s.find(name)
	if k == nil {
		return Event{}, UnknownError{p, name}
	}
	values, err := f.values(p)
	if err != nil {
		return Event{}, err
	}
	out := Event{ID: Prefix + f.Mark, Name: Name{Type: k.Type, Native: native}}
	values["id"], values["native"] = out.ID, native
	values["object"] = fill(merged(s.Objects[k.Object], k.Set), values)
	if k.Previous != nil {
		values["previous"] = fill(k.Previous, values)
	}
	out.Body, err = json.Marshal(fill(s.Envelope, values))
	return out, err
}

func (s *shape) find(name string) (*kind, string) {
	for i := range s.Events {
		switch k := &s.Events[i]; {
		case string(k.Type) == name:
			return k, k.Events[0]
		case slices.Contains(k.Events, name):
			return k, name
		}
	}
	return nil, ""
}

// merged is an object with other values for some members, also of objects in it. It changes neither.
func merged(base, with map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, value := range with {
		inner, is := value.(map[string]any)
		before, was := out[name].(map[string]any)
		if is && was {
			value = merged(before, inner)
		}
		out[name] = value
	}
	return out
}

// fill puts facts where their names stand. A member that stands for a fact which is not there is left out.
func fill(shape any, facts map[string]any) any {
	switch v := shape.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			if value = fill(value, facts); value != absent {
				out[name] = value
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = fill(v[i], facts)
		}
		return out
	case string:
		name, is := strings.CutPrefix(v, "$")
		if !is {
			return v
		}
		if fact, known := facts[name]; known {
			return fact
		}
		return absent
	default:
		return v
	}
}

type missing struct{}

var absent any = missing{}
