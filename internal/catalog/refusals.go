package catalog

import (
	"errors"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Refusals are errors of a provider by the operation that it refused for good. Such an operation is not sent again
// until something changes: then the owner of the Refusals begins with new ones.
type Refusals map[string]error

// Idle says whether there is nothing to send. The error is what the provider refused earlier, of operations that would
// have to be sent otherwise.
func (e Executor) Idle(want billing.Plan, have billing.Observed) (bool, error) {
	met := &encounters{known: e.Refusals}
	op, err := e.Rules.Next(want, have, met.skip)
	return err == nil && (op == nil || met.final), met.err()
}

// encounters are the refusals that a run comes across.
type encounters struct {
	known Refusals
	met   map[string]bool
	list  []error
	// final: the key may not do what is next, so that there is no use in trying the rest.
	final bool
}

// skip is a Skip.
func (e *encounters) skip(op Operation) bool {
	asked := op.fingerprint()
	err, refused := e.known[asked]
	if !refused {
		return false
	}
	if !e.met[asked] {
		if e.met == nil {
			e.met = map[string]bool{}
		}
		e.met[asked] = true
		e.list = append(e.list, err)
	}
	e.final = e.final || provider.ClassOf(err) == provider.ClassCredentials
	return true
}

func (e *encounters) err() error { return errors.Join(e.list...) }
