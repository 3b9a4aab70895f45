package paymentprovider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/status"
)

// finalize keeps the PaymentProvider, and its Secret, until nothing refers to it: those that do need both to clean up,
// and their drift is still looked for.
func (r *Reconciler) finalize(ctx context.Context, pp *v1alpha1.PaymentProvider) (ctrl.Result, error) {
	users, err := r.users(ctx, pp)
	if err != nil {
		return ctrl.Result{}, err
	}
	if len(users) == 0 {
		return ctrl.Result{}, r.release(ctx, pp)
	}
	if err := r.holdSecret(ctx, pp, true); err != nil {
		return ctrl.Result{}, err
	}
	message := "still referred to by " + strings.Join(users, ", ")
	if account, err := r.Accounts.Open(ctx, pp); err != nil {
		message += "; " + err.Error()
	} else if _, err := r.read(ctx, pp, account); err != nil {
		message += "; " + err.Error()
	}
	return ctrl.Result{RequeueAfter: inUseRecheck}, r.condition(ctx, pp, status.Waiting(v1alpha1.ReasonInUse, message))
}

// release lets the PaymentProvider and its Secret go.
func (r *Reconciler) release(ctx context.Context, pp *v1alpha1.PaymentProvider) error {
	if err := r.holdSecret(ctx, pp, false); err != nil {
		return err
	}
	r.Accounts.Forget(client.ObjectKeyFromObject(pp))
	r.asked.Forget(pp.UID)
	r.opened.Delete(pp.UID)
	return client.IgnoreNotFound(status.Release(ctx, r.Client, pp))
}

// holdSecret puts the finalizer onto the Secret with the API key, or takes it off. A Secret that is gone, or about to
// go, cannot be held any more.
func (r *Reconciler) holdSecret(ctx context.Context, pp *v1alpha1.PaymentProvider, hold bool) error {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	key := types.NamespacedName{Namespace: pp.Namespace, Name: accounts.KeySecret(&pp.Spec)}
	if err := r.Client.Get(ctx, key, secret); err != nil {
		return client.IgnoreNotFound(err)
	}
	var err error
	switch {
	case hold && secret.DeletionTimestamp.IsZero():
		err = status.Hold(ctx, r.Client, secret)
	case !hold:
		err = status.Release(ctx, r.Client, secret)
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("keeping Secret %s: %w", key.Name, err)
	}
	return nil
}

// maxNamed bounds how many names a message lists.
const maxNamed = 5

func (r *Reconciler) users(ctx context.Context, pp *v1alpha1.PaymentProvider) ([]string, error) {
	var plans v1alpha1.PlanList
	key := client.ObjectKeyFromObject(pp).String()
	if err := r.Client.List(ctx, &plans, client.MatchingFields{kubewatch.IndexPlans: key}); err != nil {
		return nil, err
	}
	var receivers v1alpha1.WebhookReceiverList
	err := r.Client.List(ctx, &receivers, client.MatchingFields{kubewatch.IndexProviders: key})
	if err != nil {
		return nil, err
	}
	var endpoints v1alpha1.CheckoutEndpointList
	err = r.Client.List(ctx, &endpoints, client.MatchingFields{kubewatch.IndexProviders: key})
	if err != nil {
		return nil, err
	}
	var names []string
	add := func(kind string, o client.Object) {
		name := o.GetName()
		if ns := o.GetNamespace(); ns != pp.Namespace {
			name = ns + "/" + name
		}
		names = append(names, kind+" "+name)
	}
	for i := range plans.Items {
		add("Plan", &plans.Items[i])
	}
	for i := range receivers.Items {
		add("WebhookReceiver", &receivers.Items[i])
	}
	for i := range endpoints.Items {
		add("CheckoutEndpoint", &endpoints.Items[i])
	}
	slices.Sort(names)
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], fmt.Sprintf("%d more", more))
	}
	return names, nil
}
