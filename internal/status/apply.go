package status

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// FieldManager is the operator's name in managedFields.
const FieldManager = "kassa-operator"

// Apply writes status, a pointer to a status struct, as the operator's part of obj's status. before is the status that
// obj had: when both are equal nothing is sent. Fields that other managers wrote are left alone.
//
// On success obj has the resource version that the write gave it.
func Apply(
	ctx context.Context, c client.Client, gvk schema.GroupVersionKind, obj client.Object, before, status any,
) error {
	if equality.Semantic.DeepEqual(before, status) {
		return nil
	}
	return apply(ctx, c, gvk, obj, status, "", FieldManager)
}

// ApplyAs writes the fields of status that another manager than FieldManager owns.
func ApplyAs(
	ctx context.Context, c client.Client, gvk schema.GroupVersionKind, obj client.Object, status any, manager string,
) error {
	return apply(ctx, c, gvk, obj, status, "", manager)
}

// ApplyIfUnchanged is Apply for a decision that must not be made twice: it is refused with a conflict if anybody, such
// as another process of the operator, wrote obj since it was read.
func ApplyIfUnchanged(
	ctx context.Context, c client.Client, gvk schema.GroupVersionKind, obj client.Object, before, status any,
) error {
	if equality.Semantic.DeepEqual(before, status) {
		return nil
	}
	return apply(ctx, c, gvk, obj, status, obj.GetResourceVersion(), FieldManager)
}

func apply(
	ctx context.Context, c client.Client, gvk schema.GroupVersionKind, obj client.Object, status any,
	version, manager string,
) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(status)
	if err != nil {
		return fmt.Errorf("encoding status: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	u.SetGroupVersionKind(gvk)
	u.SetNamespace(obj.GetNamespace())
	u.SetName(obj.GetName())
	// An object that was deleted and made anew meanwhile must not get the old one's status.
	u.SetUID(obj.GetUID())
	u.SetResourceVersion(version)
	err = c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(manager),
		client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	if v := u.GetResourceVersion(); v != "" {
		obj.SetResourceVersion(v)
	}
	return nil
}
