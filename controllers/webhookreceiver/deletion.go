package webhookreceiver

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/status"
)

// finalize removes the endpoints from the provider, so that it stops calling, and lets the receiver go. The deployed
// objects, the ledger and the inbox go with it, by their owner references. A registration that is manual by now holds
// nothing up: that is the way out when the provider cannot be asked any more.
func (r *Reconciler) finalize(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(receiver, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	managed := receiver.Spec.Registration.Managed != nil
	if managed || wasManaged(receiver) {
		err := r.leave(ctx, receiver)
		if err != nil && managed {
			return r.reportDeleting(ctx, receiver, err)
		}
		if err != nil {
			r.Events.Eventf(receiver, nil, corev1.EventTypeWarning, "EndpointLeft", "Delete",
				"the endpoint may still be registered at the provider; delete it there: %s", problemOf(err).Message)
		}
	}
	r.forgetCheck(receiver.UID)
	if err := status.Release(ctx, r.Client, receiver); err != nil && !apierrors.IsNotFound(err) {
		return ctrl.Result{}, fmt.Errorf("removing the finalizer: %w", err)
	}
	return ctrl.Result{}, nil
}

// leave removes the receiver's endpoints from the provider, also when the PaymentProvider does not admit the namespace
// any more. A receiver that never got as far as to register has none.
func (r *Reconciler) leave(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	account, err := r.open(ctx, accounts.Find, receiver)
	var problem *accounts.Error
	if errors.As(err, &problem) && problem.Stalled && !wasManaged(receiver) {
		return nil
	}
	if err != nil {
		return err
	}
	err = r.unregister(ctx, receiver, account)
	if errors.Is(err, errForeignSecret) && !wasManaged(receiver) {
		return nil
	}
	return err
}

// problemOf describes an error in terms of conditions.
func problemOf(err error) *accounts.Error {
	var problem *accounts.Error
	if !errors.As(err, &problem) {
		problem = accounts.ErrorOf(err)
	}
	return problem
}
