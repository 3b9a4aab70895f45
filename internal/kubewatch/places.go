package kubewatch

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
)

// Place is the host and path at which a WebhookReceiver or CheckoutEndpoint is exposed, or nothing.
func Place(o client.Object) string {
	kind, url, exposed := exposure(o)
	if kind == "" || !exposed {
		return ""
	}
	place := workload.PlaceOf(url)
	// An endpoint has all that is below its path, which is the same with and without a slash at the end.
	if kind == "CheckoutEndpoint" && len(place.Path) > 1 {
		place.Path = "/" + strings.Trim(place.Path, "/")
	}
	return place.String()
}

func exposure(o client.Object) (kind, url string, exposed bool) {
	switch o := o.(type) {
	case *v1alpha1.WebhookReceiver:
		return "WebhookReceiver", o.Spec.URL, o.Spec.Expose != nil
	case *v1alpha1.CheckoutEndpoint:
		return "CheckoutEndpoint", o.Spec.URL, o.Spec.Expose != nil
	default:
		return "", "", false
	}
}

func places(o client.Object) []string {
	if place := Place(o); place != "" {
		return []string{place}
	}
	return nil
}

// others are those of both kinds that are exposed at the same place.
func others(ctx context.Context, c client.Reader, o client.Object) ([]client.Object, error) {
	place := Place(o)
	if place == "" {
		return nil, nil
	}
	var found []client.Object
	for _, list := range []client.ObjectList{&v1alpha1.WebhookReceiverList{}, &v1alpha1.CheckoutEndpointList{}} {
		if err := c.List(ctx, list, client.MatchingFields{IndexPlaces: place}); err != nil {
			return nil, fmt.Errorf("finding others at %s: %w", place, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			if other, ok := item.(client.Object); ok && other.GetUID() != o.GetUID() {
				found = append(found, other)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Taken says which object is exposed at the host and path of o for longer, or nothing. As with routes of one Gateway
// the oldest keeps a place, so that nobody takes over another's clients by naming his URL. The names of other
// namespaces' objects are not told.
func Taken(ctx context.Context, c client.Reader, o client.Object) (string, error) {
	found, err := others(ctx, c, o)
	if err != nil {
		return "", err
	}
	for _, other := range found {
		if !precedes(other, o) {
			continue
		}
		kind, _, _ := exposure(other)
		who := "a " + kind + " of another namespace"
		if other.GetNamespace() == o.GetNamespace() {
			who = kind + " " + other.GetName()
		}
		return fmt.Sprintf("%s is exposed at %s and is older; give this one another host or path in spec.url",
			who, Place(o)), nil
	}
	return "", nil
}

// precedes orders objects by age, then by name, then by UID.
func precedes(a, b client.Object) bool {
	before, after := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !before.Equal(&after) {
		return before.Before(&after)
	}
	first, second := client.ObjectKeyFromObject(a).String(), client.ObjectKeyFromObject(b).String()
	if first != second {
		return first < second
	}
	return a.GetUID() < b.GetUID()
}

// Besides maps an object to those of like's kind at its place, which may have it when it goes.
func Besides(c client.Reader, like client.Object) func(context.Context, client.Object) []reconcile.Request {
	wanted, _, _ := exposure(like)
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		found, err := others(ctx, c, o)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "finding others at a place")
			return nil
		}
		var requests []reconcile.Request
		for _, other := range found {
			if kind, _, _ := exposure(other); kind == wanted {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(other)})
			}
		}
		return requests
	}
}
