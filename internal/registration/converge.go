package registration

import (
	"context"
	"crypto/rand"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Store keeps the record.
type Store interface {
	// Load reads the record. Without a Secret it is the zero value.
	Load(ctx context.Context) (Record, error)
	// Save replaces the record, and fails if anybody did since the last Load or Save.
	Save(ctx context.Context, r Record) error
}

// maxSteps is more than any sequence has; a provider that never has what it was told must not be asked for ever.
const maxSteps = 64

// Converge takes step after step until nothing is left to do, and returns the record as it then is. s needs neither
// Observed nor Record. told is called for what is news. The errors are *accounts.Error, the provider's, and the
// Store's.
func Converge(
	ctx context.Context, at provider.Endpoints, store Store, s State, told func(Note),
) (Record, error) {
	c := &run{at: at, store: store, state: s, updated: map[string]int{}}
	var err error
	if c.state.Record, err = store.Load(ctx); err != nil {
		return Record{}, err
	}
	if c.state.Observed, err = at.List(ctx); err != nil {
		return Record{}, err
	}
	for range maxSteps {
		c.state.Fresh = rand.Text()
		step := Next(c.state)
		switch step.Kind {
		case Done:
			return c.state.Record, nil
		case Refuse:
			return Record{}, step.Problem
		case Create:
			err = c.create(ctx, step)
		case Update:
			err = c.update(ctx, step)
		case Delete:
			err = c.remove(ctx, step)
		case Save:
			err = c.save(ctx, step)
		}
		if err != nil {
			return Record{}, err
		}
		if step.Note != (Note{}) {
			told(step.Note)
		}
	}
	return Record{}, unsettled("the endpoints do not become what they are told to be")
}

// run is one pass. What the provider answers is taken into the picture, so that it is listed once.
type run struct {
	at      provider.Endpoints
	store   Store
	state   State
	updated map[string]int
}

func (c *run) create(ctx context.Context, step Step) error {
	made, err := c.at.Create(ctx, step.Spec)
	if err != nil {
		return err
	}
	if c.state.Traits.Secrets == provider.SecretChosen {
		made.Secret = step.Spec.Secret
	}
	if made.Secret == "" {
		// Nothing that it sends could be verified. If the deletion fails too, the next pass finds it by its marks.
		return &accounts.Error{
			Reason: v1alpha1.ReasonSigningSecretMissing, Err: c.at.Delete(ctx, made.ID),
			Message: "the provider told no signing secret when the endpoint was registered; the endpoint is taken back, " +
				"and the registration is tried again",
		}
	}
	c.state.Observed = append(c.state.Observed, made)
	return nil
}

func (c *run) update(ctx context.Context, step Step) error {
	// Twice, because a retiring endpoint may have been the serving one in the same pass.
	c.updated[step.ID]++
	if c.updated[step.ID] > 2 {
		return unsettled("endpoint " + step.ID + " does not become what it is told to be")
	}
	now, err := c.at.Update(ctx, step.ID, step.Spec)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.state.Observed, func(e provider.Endpoint) bool { return e.ID == step.ID })
	if c.state.Traits.Secrets == provider.SecretChosen {
		now.Secret = step.Spec.Secret
	}
	c.state.Observed[i] = now
	return nil
}

// remove looks at the Secret once more: another process of the operator may have begun to use what here looks useless.
func (c *run) remove(ctx context.Context, step Step) error {
	now, err := c.store.Load(ctx)
	if err != nil {
		return err
	}
	if !now.Equal(c.state.Record) {
		return errChanged
	}
	if err := c.at.Delete(ctx, step.ID); err != nil {
		return err
	}
	c.state.Observed = slices.DeleteFunc(c.state.Observed, func(e provider.Endpoint) bool { return e.ID == step.ID })
	return nil
}

func (c *run) save(ctx context.Context, step Step) error {
	if err := c.store.Save(ctx, step.Record); err != nil {
		return err
	}
	c.state.Record = step.Record
	return nil
}

var errChanged = &accounts.Error{
	Reason: v1alpha1.ReasonProgressing, Message: "the Secret with the signing secret was changed meanwhile; looking again",
}

func unsettled(message string) error {
	return &accounts.Error{Reason: v1alpha1.ReasonProviderError, Message: message}
}

// Leave deletes every endpoint of the receiver, retiring ones too, and then empties the record. s needs Traits, Owner,
// URL and Known.
func Leave(ctx context.Context, at provider.Endpoints, store Store, s State) error {
	var err error
	if s.Record, err = store.Load(ctx); err != nil {
		return err
	}
	if s.Observed, err = at.List(ctx); err != nil {
		return err
	}
	for i := range s.Observed {
		if e := &s.Observed[i]; s.leaves(e) {
			if err := at.Delete(ctx, e.ID); err != nil {
				return err
			}
		}
	}
	if s.Record.Equal(Record{}) {
		return nil
	}
	return store.Save(ctx, Record{})
}

// leaves says that an endpoint goes with the receiver. Where there are no marks, what only has its URL goes if a create
// was under way whose answer was not stored.
func (s *State) leaves(e *provider.Endpoint) bool {
	switch {
	case s.foreign(e):
		return false
	case s.Record.has(e.ID), s.Traits.Marks && e.Owner.Same(s.Owner):
		return true
	case s.Traits.Marks:
		return false
	case e.ID == s.Known.EndpointID, slices.ContainsFunc(s.Known.Retiring, func(h Held) bool { return h.ID == e.ID }):
		return true
	default:
		return s.atURL(e) && s.Record.Serving.Secret != "" && s.find(s.Record.Serving.ID) == nil
	}
}
