package workload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
)

// A server's rights in other namespaces have no owner reference, which cannot lead across namespaces: labels say whose
// they are.

// nameAbroad cannot be that of another namespace's server: a namespace has no dot in its name.
func (s Server) nameAbroad() string { return s.Owner.Namespace + "." + s.Name() }

func (s Server) labelsAbroad() map[string]string {
	l := s.labels()
	l[v1alpha1.LabelServerNamespace] = s.Owner.Namespace
	return l
}

// OwnerAbroad is the server's owner of which an object in another namespace says that it is for. kind is the label with
// the owner's name.
func OwnerAbroad(o client.Object, kind string) (types.NamespacedName, bool) {
	l := o.GetLabels()
	owner := types.NamespacedName{Namespace: l[v1alpha1.LabelServerNamespace], Name: l[kind]}
	return owner, owner.Namespace != "" && owner.Name != ""
}

// Reach lets the server read Secrets of other namespaces, by namespace, and takes back what it does not need any more.
// It may be called before there is a ServiceAccount; one of the server's name that is not the server's gets nothing,
// and loses what it had.
func (a Applier) Reach(ctx context.Context, s Server, secrets map[string][]string) error {
	var foreign *ForeignError
	err := a.own(ctx, s, corev1.SchemeGroupVersion.WithKind(rbacv1.ServiceAccountKind))
	switch {
	case errors.As(err, &foreign):
		return errors.Join(err, a.withdraw(ctx, a.Client, s, func(string) bool { return false }))
	case err != nil:
		return err
	}
	for _, namespace := range slices.Sorted(maps.Keys(secrets)) {
		for _, object := range s.abroad(namespace, secrets[namespace]) {
			if err := a.applyAbroad(ctx, s, namespace, object); err != nil {
				return err
			}
		}
	}
	return a.withdraw(ctx, a.Client, s, func(namespace string) bool { return len(secrets[namespace]) > 0 })
}

// Withdraw takes back every right that the server has in other namespaces.
func (a Applier) Withdraw(ctx context.Context, s Server) error {
	return a.withdraw(ctx, a.Live, s, func(string) bool { return false })
}

func (s Server) abroad(namespace string, secrets []string) []runtime.ApplyConfiguration {
	name := s.nameAbroad()
	return []runtime.ApplyConfiguration{
		rbacac.Role(name, namespace).WithLabels(s.labelsAbroad()).WithRules(reading("", "secrets", secrets...)),
		rbacac.RoleBinding(name, namespace).WithLabels(s.labelsAbroad()).
			WithRoleRef(rbacac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(name)).
			WithSubjects(rbacac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(s.Name()).
				WithNamespace(s.Owner.Namespace)),
	}
}

// applyAbroad leaves an object alone that has the name and not the labels.
func (a Applier) applyAbroad(ctx context.Context, s Server, namespace string, object runtime.ApplyConfiguration) error {
	kind := kindOf(object)
	there, err := a.Client.Scheme().New(kind)
	if err != nil {
		return err
	}
	found, ok := there.(client.Object)
	if !ok {
		return fmt.Errorf("%s is no object", kind)
	}
	key := types.NamespacedName{Namespace: namespace, Name: s.nameAbroad()}
	err = a.Client.Get(ctx, key, found)
	if apierrors.IsNotFound(err) { // or it has no label of Kassa's
		err = a.Live.Get(ctx, key, found)
	}
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("reading %s %s: %w", kind.Kind, key, err)
	case !labels.SelectorFromSet(s.labelsAbroad()).Matches(labels.Set(found.GetLabels())):
		return &ForeignError{Kind: kind.Kind, Name: key.String()}
	}
	err = a.Client.Apply(ctx, object, client.FieldOwner(status.FieldManager), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", kind.Kind, key, err)
	}
	return nil
}

// withdraw deletes what the server has in other namespaces, the bindings first, except in those that are kept.
func (a Applier) withdraw(ctx context.Context, read client.Reader, s Server, kept func(namespace string) bool) error {
	for _, list := range []client.ObjectList{&rbacv1.RoleBindingList{}, &rbacv1.RoleList{}} {
		if err := read.List(ctx, list, client.MatchingLabels(s.labelsAbroad())); err != nil {
			return fmt.Errorf("finding rights in other namespaces: %w", err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			o, ok := item.(client.Object)
			if !ok || kept(o.GetNamespace()) {
				return nil
			}
			uid := o.GetUID()
			err := a.Client.Delete(ctx, o, client.Preconditions{UID: &uid})
			if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
				return fmt.Errorf("deleting %T %s/%s: %w", o, o.GetNamespace(), o.GetName(), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
