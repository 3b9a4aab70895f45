package webhookevent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Bounds of what a receiver's status remembers.
const (
	maxInvoices = 256
	maxFailing  = 512
	maxFailures = 10
)

// remember changes status.dunning as it is now. The receiver's replicas write other parts of the status all the time,
// so a conflict is no news; the change is made to what they left.
func (r *Reconciler) remember(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, change func(*v1alpha1.DunningStatus),
) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		now, after := &v1alpha1.WebhookReceiver{}, &v1alpha1.WebhookReceiver{}
		if err := r.Live.Get(ctx, client.ObjectKeyFromObject(receiver), now); err != nil {
			return err
		}
		next := &v1alpha1.DunningStatus{}
		if now.Status.Dunning != nil {
			next = now.Status.Dunning
		}
		change(next)
		patch, err := memoryPatch(now.ResourceVersion, next)
		if err != nil {
			return err
		}
		after.Namespace, after.Name = receiver.Namespace, receiver.Name
		if err := r.Client.Status().Patch(ctx, after, client.RawPatch(types.MergePatchType, patch)); err != nil {
			return err
		}
		*receiver = *after
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing status.dunning: %w", err)
	}
	return nil
}

// memoryPatch has every field, because a merge leaves what is not named.
func memoryPatch(version string, d *v1alpha1.DunningStatus) ([]byte, error) {
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": version},
		"status": map[string]any{"dunning": map[string]any{
			"actions": d.Actions, "invoices": d.Invoices, "failing": d.Failing,
		}},
	})
}

// known is what is remembered of an invoice, or nil.
func known(receiver *v1alpha1.WebhookReceiver, invoice string) *v1alpha1.DunnedInvoice {
	d := receiver.Status.Dunning
	if d == nil {
		return nil
	}
	if i := indexOf(d, invoice); i >= 0 {
		return &d.Invoices[i]
	}
	return nil
}

func indexOf(d *v1alpha1.DunningStatus, invoice string) int {
	return slices.IndexFunc(d.Invoices, func(x v1alpha1.DunnedInvoice) bool { return x.ID == invoice })
}

// begin adds an invoice. The oldest go, and of those that are under way only when there is no other: what stays so is
// what the provider does not let Kassa do.
func begin(d *v1alpha1.DunningStatus, entry v1alpha1.DunnedInvoice) {
	if indexOf(d, entry.ID) >= 0 {
		return
	}
	d.Invoices = slices.Insert(d.Invoices, 0, entry)
	for i := len(d.Invoices) - 1; i > 0 && len(d.Invoices) > maxInvoices; i-- {
		if d.Invoices[i].ActedAt != nil {
			d.Invoices = slices.Delete(d.Invoices, i, i+1)
		}
	}
	d.Invoices = d.Invoices[:min(len(d.Invoices), maxInvoices)]
}

// acted ends an invoice, and its count.
func acted(d *v1alpha1.DunningStatus, invoice string, now metav1.Time) {
	if i := indexOf(d, invoice); i >= 0 && d.Invoices[i].ActedAt == nil {
		d.Invoices[i].ActedAt = &now
		d.Actions++
	}
	forget(d, invoice)
}

// drop takes back what was begun.
func drop(d *v1alpha1.DunningStatus, invoice string) {
	d.Invoices = slices.DeleteFunc(d.Invoices, func(x v1alpha1.DunnedInvoice) bool {
		return x.ID == invoice && x.ActedAt == nil
	})
}

// forget ends the count of an invoice's failures.
func forget(d *v1alpha1.DunningStatus, invoice string) {
	d.Failing = slices.DeleteFunc(d.Failing, func(x v1alpha1.FailingInvoice) bool { return x.ID == invoice })
}

// count takes note of an event that told of a failure. The same event counts once, however often it comes.
func count(d *v1alpha1.DunningStatus, invoice, event string) {
	i := slices.IndexFunc(d.Failing, func(x v1alpha1.FailingInvoice) bool { return x.ID == invoice })
	entry := v1alpha1.FailingInvoice{ID: invoice}
	if i >= 0 {
		entry = d.Failing[i]
		d.Failing = slices.Delete(d.Failing, i, i+1)
	}
	if id := short(event); !slices.Contains(entry.Events, id) && len(entry.Events) < maxFailures {
		entry.Events = append(entry.Events, id)
	}
	d.Failing = slices.Insert(d.Failing, 0, entry)
	d.Failing = d.Failing[:min(len(d.Failing), maxFailing)]
}

// counted is how many failures of an invoice are remembered, and whether this event is one of them.
func counted(receiver *v1alpha1.WebhookReceiver, invoice, event string) (n int, has bool) {
	d := receiver.Status.Dunning
	if d == nil {
		return 0, false
	}
	for _, x := range d.Failing {
		if x.ID == invoice {
			return len(x.Events), slices.Contains(x.Events, short(event))
		}
	}
	return 0, false
}

func short(event string) string {
	sum := sha256.Sum256([]byte(event))
	return hex.EncodeToString(sum[:8])
}
