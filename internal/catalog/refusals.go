package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Refusals are operations that a provider refused for good, with its errors. They are not sent again while the plan's
// share of the catalogue stays as the last run left it; whoever keeps them begins with new ones when anything else
// changes. The zero value is ready.
type Refusals struct {
	errors map[string]error // by the operation's fingerprint
	left   [sha256.Size]byte
}

func (r *Refusals) add(asked string, err error) {
	if r.errors == nil {
		r.errors = map[string]error{}
	}
	r.errors[asked] = err
}

// meet begins a run: what was refused is forgotten if what is there is not what the last run left.
func (r *Refusals) meet(have billing.Observed) *encounters {
	if len(r.errors) > 0 && r.left != digest(have) {
		r.errors = nil
	}
	return &encounters{known: r}
}

// leave ends a run.
func (r *Refusals) leave(have billing.Observed) {
	if len(r.errors) > 0 {
		r.left = digest(have)
	}
}

// digest is the same for equal products and prices, in whatever order.
func digest(have billing.Observed) [sha256.Size]byte {
	prices := slices.Clone(have.Prices)
	slices.SortFunc(prices, func(a, b billing.Price) int { return cmp.Compare(a.ID, b.ID) })
	// Structs of texts, numbers and times always marshal.
	text, _ := json.Marshal([]any{have.Product, prices})
	return sha256.Sum256(text)
}

// Idle says whether there is nothing to send. The error is what the provider refused earlier, of operations that would
// have to be sent otherwise, or why nothing can be decided.
func (e Executor) Idle(want billing.Plan, have billing.Observed) (bool, error) {
	met := e.Refusals.meet(have)
	op, err := e.Rules.Next(want, have, met.skip)
	return err == nil && (op == nil || met.final), errors.Join(err, met.err())
}

// encounters are the refusals that a run comes across.
type encounters struct {
	known *Refusals
	met   map[string]bool
	list  []error
	// final: the key may not do what is next, so that there is no use in trying the rest.
	final bool
}

// skip is a Skip.
func (e *encounters) skip(op Operation) bool {
	asked := op.fingerprint()
	err, refused := e.known.errors[asked]
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
