package preview

import (
	"context"
	"maps"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/desired"
)

// plan is a Plan at all its providers, in the order in which the operator goes.
func (c *Comparer) plan(ctx context.Context, p Plan) []Sale {
	switch {
	case !p.Wanted.DeletionTimestamp.IsZero():
		return c.deleted(ctx, p)
	case p.Wanted.Spec.Suspend:
		return c.suspended(p)
	}
	return append(c.named(ctx, p), c.former(ctx, p)...)
}

func (c *Comparer) deleted(ctx context.Context, p Plan) []Sale {
	var sales []Sale
	for i := range p.Wanted.Status.Providers {
		at := desired.MadeAt(p.Wanted, &p.Wanted.Status.Providers[i])
		s := c.sale(p, &at)
		s.noticef("the Plan is being deleted")
		s.end(s.retire(ctx))
		sales = append(sales, s.Sale)
	}
	return sales
}

func (c *Comparer) suspended(p Plan) []Sale {
	var sales []Sale
	for i := range p.Wanted.Spec.Providers {
		s := c.sale(p, &p.Wanted.Spec.Providers[i])
		s.noticef("spec.suspend is true, so it is not compared")
		sales = append(sales, s.Sale)
	}
	return sales
}

// named are the providers of the spec. Those whose names meant something else before come last, because what the
// others sell is not taken off sale.
func (c *Comparer) named(ctx context.Context, p Plan) []Sale {
	var sales []Sale
	meant := map[int]v1alpha1.PlanProvider{}
	for i := range p.Wanted.Spec.Providers {
		at := &p.Wanted.Spec.Providers[i]
		former, other, err := desired.Superseded(p.Wanted, at, c.sameAccount(ctx, p, at))
		if other {
			meant[i] = former
			continue
		}
		s := c.sale(p, at)
		if err == nil {
			err = s.sell(ctx)
		}
		s.end(err)
		sales = append(sales, s.Sale)
	}
	for _, i := range slices.Sorted(maps.Keys(meant)) {
		sales = append(sales, c.superseded(ctx, p, &p.Wanted.Spec.Providers[i], meant[i])...)
	}
	return sales
}

// superseded is a provider whose name meant something else when the Plan was made there: that is retired, and what the
// name means now is looked at only then.
func (c *Comparer) superseded(
	ctx context.Context, p Plan, at *v1alpha1.PlanProvider, former v1alpha1.PlanProvider,
) []Sale {
	before := c.sale(p, &former)
	before.noticef("the Plan was made there when this name meant another product or account than the spec says now")
	before.end(before.retire(ctx))
	if !before.gone() {
		before.noticef("what the spec says now is not compared as long as that is on sale")
		return []Sale{before.Sale}
	}
	if len(before.Operations) > 0 {
		before.account.Mirror.Put(before.have)
	}
	p.Wanted = p.Wanted.DeepCopy()
	desired.Forget(p.Wanted, at.Name)
	after := c.sale(p, at)
	after.end(after.sell(ctx))
	return []Sale{before.Sale, after.Sale}
}

// sameAccount says whether another PaymentProvider stands for the account at which the spec sells.
func (c *Comparer) sameAccount(
	ctx context.Context, p Plan, at *v1alpha1.PlanProvider,
) func(*v1alpha1.PlanProvider) (bool, error) {
	return func(former *v1alpha1.PlanProvider) (bool, error) {
		before := c.open(ctx, retiring, p.Wanted.Namespace, former)
		if before.err != nil {
			return false, before.err
		}
		after := c.open(ctx, selling, p.Wanted.Namespace, at)
		if after.err != nil {
			return false, after.err
		}
		return before.account.Identity == after.account.Identity, nil
	}
}

// former are the providers that the spec names no more.
func (c *Comparer) former(ctx context.Context, p Plan) []Sale {
	var sales []Sale
	for _, former := range desired.Former(p.Wanted) {
		s := c.sale(p, &former)
		s.noticef("the spec does not name this provider any more")
		s.end(s.retire(ctx))
		if len(s.Operations) > 0 {
			s.noticef("it stays on sale there until it is on sale at a provider of the spec")
		}
		sales = append(sales, s.Sale)
	}
	return sales
}
