package status

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Hold makes Kassa's finalizer durable on obj. Nothing else of obj is written: its spec stays what the user applied,
// also what this version of Kassa does not know.
func Hold(ctx context.Context, c client.Client, obj client.Object) error {
	return finalizer(ctx, c, obj, func() { controllerutil.AddFinalizer(obj, v1alpha1.Finalizer) })
}

// Release takes Kassa's finalizer off obj.
func Release(ctx context.Context, c client.Client, obj client.Object) error {
	return finalizer(ctx, c, obj, func() { controllerutil.RemoveFinalizer(obj, v1alpha1.Finalizer) })
}

func finalizer(ctx context.Context, c client.Client, obj client.Object, change func()) error {
	before, ok := obj.DeepCopyObject().(client.Object)
	change()
	if !ok || slices.Equal(before.GetFinalizers(), obj.GetFinalizers()) {
		return nil
	}
	return c.Patch(ctx, obj, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
