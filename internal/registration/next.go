package registration

import (
	"slices"

	"github.com/kassa-dev/kassa/internal/provider"
)

// Next names the step to take.
func Next(s State) Step {
	if step, more := s.adopt(); more {
		return step
	}
	serving := s.find(s.Record.Serving.ID)
	if serving == nil || s.Record.Serving.Secret == "" && s.Traits.Secrets == provider.SecretToldOnce {
		return s.register()
	}
	if s.foreign(serving) {
		return s.heldByAnother(serving, "delete the Secret of the signing secret to have another endpoint registered")
	}
	for _, look := range []func(*provider.Endpoint) (Step, bool){s.keepSecret, s.keepServing, s.retire, s.rotate, s.tidy} {
		if step, more := look(serving); more {
			return step
		}
	}
	return Step{Kind: Done}
}

// register brings an endpoint into the record when there is none that can be verified.
func (s *State) register() Step {
	if s.Traits.Secrets == provider.SecretChosen {
		return s.registerChosen()
	}
	if e := s.candidate(false); e != nil {
		r := s.replaced(Held{ID: e.ID, Secret: e.Secret})
		r.Retiring = append(r.Retiring, s.remembered(e.ID)...)
		return save(r, note(NoteRegistered, "endpoint %s serves", e.ID))
	}
	for i := range s.Observed {
		if e := &s.Observed[i]; s.Traits.UniqueURL && e.URL == s.URL && s.foreign(e) {
			return s.heldByAnother(e, "delete it there, or give this receiver another spec.url")
		}
	}
	return s.create()
}

// registerChosen stores a secret first, and then sees to it that an endpoint has it.
func (s *State) registerChosen() Step {
	found := s.find(s.Known.EndpointID)
	if found == nil {
		if i := slices.IndexFunc(s.Observed, func(e provider.Endpoint) bool { return s.atURL(&e) }); i >= 0 {
			found = &s.Observed[i]
		}
	}
	if s.Record.Serving.Secret == "" {
		held := Held{Secret: s.Fresh, Unconfirmed: true}
		if found != nil {
			held.ID = found.ID
		}
		return save(s.replaced(held), Note{})
	}
	if found == nil {
		return s.create()
	}
	r := s.Record.clone()
	r.Serving.ID, r.Serving.Unconfirmed = found.ID, found.Secret != r.Serving.Secret
	return save(r, note(NoteRegistered, "endpoint %s serves", found.ID))
}

// create makes an endpoint, when there is room for one.
func (s *State) create() Step {
	if step, more := s.makeRoom(); more {
		return step
	}
	spec := provider.EndpointSpec{Owner: s.Owner, URL: s.freeURL(""), Events: s.firstEvents()}
	if s.Traits.Secrets == provider.SecretChosen {
		spec.Secret = s.Record.Serving.Secret
	}
	return Step{Kind: Create, Spec: spec}
}

// makeRoom deletes what stands in the way of another endpoint: quiet ones that no record has, which are of no use, and
// at the account's limit any stray one or the retiring one that goes first anyhow. Another's is never touched, so the
// provider may refuse the create.
func (s *State) makeRoom() (Step, bool) {
	full := s.Traits.MaxActive > 0 && s.active() >= s.Traits.MaxActive
	for _, e := range s.strays() {
		if full || s.isQuiet(e) {
			return remove(e.ID, Note{}), true
		}
	}
	if full && len(s.Record.Retiring) > 0 {
		return s.drop(s.Record.Retiring[0]), true
	}
	return Step{}, false
}

// candidate is an endpoint of the receiver that is not in the record and whose secret is known: it was made just now,
// or the provider tells it. One that is sent events comes before a quiet one, and for a rotation only a quiet one
// counts. Without one, an unmarked endpoint that has exactly the receiver's URL is taken.
func (s *State) candidate(quiet bool) *provider.Endpoint {
	var best *provider.Endpoint
	for _, e := range s.strays() {
		if e.Secret == "" || quiet && !s.isQuiet(e) || len(s.remembering(e.ID)) > 0 {
			continue
		}
		if best == nil || s.isQuiet(best) && !s.isQuiet(e) {
			best = e
		}
	}
	for i := range s.Observed {
		if e := &s.Observed[i]; best == nil && !quiet && s.atURL(e) && e.Secret != "" {
			best = e
		}
	}
	return best
}

// remembering is what the status knows of a retiring endpoint when the Secret was lost.
func (s *State) remembering(id string) []Held {
	if s.Record.Serving.Secret != "" || len(s.Record.Retiring) > 0 {
		return nil
	}
	i := slices.IndexFunc(s.Known.Retiring, func(h Held) bool { return h.ID == id })
	if i < 0 {
		return nil
	}
	return s.Known.Retiring[i : i+1]
}

// remembered are the retiring endpoints of a lost Secret, where the provider tells their secrets.
func (s *State) remembered(except string) []Held {
	var out []Held
	for _, e := range s.strays() {
		for _, h := range s.remembering(e.ID) {
			if e.ID != except && e.Secret != "" {
				out = append(out, Held{ID: e.ID, Secret: e.Secret, Until: h.Until})
			}
		}
	}
	return out
}

// replaced is the record when another secret takes over. The one before retires if an endpoint may still sign with it.
func (s *State) replaced(by Held) Record {
	r := s.Record.clone()
	before := r.Serving
	by.MadeAt = s.Now
	if before.Secret != "" || s.Known.EndpointID != "" {
		r.RotatedAt = s.Now
	}
	if before.Secret != "" && s.find(before.ID) != nil {
		before = Held{ID: before.ID, Secret: before.Secret, Until: s.Now.Add(s.Overlap)}
		if before.ID == by.ID {
			before.ID = r.inPlace()
		}
		r.Retiring = append(r.Retiring, before)
	}
	r.Serving, r.Rotated = by, s.Rotate
	if s.Adopt != nil {
		r.Adopted = s.Adopt.ID
	}
	return r
}

// keepSecret has the record say what the provider says.
func (s *State) keepSecret(serving *provider.Endpoint) (Step, bool) {
	r := s.Record.clone()
	switch has := r.Serving.Secret; {
	case s.Traits.Secrets == provider.SecretTold && serving.Secret != "" && serving.Secret != has:
		r.Serving.Secret = serving.Secret
	case s.Traits.Secrets == provider.SecretChosen && has == "":
		r = s.replaced(Held{ID: serving.ID, Secret: s.Fresh, Unconfirmed: true})
	case s.Traits.Secrets == provider.SecretChosen && r.Serving.Unconfirmed && serving.Secret == has:
		r.Serving.Unconfirmed = false
	default:
		return Step{}, false
	}
	return save(r, Note{}), true
}

// keepServing puts right what differs at the serving endpoint.
func (s *State) keepServing(serving *provider.Endpoint) (Step, bool) {
	want := provider.EndpointSpec{Owner: s.Owner, URL: s.urlOf(serving), Events: s.Events}
	same := serving.Active && serving.URL == want.URL && slices.Equal(serving.Events, want.Events) &&
		(!s.Traits.Marks || serving.Owner == want.Owner)
	if s.Record.Serving.Unconfirmed {
		want.Secret, same = s.Record.Serving.Secret, false
	}
	if same {
		return Step{}, false
	}
	if !s.Traits.Marks && serving.URL != want.URL { // another one there would have the change refused
		for i := range s.Observed {
			if e := &s.Observed[i]; e.URL == want.URL && s.ours(e) {
				return remove(e.ID, note(NoteRemoved, "deleted another endpoint at the same URL, %s", e.ID)), true
			}
		}
	}
	return Step{Kind: Update, ID: serving.ID, Spec: want, Note: note(NoteUpdated, "updated endpoint %s", serving.ID)}, true
}

// tidy removes stray endpoints now that another serves.
func (s *State) tidy(*provider.Endpoint) (Step, bool) {
	for _, e := range s.strays() {
		return remove(e.ID, note(NoteRemoved, "deleted endpoint %s, whose signing secret is not stored", e.ID)), true
	}
	return Step{}, false
}
