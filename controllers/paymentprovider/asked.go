package paymentprovider

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// asked remembers which kassa.dev/reconcile-at of each PaymentProvider was followed. It is not durable: what a new
// process reads is new in any case.
type asked struct {
	mu       sync.Mutex
	followed map[types.NamespacedName]string
}

// anew says that the user asked since the last followed.
func (a *asked) anew(key types.NamespacedName, pp *v1alpha1.PaymentProvider) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.followed[key]
	return known && last != pp.Annotations[v1alpha1.AnnotationReconcileAt]
}

func (a *asked) follow(key types.NamespacedName, pp *v1alpha1.PaymentProvider) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.followed == nil {
		a.followed = map[types.NamespacedName]string{}
	}
	a.followed[key] = pp.Annotations[v1alpha1.AnnotationReconcileAt]
}

func (a *asked) forget(key types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.followed, key)
}
