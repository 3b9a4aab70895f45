package registration

import (
	"github.com/kassa-dev/kassa/internal/provider"
)

// retire quiets replaced endpoints, and removes them when their time is over.
func (s *State) retire(*provider.Endpoint) (Step, bool) {
	if len(s.Record.Retiring) > MaxRetiring {
		return s.drop(s.Record.Retiring[0]), true
	}
	for _, h := range s.Record.Retiring {
		if !s.Now.Before(h.Until) {
			return s.drop(h), true
		}
		e := s.find(h.ID)
		if e == nil || s.foreign(e) || s.Traits.QuietEvent == "" {
			continue
		}
		url := e.URL
		if s.Traits.Marks { // what it repeats is taken at the receiver's URL
			url = s.urlOf(e)
		}
		if !s.isQuiet(e) || e.URL != url {
			spec := provider.EndpointSpec{Owner: s.Owner, URL: url, Events: s.quietEvents()}
			return Step{Kind: Update, ID: h.ID, Spec: spec}, true
		}
	}
	return Step{}, false
}

// drop removes a retiring endpoint first, and its secret when it is gone.
func (s *State) drop(h Held) Step {
	if e := s.find(h.ID); e != nil && !s.foreign(e) {
		return remove(h.ID, note(NoteRetired, "deleted endpoint %s, whose signing secret was replaced", h.ID))
	}
	return save(s.Record.without(h.ID), Note{})
}

// rotate replaces the signing secret when it is time.
func (s *State) rotate(serving *provider.Endpoint) (Step, bool) {
	asked := s.Rotate != "" && s.Rotate != s.Record.Rotated
	if !asked && (s.Interval == 0 || s.Now.Before(s.Record.Serving.MadeAt.Add(s.Interval))) {
		return Step{}, false
	}
	if s.Traits.Secrets == provider.SecretChosen {
		r := s.replaced(Held{ID: serving.ID, Secret: s.Fresh, Unconfirmed: true})
		return save(r, note(NoteRotated, "replaced the signing secret of endpoint %s", serving.ID)), true
	}
	if e := s.candidate(true); e != nil {
		r := s.replaced(Held{ID: e.ID, Secret: e.Secret})
		return save(r, note(NoteRotated, "endpoint %s replaces %s", e.ID, serving.ID)), true
	}
	return s.create(), true
}
