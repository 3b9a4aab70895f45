package kubewatch

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Asked remembers which kassa.dev/reconcile-at of each object was followed. It is not durable: what a new process reads
// is new in any case. The zero value is ready; it is safe for concurrent use.
type Asked struct {
	mu       sync.Mutex
	followed map[types.UID]string
}

// Anew says that the user asked since the last Follow. An object that was never followed was not asked for.
func (a *Asked) Anew(o client.Object) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.followed[o.GetUID()]
	return known && last != o.GetAnnotations()[v1alpha1.AnnotationReconcileAt]
}

// Follow notes that what the object asks for was done.
func (a *Asked) Follow(o client.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.followed == nil {
		a.followed = map[types.UID]string{}
	}
	a.followed[o.GetUID()] = o.GetAnnotations()[v1alpha1.AnnotationReconcileAt]
}

// Forget drops an object that is gone.
func (a *Asked) Forget(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.followed, uid)
}
