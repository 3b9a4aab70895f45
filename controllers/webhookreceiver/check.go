package webhookreceiver

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/registration"
)

// check remembers what a registration was last compared with, so that a resync costs the provider nothing.
type check struct {
	generation    int64
	asked, rotate string // values of the annotations that ask for a reconcile and for a rotation
	secret        string // resource version of the signing Secret
	account       string
	at            time.Time
	record        registration.Record
}

func checkOf(receiver *v1alpha1.WebhookReceiver, account *accounts.Account, secret string) check {
	return check{
		generation: receiver.Generation, asked: receiver.Annotations[v1alpha1.AnnotationReconcileAt],
		rotate: receiver.Annotations[v1alpha1.AnnotationRotateSecret], secret: secret, account: account.Info.ID,
	}
}

// lastCheck is what the last comparison found, while nothing has changed since, its time is not over, and nothing in it
// is due.
func (r *Reconciler) lastCheck(
	receiver *v1alpha1.WebhookReceiver, account *accounts.Account, secret string,
) (registration.Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.checked[receiver.UID]
	now, due := r.Now(), c.record.Due(interval(receiver))
	fresh := now.Sub(c.at) < account.DriftCheckInterval && (due.IsZero() || now.Before(due))
	return c.record, ok && fresh && c.same(checkOf(receiver, account, secret))
}

func (c check) same(other check) bool {
	return c.generation == other.generation && c.asked == other.asked && c.rotate == other.rotate &&
		c.secret == other.secret && c.account == other.account
}

func (r *Reconciler) noteCheck(uid types.UID, c check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checked == nil {
		r.checked = map[types.UID]check{}
	}
	r.checked[uid] = c
}

func (r *Reconciler) forgetCheck(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checked, uid)
}
