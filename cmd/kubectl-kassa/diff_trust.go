package main

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

type open func(context.Context, *v1alpha1.PaymentProvider) (*accounts.Account, error)

// trusting opens accounts, but sends no key to an address that only a file names: whoever wrote the file would get it,
// and files are compared before anybody has reviewed them. An address that was typed is the user's own, and so is one
// that the cluster's PaymentProvider of that name has for the same key.
func (d *diff) trusting(files *kubectl.Files, cluster client.Reader, next open) open {
	return func(ctx context.Context, pp *v1alpha1.PaymentProvider) (*accounts.Account, error) {
		if pp.Spec.BaseURL == "" || !files.Has(pp) || d.access.URL(pp.Name) != "" {
			return next(ctx, pp)
		}
		known := &v1alpha1.PaymentProvider{}
		if cluster != nil {
			err := cluster.Get(ctx, client.ObjectKeyFromObject(pp), known)
			if client.IgnoreNotFound(err) != nil {
				return nil, err
			}
			if !apierrors.IsNotFound(err) && sameDoor(&pp.Spec, &known.Spec) {
				return next(ctx, pp)
			}
		}
		return nil, fmt.Errorf("the address %s is named by a file alone, and would be sent the API key; if that is meant, "+
			"give --provider-url %s=%s", pp.Spec.BaseURL, pp.Name, pp.Spec.BaseURL)
	}
}

// sameDoor says that the same key goes to the same address.
func sameDoor(a, b *v1alpha1.PaymentProviderSpec) bool {
	return a.BaseURL == b.BaseURL && accounts.TypeOf(a) == accounts.TypeOf(b) && *accounts.KeyRef(a) == *accounts.KeyRef(b)
}
