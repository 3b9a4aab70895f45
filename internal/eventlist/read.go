package eventlist

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// pageSize bounds what is in memory at once: an object of the inbox may have a megabyte.
const pageSize = 100

// Query says which events are read.
type Query struct {
	Namespace string // empty: all
	Receiver  string // empty: all of them
	// Inbox: nothing but what waits or was given up.
	Inbox bool
	// Keep leaves out what the ledger tells of others, before it is remembered.
	Keep func(*Event) bool
}

// Read puts together what the cluster tells, and which receivers it asked.
func Read(ctx context.Context, c client.Reader, q Query) (*List, []v1alpha1.WebhookReceiver, error) {
	out := &List{}
	receivers, err := q.receivers(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if !q.Inbox {
		err := pages(ctx, c, q.labelled(), func(l *v1alpha1.EventLedgerList) {
			for i := range l.Items {
				for _, e := range FromLedger(&l.Items[i]) {
					if q.Keep == nil || q.Keep(&e) {
						out.Add(e)
					}
				}
			}
		})
		if err != nil {
			return nil, nil, err
		}
		for i := range receivers {
			out.Add(FromStatus(&receivers[i])...)
		}
	}
	err = pages(ctx, c, q.labelled(), func(l *v1alpha1.WebhookEventList) {
		for i := range l.Items {
			out.Add(FromInbox(&l.Items[i]))
		}
	})
	return out, receivers, err
}

func (q Query) labelled() []client.ListOption {
	out := []client.ListOption{client.InNamespace(q.Namespace)}
	if q.Receiver != "" {
		out = append(out, client.MatchingLabels{v1alpha1.LabelReceiver: q.Receiver})
	}
	return out
}

// receivers are those that are meant. One that is named has to exist.
func (q Query) receivers(ctx context.Context, c client.Reader) ([]v1alpha1.WebhookReceiver, error) {
	if q.Receiver != "" {
		r := v1alpha1.WebhookReceiver{}
		err := c.Get(ctx, client.ObjectKey{Namespace: q.Namespace, Name: q.Receiver}, &r)
		return []v1alpha1.WebhookReceiver{r}, err
	}
	var list v1alpha1.WebhookReceiverList
	err := c.List(ctx, &list, client.InNamespace(q.Namespace))
	return list.Items, err
}

// pages reads a list in parts. Each part is read into a list of its own, so that nothing of one is left in the next.
func pages[T any, L interface {
	*T
	client.ObjectList
}](ctx context.Context, c client.Reader, options []client.ListOption, each func(L)) error {
	for next := ""; ; {
		var into L = new(T)
		err := c.List(ctx, into, append(slices.Clone(options), client.Limit(pageSize), client.Continue(next))...)
		if err != nil {
			return err
		}
		each(into)
		if next = into.GetContinue(); next == "" {
			return nil
		}
	}
}
