package webhookreceiver

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
)

// checkRivals refuses a receiver whose URL an older one has registered at the same account, where an endpoint is known
// by its URL alone: both would take the one endpoint for theirs, and replace its secret in turn.
func (r *Reconciler) checkRivals(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account, traits provider.EndpointTraits,
) error {
	if traits.Marks {
		return nil
	}
	var all v1alpha1.WebhookReceiverList
	if err := r.Client.List(ctx, &all); err != nil {
		return fmt.Errorf("listing WebhookReceivers: %w", err)
	}
	for i := range all.Items {
		other := &all.Items[i]
		p := other.Status.Provider
		if other.UID == receiver.UID || p == nil || string(p.Type) != string(account.Adapter.Type()) ||
			p.AccountID != account.Info.ID || other.Spec.Registration.Managed == nil {
			continue
		}
		if (other.Spec.URL == receiver.Spec.URL || other.Status.URL == receiver.Spec.URL) && elder(other, receiver) {
			return &accounts.Error{
				Reason: v1alpha1.ReasonOwnedByAnother, Stalled: true,
				Message: fmt.Sprintf("WebhookReceiver %s/%s has registered the same URL, and %s lets an endpoint carry no "+
					"marks; give this receiver another spec.url", other.Namespace, other.Name, account.Adapter.Type()),
			}
		}
	}
	return nil
}

// elder orders receivers so that exactly one of two with the same URL goes first. One that has an endpoint is older
// than one that has none.
func elder(a, b *v1alpha1.WebhookReceiver) bool {
	if (a.Status.EndpointID != "") != (b.Status.EndpointID != "") {
		return a.Status.EndpointID != ""
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.UID < b.UID
}

// rivals maps a receiver that changed, or went, to those that were refused because another has their URL.
func (r *Reconciler) rivals(ctx context.Context, o client.Object) []reconcile.Request {
	var all v1alpha1.WebhookReceiverList
	if err := r.Client.List(ctx, &all); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the rivals of a WebhookReceiver")
		return nil
	}
	var requests []reconcile.Request
	for i := range all.Items {
		c := meta.FindStatusCondition(all.Items[i].Status.Conditions, v1alpha1.ConditionEndpointRegistered)
		if c != nil && c.Reason == v1alpha1.ReasonOwnedByAnother && all.Items[i].UID != o.GetUID() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return requests
}
