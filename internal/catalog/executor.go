package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Journal remembers creates whose outcome is not known, durably. It is used only at providers without idempotent
// creates.
type Journal interface {
	// Begun says when a create of that kind and price name was begun and not ended.
	Begun(op Operation) (time.Time, bool)
	// Begin makes durable that the create is about to be sent.
	Begin(ctx context.Context, op Operation) error
	// End makes durable that the create was refused for good. Successful creates need no End: the object shows.
	End(ctx context.Context, op Operation) error
}

// AwaitError says that a create may have been carried out although the provider does not show it yet.
type AwaitError struct {
	Operation Operation
	Until     time.Time
}

func (e AwaitError) Error() string {
	return fmt.Sprintf("%s was sent and its outcome is not known; waiting until %s for the provider's lists to show it",
		e.Operation, e.Until.UTC().Format(time.RFC3339))
}

// ErrNoProgress says that the provider acknowledged an operation and its catalogue does not show it.
var ErrNoProgress = errors.New("the provider acknowledged the operation but its catalogue does not show it")

// Executor runs operations at one account.
type Executor struct {
	Catalog provider.Catalog
	Rules   Rules
	Journal Journal // may be nil where Traits.IdempotentCreate
	// Archiving is called before a price is taken off sale, with what there is until then: whoever sells it has to hear
	// of its successor while both can be bought. After an error the price stays. May be nil.
	Archiving func(ctx context.Context, id string, have billing.Observed) error
	// Done is called after each operation that the provider carried out. May be nil.
	Done func(Operation)
	// Refusals are what the provider refused for good; it is not sent again. The executor adds to it.
	Refusals *Refusals
	Now      func() time.Time
}

// NewExecutor makes an executor for a provider's catalogue.
func NewExecutor(c provider.Catalog, t provider.Traits, j Journal) Executor {
	return Executor{
		Catalog: c, Rules: NewRules(c, t), Journal: j, Done: func(Operation) {}, Refusals: &Refusals{}, Now: time.Now,
	}
}

// Converge makes the provider's catalogue equal to want. have must have been observed just before. It returns what
// is there afterwards, also together with an error. An operation that the provider refuses for good does not keep the
// others from being sent, as far as they do not depend on it.
func (e Executor) Converge(ctx context.Context, want billing.Plan, have billing.Observed) (billing.Observed, error) {
	return e.run(ctx, have, func(o billing.Observed, skip Skip) (*Operation, error) { return e.Rules.Next(want, o, skip) })
}

// Retire archives everything of the owner. have must have been observed just before.
func (e Executor) Retire(ctx context.Context, owner billing.Owner, have billing.Observed) (billing.Observed, error) {
	return e.run(ctx, have, func(o billing.Observed, skip Skip) (*Operation, error) {
		return e.Rules.Retire(owner, o, skip)
	})
}

func (e Executor) run(
	ctx context.Context, have billing.Observed, next func(billing.Observed, Skip) (*Operation, error),
) (billing.Observed, error) {
	have = have.Clone()
	met := e.Refusals.meet(have)
	defer func() { e.Refusals.leave(have) }()
	sent := map[string]bool{}
	for {
		op, err := next(have, met.skip)
		if err != nil || op == nil || met.final {
			return have, errors.Join(met.err(), err)
		}
		asked := op.fingerprint()
		if sent[asked] {
			return have, errors.Join(met.err(), fmt.Errorf("%s: %w", op, ErrNoProgress))
		}
		if err := ctx.Err(); err != nil {
			return have, err
		}
		sent[asked] = true
		err = e.perform(ctx, *op, &have)
		switch class := provider.ClassOf(err); {
		case err == nil:
			e.Done(*op)
		case class == provider.ClassTerminal, class == provider.ClassCredentials:
			e.Refusals.add(asked, err)
		default:
			return have, errors.Join(err, met.err()) // the error that passes comes first: it decides what happens next
		}
	}
}

// perform sends one operation and folds the answer into have.
func (e Executor) perform(ctx context.Context, op Operation, have *billing.Observed) error {
	if op.Creates() && !e.Rules.Traits.IdempotentCreate {
		if begun, ok := e.Journal.Begun(op); ok {
			if until := begun.Add(e.Rules.Traits.ListSettle); e.Now().Before(until) {
				return AwaitError{Operation: op, Until: until}
			}
		}
		if err := e.Journal.Begin(ctx, op); err != nil {
			return fmt.Errorf("noting %s before it is sent: %w", op, err)
		}
	}
	if op.Kind == ArchivePrice && e.Archiving != nil {
		if err := e.Archiving(ctx, op.ID, *have); err != nil {
			return fmt.Errorf("saying what is sold instead, before %s: %w", op, err)
		}
	}
	err := e.send(ctx, op, have)
	if err != nil && op.Creates() && !e.Rules.Traits.IdempotentCreate && refused(err) {
		if endErr := e.Journal.End(ctx, op); endErr != nil {
			// What cannot be noted is what happens next, not the refusal: its text is kept, its class is not.
			return fmt.Errorf("noting that it was refused (%s): %w", err.Error(), endErr)
		}
	}
	return err
}

// refused says that the provider certainly did not carry the operation out.
func refused(err error) bool { return provider.ClassOf(err) != provider.ClassUnavailable }

func (e Executor) send(ctx context.Context, op Operation, have *billing.Observed) error {
	switch op.Kind {
	case CreateProduct:
		p, err := e.Catalog.CreateProduct(ctx, provider.CreateProduct{
			Owner: op.owner, Spec: *op.product, IdempotencyKey: op.IdempotencyKey(),
		})
		return foldProduct(have, p, err)
	case UpdateProduct, SetDefault, ClearDefault, ArchiveProduct:
		p, err := e.Catalog.UpdateProduct(ctx, op.currentPr.ID, op.productPatch())
		return foldProduct(have, p, err)
	case CreatePrice:
		p, err := e.Catalog.CreatePrice(ctx, provider.CreatePrice{
			Owner: op.owner, ProductID: op.productID, Name: op.Price, LookupKey: op.lookupKey, KeptKey: op.keptKey,
			Spec: *op.price, IdempotencyKey: op.IdempotencyKey(),
		})
		return foldPrice(have, p, err)
	case UpdatePrice, ArchivePrice:
		p, err := e.Catalog.UpdatePrice(ctx, op.ID, op.pricePatch())
		return foldPrice(have, p, err)
	default:
		panic("unknown operation " + string(op.Kind))
	}
}

func foldProduct(have *billing.Observed, p billing.Product, err error) error {
	if err != nil {
		return err
	}
	for i := range have.Twins {
		if have.Twins[i].ID == p.ID {
			have.Twins[i] = p
			return nil
		}
	}
	have.Product = &p
	return nil
}

func foldPrice(have *billing.Observed, p billing.Price, err error) error {
	if err != nil {
		return err
	}
	found := false
	for i := range have.Prices {
		switch {
		case have.Prices[i].ID == p.ID:
			have.Prices[i], found = p, true
		case p.LookupKey != "" && have.Prices[i].LookupKey == p.LookupKey:
			have.Prices[i].LookupKey = "" // the key moved
		}
	}
	if !found {
		have.Prices = append(have.Prices, p)
	}
	return nil
}
