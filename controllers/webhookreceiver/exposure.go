package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// exposure is how far what the spec asks for leads to the server.
type exposure struct {
	asked   bool
	verdict status.Verdict
	err     error
	again   time.Duration // 0: what is watched will tell
}

func notYetExposed(receiver *v1alpha1.WebhookReceiver) exposure {
	return exposure{
		asked:   receiver.Spec.Expose != nil,
		verdict: status.Waiting(v1alpha1.ReasonProgressing, "there is no server yet that could be exposed"),
	}
}

// expose applies the Ingress or HTTPRoute and removes what the spec does not ask for any more, once there is what it
// asks for now.
func (r *Reconciler) expose(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, apply workload.Applier, server workload.Server,
) exposure {
	out := exposure{asked: server.Expose != nil}
	if out.asked {
		switch older, err := r.olderAt(ctx, receiver); {
		case err != nil:
			out.verdict, out.err = status.Waiting(v1alpha1.ReasonProgressing, err.Error()), err
			return out
		case older != nil:
			out.verdict = status.Stalled(v1alpha1.ReasonURLInUse, inUse(receiver, older))
			server.Expose = nil
		default:
			out = r.exposeServer(ctx, apply, server)
		}
	}
	if out.err != nil || out.again > 0 {
		return out
	}
	if out.err = apply.Conceal(ctx, server, r.routes.watched()); out.err != nil && !out.asked {
		out.asked, out.verdict = true, status.Waiting(v1alpha1.ReasonProgressing, out.err.Error())
	}
	return out
}

func (r *Reconciler) exposeServer(ctx context.Context, apply workload.Applier, server workload.Server) exposure {
	verdict, err := apply.Expose(ctx, server)
	out := exposure{asked: true, verdict: verdict, err: err}
	switch {
	case errors.Is(err, workload.ErrNoGatewayAPI):
		out.again, out.err = workload.GatewayAPIInterval, nil
	case err == nil && server.Expose.HTTPRoute != nil:
		r.routes.found()
	}
	return out
}

// olderAt is a receiver that is exposed at the same host and path for longer, or nil. As with routes of one Gateway the
// oldest keeps a place, so that nobody takes over another's events by naming his URL.
func (r *Reconciler) olderAt(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver,
) (*v1alpha1.WebhookReceiver, error) {
	for _, place := range kubewatch.Places(receiver) {
		var list v1alpha1.WebhookReceiverList
		if err := r.Client.List(ctx, &list, client.MatchingFields{kubewatch.IndexPlaces: place}); err != nil {
			return nil, fmt.Errorf("finding others at %s: %w", place, err)
		}
		for i := range list.Items {
			if precedes(&list.Items[i], receiver) {
				return &list.Items[i], nil
			}
		}
	}
	return nil, nil
}

// precedes orders objects by age, then by name.
func precedes(a, b *v1alpha1.WebhookReceiver) bool {
	if a.UID == b.UID {
		return false
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return client.ObjectKeyFromObject(a).String() < client.ObjectKeyFromObject(b).String()
}

// inUse does not tell the names of other namespaces' objects.
func inUse(receiver, older *v1alpha1.WebhookReceiver) string {
	who := "a WebhookReceiver of another namespace"
	if older.Namespace == receiver.Namespace {
		who = "WebhookReceiver " + older.Name
	}
	return fmt.Sprintf("%s is exposed at %s and is older; give this one another host or path in spec.url",
		who, workload.PlaceOf(receiver.Spec.URL))
}

// besides maps a receiver to the others at its place, which may have it when it goes.
func (r *Reconciler) besides(ctx context.Context, o client.Object) []reconcile.Request {
	receiver, ok := o.(*v1alpha1.WebhookReceiver)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	for _, place := range kubewatch.Places(receiver) {
		var list v1alpha1.WebhookReceiverList
		if err := r.Client.List(ctx, &list, client.MatchingFields{kubewatch.IndexPlaces: place}); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "finding WebhookReceivers", "place", place)
			return nil
		}
		for i := range list.Items {
			if list.Items[i].UID != receiver.UID {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
	}
	return requests
}

// routes watches the HTTPRoutes from when the cluster has them: a watch of a kind that is missing would keep the
// operator from starting.
type routes struct {
	mapper meta.RESTMapper
	start  func() error

	mu     sync.Mutex
	on     bool
	looked time.Time
}

func newRoutes(mgr ctrl.Manager, c controller.Controller) *routes {
	toOwner := handler.TypedEnqueueRequestForOwner[*metav1.PartialObjectMetadata](mgr.GetScheme(), mgr.GetRESTMapper(),
		&v1alpha1.WebhookReceiver{}, handler.OnlyControllerOwner())
	return &routes{mapper: mgr.GetRESTMapper(), start: func() error {
		return c.Watch(source.Kind(mgr.GetCache(), workload.RouteMetadata(), toOwner))
	}}
}

// watched says whether the metadata of HTTPRoutes is in the cache. Where it is not, the cluster had none when this was
// last asked, a little while ago at most.
func (r *routes) watched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on || time.Since(r.looked) < workload.GatewayAPIInterval {
		return r.on
	}
	r.looked = time.Now()
	if _, err := r.mapper.RESTMapping(workload.HTTPRoute.GroupKind(), workload.HTTPRoute.Version); err == nil {
		r.on = r.start() == nil
	}
	return r.on
}

// found is called when an HTTPRoute was just applied.
func (r *routes) found() {
	r.mu.Lock()
	r.looked = time.Time{}
	r.mu.Unlock()
	r.watched()
}
