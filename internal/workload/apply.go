package workload

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
)

// handOver is the field manager that holds a Deployment's number of replicas from the moment when Kassa stops applying
// it to the moment when the autoscaler writes it. A number that nobody holds would go back to the default, 1.
const handOver = "kassa-operator-handover"

// ForeignError is that of an object which has a server's name and is not its owner's. It is left alone.
type ForeignError struct {
	Kind, Name string
	// Leftover: it is of an owner of the same name that was deleted, and goes by itself.
	Leftover bool
}

func (e *ForeignError) Error() string {
	if e.Leftover {
		return fmt.Sprintf("%s %q is of an object of this name that was deleted; waiting until Kubernetes has deleted it too",
			e.Kind, e.Name)
	}
	return fmt.Sprintf("%s %q exists and was not made for this object; rename one of the two", e.Kind, e.Name)
}

// Applier makes the cluster as a Server says.
type Applier struct {
	// Client reads, from a cache of what has the labels of Managed.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
}

// Apply applies the server's objects, without what exposes it, and deletes those that the spec does not ask for any
// more. It returns at the first error.
func (a Applier) Apply(ctx context.Context, s Server) error {
	if s.Workload.Autoscaling != nil {
		if err := a.releaseReplicas(ctx, s); err != nil {
			return fmt.Errorf("handing the number of replicas over: %w", err)
		}
	}
	wanted := s.Objects()
	for _, object := range wanted {
		if err := a.apply(ctx, s, object); err != nil {
			return err
		}
	}
	for _, kind := range optional() {
		if err := a.prune(ctx, s, kind, wanted...); err != nil {
			return err
		}
	}
	return nil
}

func (a Applier) apply(ctx context.Context, s Server, object runtime.ApplyConfiguration) error {
	kind := kindOf(object)
	if err := a.own(ctx, s, kind); err != nil {
		return err
	}
	err := a.Client.Apply(ctx, object, client.FieldOwner(status.FieldManager), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", kind.Kind, s.Name(), err)
	}
	return nil
}

// own makes sure that an object of the server's name, if there is one, is the server's. What the cache has not is asked
// for at the API server: the cache leaves out what has no label of Kassa's.
func (a Applier) own(ctx context.Context, s Server, kind schema.GroupVersionKind) error {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(kind)
	key := types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}
	if object, err := a.Client.Scheme().New(kind); err == nil {
		cached, ok := object.(client.Object)
		if ok && a.Client.Get(ctx, key, cached) == nil && s.controls(cached) {
			return nil
		}
	}
	err := a.Live.Get(ctx, key, found)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s %s: %w", kind.Kind, s.Name(), err)
	}
	if !s.controls(found) {
		return s.foreign(kind.Kind, found)
	}
	return nil
}

func (s Server) foreign(kind string, o client.Object) error {
	return &ForeignError{Kind: kind, Name: s.Name(), Leftover: IsLeftover(o, s.Owner.Kind, s.Owner.Name)}
}

// IsLeftover says of an object that the present owner does not control, whether an earlier one of the same kind and
// name does: it was deleted, and the garbage collector deletes the object soon.
func IsLeftover(o metav1.Object, kind, name string) bool {
	controller := metav1.GetControllerOfNoCopy(o)
	return controller != nil && controller.Kind == kind && controller.Name == name &&
		strings.HasPrefix(controller.APIVersion, v1alpha1.GroupVersion.Group+"/")
}

func (s Server) controls(o client.Object) bool {
	controller := metav1.GetControllerOfNoCopy(o)
	return controller != nil && controller.UID == s.Owner.UID
}

// prune deletes the server's object of a kind unless it is among the wanted ones.
func (a Applier) prune(
	ctx context.Context, s Server, object client.Object, wanted ...runtime.ApplyConfiguration,
) error {
	kind, err := apiutil.GVKForObject(object, a.Client.Scheme())
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if kindOf(w) == kind {
			return nil
		}
	}
	err = a.Client.Get(ctx, types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}, object)
	if err == nil && s.controls(object) && object.GetDeletionTimestamp().IsZero() {
		uid := object.GetUID()
		err = a.Client.Delete(ctx, object, client.Preconditions{UID: &uid})
	}
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting %s %s: %w", kind.Kind, s.Name(), err)
	}
	return nil
}

// releaseReplicas lets go of the number of replicas without changing it, before there is an autoscaler. A server that
// does not exist yet begins with the least that the autoscaler allows, and one that was scaled to less, which an
// autoscaler would leave at 0, goes there.
func (a Applier) releaseReplicas(ctx context.Context, s Server) error {
	key := types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}
	err := a.Client.Get(ctx, key, &autoscalingv2.HorizontalPodAutoscaler{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	replicas := s.replicas()
	now := &appsv1.Deployment{}
	switch err := a.Live.Get(ctx, key, now); {
	case apierrors.IsNotFound(err):
		first := s.deployment()
		first.Spec.WithReplicas(replicas)
		if err := a.apply(ctx, s, first); err != nil {
			return err
		}
	case err != nil:
		return err
	case !s.controls(now):
		return s.foreign("Deployment", now)
	case now.Spec.Replicas != nil:
		replicas = max(replicas, *now.Spec.Replicas)
	}
	held := appsac.Deployment(s.Name(), s.Owner.Namespace).WithSpec(appsac.DeploymentSpec().WithReplicas(replicas))
	return a.Client.Apply(ctx, held, client.FieldOwner(handOver), client.ForceOwnership)
}

// kindOf reads the kind that every apply configuration has.
func kindOf(object runtime.ApplyConfiguration) schema.GroupVersionKind {
	if o, ok := object.(runtime.Object); ok {
		return o.GetObjectKind().GroupVersionKind()
	}
	named, ok := object.(interface {
		GetKind() *string
		GetAPIVersion() *string
	})
	if !ok {
		return schema.GroupVersionKind{}
	}
	return schema.FromAPIVersionAndKind(*named.GetAPIVersion(), *named.GetKind())
}
