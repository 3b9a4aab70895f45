package localnode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// collectedResources are the kinds that Kassa makes or owns others by.
var collectedResources = []schema.GroupVersionResource{
	{Group: "", Version: "v1", Resource: "pods"},
	{Group: "", Version: "v1", Resource: "services"},
	{Group: "", Version: "v1", Resource: "serviceaccounts"},
	{Group: "", Version: "v1", Resource: "secrets"},
	{Group: "", Version: "v1", Resource: "configmaps"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	{Group: "billing.kassa.dev", Version: "v1alpha1", Resource: "paymentproviders"},
	{Group: "billing.kassa.dev", Version: "v1alpha1", Resource: "plans"},
	{Group: "billing.kassa.dev", Version: "v1alpha1", Resource: "webhookreceivers"},
	{Group: "billing.kassa.dev", Version: "v1alpha1", Resource: "eventledgers"},
	{Group: "billing.kassa.dev", Version: "v1alpha1", Resource: "webhookevents"},
}

// garbageInterval is the longest time between two looks at everything; a change brings the next one forward.
const garbageInterval, garbageDelay = time.Second, 50 * time.Millisecond

// CollectGarbage does what kube-controller-manager's garbage collector does for the kinds that Kassa deploys and the
// group billing.kassa.dev, in one namespace or, with "", in all: it deletes objects all of whose owners are gone, and
// carries out foreground deletion and orphaning. Dangling references beside a living owner stay. It returns when ctx
// ends, or with an error when it can't start.
func CollectGarbage(ctx context.Context, c *rest.Config, namespace string) error {
	client, err := metadata.NewForConfig(c)
	if err != nil {
		return fmt.Errorf("garbage collector: %w", err)
	}
	api, err := discovery.NewDiscoveryClientForConfig(c)
	if err != nil {
		return fmt.Errorf("garbage collector: %w", err)
	}
	g := &collector{
		client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(api)),
		unknown: collectedResources, wake: make(chan struct{}, 1),
	}
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, namespace, nil)
	wake := handler(func(metav1.Object) { g.soon() })
	g.follow = func() error {
		var unknown []schema.GroupVersionResource
		for _, resource := range g.unknown {
			if _, err := g.mapper.KindFor(resource); meta.IsNoMatchError(err) {
				unknown = append(unknown, resource)
				continue
			}
			informer := factory.ForResource(resource)
			if _, err := informer.Informer().AddEventHandler(wake); err != nil {
				return fmt.Errorf("garbage collector: %w", err)
			}
			g.sources = append(g.sources, source{resource, informer})
		}
		g.unknown = unknown
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())
		return nil
	}
	if err := g.follow(); err != nil {
		return err
	}
	g.run(ctx)
	return nil
}

type source struct {
	resource schema.GroupVersionResource
	informer informers.GenericInformer
}

type collector struct {
	client  metadata.Interface
	mapper  meta.ResettableRESTMapper
	sources []source
	// unknown are those that the API server did not have at the last look. A CustomResourceDefinition may come later.
	unknown []schema.GroupVersionResource
	follow  func() error
	looked  time.Time
	wake    chan struct{}
}

// object is the metadata of one object; what is listed comes from the watch and is not changed.
type object struct {
	*metav1.PartialObjectMetadata
	resource schema.GroupVersionResource
}

func (g *collector) soon() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *collector) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		case <-time.After(garbageInterval):
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(garbageDelay):
		}
		// An error is the loss of a race or of the API server; the next look is never far.
		_ = g.collect(ctx)
	}
}

// collect looks at everything once.
func (g *collector) collect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	if len(g.unknown) > 0 && time.Since(g.looked) > garbageInterval {
		g.looked = time.Now()
		g.mapper.Reset()
		if err := g.follow(); err != nil {
			return err
		}
	}
	objects, err := g.list()
	if err != nil {
		return err
	}
	living := map[types.UID]object{}
	dependents := map[types.UID][]object{}
	for _, o := range objects {
		living[o.UID] = o
		for _, owner := range o.OwnerReferences {
			dependents[owner.UID] = append(dependents[owner.UID], o)
		}
	}
	var errs []error
	for _, o := range objects {
		switch {
		case o.DeletionTimestamp != nil && slices.Contains(o.Finalizers, metav1.FinalizerOrphanDependents):
			errs = append(errs, g.orphan(ctx, o, dependents[o.UID]))
		case o.DeletionTimestamp != nil && slices.Contains(o.Finalizers, metav1.FinalizerDeleteDependents):
			errs = append(errs, g.deleteForeground(ctx, o, dependents))
		case o.DeletionTimestamp == nil && len(o.OwnerReferences) > 0 && g.ownersGone(ctx, o, living):
			errs = append(errs, g.delete(ctx, o, metav1.DeletePropagationBackground))
		}
	}
	return errors.Join(errs...)
}

func (g *collector) list() ([]object, error) {
	var objects []object
	for _, s := range g.sources {
		listed, err := s.informer.Lister().List(labels.Everything())
		if err != nil {
			return nil, err
		}
		for _, item := range listed {
			if m, ok := item.(*metav1.PartialObjectMetadata); ok {
				objects = append(objects, object{m, s.resource})
			}
		}
	}
	return objects, nil
}

// ownersGone says whether every owner is known not to exist. An owner that the watch does not show is looked up.
func (g *collector) ownersGone(ctx context.Context, o object, living map[types.UID]object) bool {
	for _, owner := range o.OwnerReferences {
		if _, ok := living[owner.UID]; ok || !g.isGone(ctx, o.Namespace, owner) {
			return false
		}
	}
	return true
}

func (g *collector) isGone(ctx context.Context, namespace string, owner metav1.OwnerReference) bool {
	gv, err := schema.ParseGroupVersion(owner.APIVersion)
	if err != nil {
		return false
	}
	mapping, err := g.mapper.RESTMapping(gv.WithKind(owner.Kind).GroupKind(), gv.Version)
	if err != nil {
		return false
	}
	var client metadata.ResourceInterface = g.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = g.client.Resource(mapping.Resource).Namespace(namespace)
	}
	found, err := client.Get(ctx, owner.Name, metav1.GetOptions{})
	return apierrors.IsNotFound(err) || err == nil && found.UID != owner.UID
}

// deleteForeground deletes an owner's dependents, and lets the owner go once those that block it are gone.
func (g *collector) deleteForeground(ctx context.Context, owner object, dependents map[types.UID][]object) error {
	var errs []error
	blocked := false
	for _, d := range dependents[owner.UID] {
		for _, ref := range d.OwnerReferences {
			blocked = blocked || ref.UID == owner.UID && ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion
		}
		if d.DeletionTimestamp != nil {
			continue
		}
		policy := metav1.DeletePropagationBackground
		if len(dependents[d.UID]) > 0 {
			policy = metav1.DeletePropagationForeground
		}
		errs = append(errs, g.delete(ctx, d, policy))
	}
	if !blocked {
		errs = append(errs, g.removeFinalizer(ctx, owner, metav1.FinalizerDeleteDependents))
	}
	return errors.Join(errs...)
}

// orphan takes the owner out of its dependents' references, then lets it go.
func (g *collector) orphan(ctx context.Context, owner object, dependents []object) error {
	var errs []error
	for _, d := range dependents {
		rest := slices.DeleteFunc(slices.Clone(d.OwnerReferences), func(ref metav1.OwnerReference) bool {
			return ref.UID == owner.UID
		})
		errs = append(errs, g.patch(ctx, d, map[string]any{"ownerReferences": rest}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return g.removeFinalizer(ctx, owner, metav1.FinalizerOrphanDependents)
}

func (g *collector) delete(ctx context.Context, o object, policy metav1.DeletionPropagation) error {
	err := g.client.Resource(o.resource).Namespace(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &o.UID}, PropagationPolicy: &policy,
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func (g *collector) removeFinalizer(ctx context.Context, o object, name string) error {
	rest := slices.DeleteFunc(slices.Clone(o.Finalizers), func(f string) bool { return f == name })
	return g.patch(ctx, o, map[string]any{"finalizers": rest})
}

// patch changes metadata of the object as it was listed; a newer one is left for the next look.
func (g *collector) patch(ctx context.Context, o object, metadata map[string]any) error {
	metadata["uid"], metadata["resourceVersion"] = o.UID, o.ResourceVersion
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	_, err = g.client.Resource(o.resource).Namespace(o.Namespace).
		Patch(ctx, o.Name, types.MergePatchType, body, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
