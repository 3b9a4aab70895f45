package preview

import (
	"context"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
)

// forever is a maximum age that only a mirror without any snapshot fails.
const forever = time.Duration(1<<63 - 1)

// purpose is what an account is opened for. What is only taken off sale was admitted once, and need not be any more.
type purpose string

const (
	selling  purpose = "sell"
	retiring purpose = "retire"
)

// opened is an account that was opened for the Plans of a namespace, or why it could not be.
type opened struct {
	provider *v1alpha1.PaymentProvider
	account  *accounts.Account
	all      []billing.Observed
	err      error
}

// open opens an account once: many Plans are sold through one, and each look at the cluster takes time.
func (c *Comparer) open(ctx context.Context, by purpose, namespace string, at *v1alpha1.PlanProvider) *opened {
	key := strings.Join([]string{string(by), namespace, accounts.ProviderKey(namespace, at).String()}, " ")
	if o, ok := c.opened[key]; ok {
		return o
	}
	o := &opened{}
	c.opened[key] = o
	find := accounts.Resolve
	if by == retiring {
		find = accounts.Find
	}
	if o.provider, o.err = find(ctx, c.Reader, namespace, at); o.err != nil {
		o.provider = nil
		return o
	}
	if o.account, o.err = c.Open(ctx, o.provider); o.err != nil {
		return o
	}
	if _, o.err = o.account.Mirror.Refresh(ctx, forever); o.err == nil {
		o.all = o.account.Mirror.All()
	}
	return o
}
