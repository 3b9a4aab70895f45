package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/status"
)

// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;update;delete

// publishedLabels are the labels of the ConfigMaps that Plans publish to.
func publishedLabels() map[string]string { return map[string]string{v1alpha1.LabelPublished: "true"} }

// indexPublisher finds the ConfigMaps that a Plan publishes to, by the Plan's UID.
const indexPublisher = "metadata.controller"

func indexPublished(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &corev1.ConfigMap{}, indexPublisher, func(o client.Object) []string {
		if owner := metav1.GetControllerOf(o); owner != nil {
			return []string{string(owner.UID)}
		}
		return nil
	})
}

// publish keeps the ConfigMap of spec.publishTo equal to the ids in status, and deletes one that an earlier spec named.
// It returns nil, or why it cannot.
func (r *Reconciler) publish(ctx context.Context, plan *v1alpha1.Plan, outcomes []outcome) (*status.Verdict, error) {
	var there corev1.ConfigMapList
	mine := client.MatchingFields{indexPublisher: string(plan.UID)}
	if err := r.Client.List(ctx, &there, client.InNamespace(plan.Namespace), mine); err != nil {
		return nil, fmt.Errorf("listing published ConfigMaps: %w", err)
	}
	name := ""
	if plan.Spec.PublishTo != nil {
		name = plan.Spec.PublishTo.ConfigMapName
	}
	var current *corev1.ConfigMap
	for i := range there.Items {
		switch cm := &there.Items[i]; cm.Name {
		case name:
			current = cm
		default:
			if err := client.IgnoreNotFound(r.Client.Delete(ctx, cm, client.Preconditions{UID: &cm.UID})); err != nil {
				return nil, fmt.Errorf("deleting ConfigMap %s: %w", cm.Name, err)
			}
		}
	}
	if name == "" {
		return nil, nil
	}
	return r.publishTo(ctx, plan, name, current, published(outcomes))
}

func (r *Reconciler) publishTo(
	ctx context.Context, plan *v1alpha1.Plan, name string, current *corev1.ConfigMap, data map[string]string,
) (*status.Verdict, error) {
	if current != nil {
		if maps.Equal(current.Data, data) && len(current.BinaryData) == 0 {
			return nil, nil
		}
		next := current.DeepCopy()
		next.Data, next.BinaryData = data, nil
		return unpublished(name, r.Client.Update(ctx, next))
	}
	cm := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: plan.Namespace, Name: name, Labels: publishedLabels()}, Data: data,
	}
	if err := controllerutil.SetControllerReference(plan, cm, r.Client.Scheme()); err != nil {
		return nil, err
	}
	err := r.Client.Create(ctx, cm)
	if apierrors.IsAlreadyExists(err) {
		there := &corev1.ConfigMap{}
		err := r.Accounts.Live.Get(ctx, client.ObjectKeyFromObject(cm), there)
		if err == nil && metav1.IsControlledBy(there, plan) {
			there.Labels, there.Data, there.BinaryData = cm.Labels, data, nil // somebody took the label off
			return unpublished(name, r.Client.Update(ctx, there))
		}
		v := status.Stalled(v1alpha1.ReasonPublishConflict, fmt.Sprintf("ConfigMap %q exists and is not this Plan's; "+
			"name another one in spec.publishTo, or delete it", name))
		return &v, nil
	}
	return unpublished(name, err)
}

// unpublished says why a ConfigMap was not written, if it was not: what the API server refuses for good is shown.
func unpublished(name string, err error) (*status.Verdict, error) {
	switch {
	case err == nil:
		return nil, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsRequestEntityTooLargeError(err):
		v := status.Stalled(v1alpha1.ReasonPublishConflict, fmt.Sprintf("ConfigMap %q: %v", name, err))
		return &v, nil
	default:
		return nil, fmt.Errorf("writing ConfigMap %s: %w", name, err)
	}
}

// published are the ids by keys such as stripe.productID and stripe.prices.monthly.
func published(outcomes []outcome) map[string]string {
	data := map[string]string{}
	for _, o := range outcomes {
		if o.gone || o.known.ProductID == "" || errors.As(o.err, new(catalog.MissingError)) {
			continue
		}
		data[o.name+".productID"] = o.known.ProductID
		for _, p := range o.known.Prices {
			data[o.name+".prices."+p.Name] = p.ID
		}
	}
	return data
}
