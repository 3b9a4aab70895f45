package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
)

// GatewayAPIInterval is how often the Gateway API is to be looked for where it is missing.
const GatewayAPIInterval = 15 * time.Second

// ErrNoGatewayAPI is the error of Expose where the cluster has no HTTPRoutes.
var ErrNoGatewayAPI = errors.New("the Gateway API is not installed")

// Expose applies the Ingress or HTTPRoute of a server that has one, and says how it was taken up. The verdict says the
// error too.
func (a Applier) Expose(ctx context.Context, s Server) (status.Verdict, error) {
	verdict, err := a.expose(ctx, s)
	var foreign *ForeignError
	switch {
	case err == nil:
		return verdict, nil
	case s.Expose.HTTPRoute != nil && noSuchKind(err):
		return status.Waiting(v1alpha1.ReasonGatewayAPIMissing, fmt.Sprintf(
			"this cluster has no HTTPRoute (%s): install the Gateway API, or use spec.expose.ingress; Kassa looks again "+
				"every %s", HTTPRoute.GroupVersion(), GatewayAPIInterval)), ErrNoGatewayAPI
	case errors.As(err, &foreign) && !foreign.Leftover:
		return status.Waiting(v1alpha1.ReasonOwnedByAnother, err.Error()), err
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return status.Waiting(v1alpha1.ReasonExposureRefused, err.Error()), err
	default:
		return status.Waiting(v1alpha1.ReasonProgressing, err.Error()), err
	}
}

func (a Applier) expose(ctx context.Context, s Server) (status.Verdict, error) {
	if e := s.Expose.HTTPRoute; e != nil {
		route := s.httpRoute(e)
		err := a.apply(ctx, s, client.ApplyConfigurationFromUnstructured(route))
		return RouteVerdict(route, e.ParentRefs), err // the answer was read into it
	}
	if err := a.apply(ctx, s, s.Exposure()); err != nil {
		return status.Verdict{}, err
	}
	ingress := &networkingv1.Ingress{}
	err := a.Client.Get(ctx, types.NamespacedName{Namespace: s.Owner.Namespace, Name: s.Name()}, ingress)
	ingress.Name = s.Name() // one that was applied just now may not be in the cache yet
	return IngressVerdict(ingress), client.IgnoreNotFound(err)
}

// Conceal deletes an Ingress or HTTPRoute of the server that the spec does not ask for any more. HTTPRoutes are looked
// for if their metadata is in the Client's cache.
func (a Applier) Conceal(ctx context.Context, s Server, routes bool) error {
	kinds := []client.Object{&networkingv1.Ingress{}}
	if routes {
		kinds = append(kinds, RouteMetadata())
	}
	var wanted []runtime.ApplyConfiguration
	if exposure := s.Exposure(); exposure != nil {
		wanted = append(wanted, exposure)
	}
	for _, kind := range kinds {
		if err := a.prune(ctx, s, kind, wanted...); err != nil {
			return err
		}
	}
	return nil
}

// RouteMetadata is an HTTPRoute's metadata, to read or to watch.
func RouteMetadata() *metav1.PartialObjectMetadata {
	route := &metav1.PartialObjectMetadata{}
	route.SetGroupVersionKind(HTTPRoute)
	return route
}

// noSuchKind: the kind is not known, or was known until its CRD was deleted.
func noSuchKind(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
}
