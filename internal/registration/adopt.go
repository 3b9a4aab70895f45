package registration

import (
	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// adopt takes over the endpoint that the spec names, once. When the Secret was lost, one that is gone or quiet was
// replaced long ago.
func (s *State) adopt() (Step, bool) {
	a := s.Adopt
	if a == nil || a.ID == s.Record.Adopted {
		return Step{}, false
	}
	e := s.find(a.ID)
	lost := s.Record.Serving.Secret == "" && (s.Known.EndpointID != "" || s.Traits.Marks && len(s.strays()) > 0)
	if lost && (e == nil || s.isQuiet(e)) {
		return Step{}, false
	}
	if e == nil {
		return refuse(v1alpha1.ReasonMissing, "%s has no endpoint %s, which registration.managed.adopt names; correct the "+
			"id, or remove adopt to have an endpoint registered", s.Provider, a.ID), true
	}
	if s.foreign(e) {
		return s.heldByAnother(e, "an endpoint can only be adopted when nobody else has it"), true
	}
	if s.Record.Serving.ID == a.ID && s.Record.Serving.Secret != "" {
		r := s.Record.clone()
		r.Adopted = a.ID
		return save(r, Note{}), true
	}
	held := Held{ID: a.ID, Secret: a.Secret}
	record := s.Record
	if i := record.retiring(a.ID); i >= 0 { // back to one that was replaced
		held.Secret, record = record.Retiring[i].Secret, record.without(a.ID)
	}
	switch s.Traits.Secrets {
	case provider.SecretTold:
		held.Secret = e.Secret
	case provider.SecretChosen:
		if held.Unconfirmed = true; held.Secret == "" && a.Problem == "" {
			held.Secret = s.Fresh
		}
	}
	if step, wrong := s.checkAdopted(held.Secret); wrong {
		return step, true
	}
	before := *s
	before.Record = record
	return save(before.replaced(held), note(NoteAdopted, "took over endpoint %s", a.ID)), true
}

// Lengths of a secret that a provider can be told: LemonSqueezy's.
const minChosen, maxChosen = 6, 40

func (s *State) checkAdopted(secret string) (Step, bool) {
	const where = "registration.managed.adopt.signingSecretRef"
	switch {
	case secret == "" && s.Adopt.Problem != "":
		return refuse(v1alpha1.ReasonSigningSecretMissing, "%s: %s", where, s.Adopt.Problem), true
	case secret == "":
		return refuse(v1alpha1.ReasonSigningSecretMissing, "%s is required: %s tells a signing secret only when an endpoint "+
			"is created, so name a Secret that has it", where, s.Provider), true
	case s.Traits.Secrets == provider.SecretChosen && (len(secret) < minChosen || len(secret) > maxChosen):
		return refuse(v1alpha1.ReasonSigningSecretMissing, "%s: a signing secret of %s has %d to %d characters", where,
			s.Provider, minChosen, maxChosen), true
	}
	return Step{}, false
}
