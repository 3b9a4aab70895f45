package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// store is what the ledger asks of the API server, for the objects of one receiver. The proof in the package comment
// uses these properties and no others:
//
//   - Get and the first page of List show every write that was answered before they began; all pages of a list show
//     one moment.
//   - Create, Update and Delete take effect at one moment or not at all. Update and Delete take effect only if the
//     object has the uid and version that they name, Create only if there is no object of that name.
//   - A call that fails with anything but a definite API error may have taken effect, or may still do so later.
//   - Watch delivers every change after a version, in the order of the changes across all objects, or ends.
//
// Errors are those of k8s.io/apimachinery/pkg/api/errors. Objects that go in or come out are not changed afterwards.
type store interface {
	Get(ctx context.Context, name string) (*v1alpha1.EventLedger, error)
	// List returns one page; next is empty or the Continue of the page before.
	List(ctx context.Context, limit int64, next string) (*v1alpha1.EventLedgerList, error)
	Create(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error)
	Update(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error)
	Delete(ctx context.Context, name string, at stamp) error
	Watch(ctx context.Context, version string) (watch.Interface, error)
}

// stamp identifies one version of one object.
type stamp struct {
	uid     types.UID
	version string
}

func stampOf(m *metav1.ObjectMeta) stamp {
	return stamp{uid: m.UID, version: m.ResourceVersion}
}
