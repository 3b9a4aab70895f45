package workload

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
)

// Outside is how far what the spec asks for leads to the server.
type Outside struct {
	Asked   bool
	Verdict status.Verdict
	Err     error
	Again   time.Duration // 0: what is watched will tell
}

// NotYetOutside is that of a server that is not deployed.
func NotYetOutside(s Server) Outside {
	return Outside{
		Asked:   s.Expose != nil,
		Verdict: status.Waiting(v1alpha1.ReasonProgressing, "there is no server yet that could be exposed"),
	}
}

// Lead applies the Ingress or HTTPRoute and removes what the spec does not ask for any more, once there is what it asks
// for now. taken says who has the server's place for longer, or nothing: then it is not exposed.
func (a Applier) Lead(ctx context.Context, s Server, routes *Routes, taken string) Outside {
	out := Outside{Asked: s.Expose != nil}
	switch {
	case out.Asked && taken != "":
		out.Verdict = status.Stalled(v1alpha1.ReasonURLInUse, taken)
		s.Expose = nil
	case out.Asked:
		out = a.lead(ctx, s, routes)
	}
	if out.Err != nil || out.Again > 0 {
		return out
	}
	if out.Err = a.Conceal(ctx, s, routes.watched()); out.Err != nil && !out.Asked {
		out.Asked, out.Verdict = true, status.Waiting(v1alpha1.ReasonProgressing, out.Err.Error())
	}
	return out
}

func (a Applier) lead(ctx context.Context, s Server, routes *Routes) Outside {
	verdict, err := a.Expose(ctx, s)
	out := Outside{Asked: true, Verdict: verdict, Err: err}
	switch {
	case errors.Is(err, ErrNoGatewayAPI):
		out.Again, out.Err = GatewayAPIInterval, nil
	case err == nil && s.Expose.HTTPRoute != nil:
		routes.found()
	}
	return out
}

// Routes watches the HTTPRoutes from when the cluster has them: a watch of a kind that is missing would keep the
// operator from starting.
type Routes struct {
	mapper meta.RESTMapper
	start  func() error

	mu     sync.Mutex
	on     bool
	looked time.Time
}

// NewRoutes lets c look at an owner whose HTTPRoute changed.
func NewRoutes(mgr ctrl.Manager, c controller.Controller, owner client.Object) *Routes {
	toOwner := handler.TypedEnqueueRequestForOwner[*metav1.PartialObjectMetadata](mgr.GetScheme(), mgr.GetRESTMapper(),
		owner, handler.OnlyControllerOwner())
	return &Routes{mapper: mgr.GetRESTMapper(), start: func() error {
		return c.Watch(source.Kind(mgr.GetCache(), RouteMetadata(), toOwner))
	}}
}

// watched says whether the metadata of HTTPRoutes is in the cache. Where it is not, the cluster had none when this was
// last asked, a little while ago at most.
func (r *Routes) watched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on || time.Since(r.looked) < GatewayAPIInterval {
		return r.on
	}
	r.looked = time.Now()
	if _, err := r.mapper.RESTMapping(HTTPRoute.GroupKind(), HTTPRoute.Version); err == nil {
		r.on = r.start() == nil
	}
	return r.on
}

// found is called when an HTTPRoute was just applied.
func (r *Routes) found() {
	r.mu.Lock()
	r.looked = time.Time{}
	r.mu.Unlock()
	r.watched()
}
