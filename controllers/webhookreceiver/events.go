package webhookreceiver

import (
	"fmt"
	"slices"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
)

// catalogEvents are always subscribed to, as far as the provider has them: Plans are checked by them at once.
var catalogEvents = []string{"catalog.*"}

// wantedEvents are the provider's names of the events that the receiver, or a sink with a filter of its own, takes, and
// those of the catalogue.
func wantedEvents(receiver *v1alpha1.WebhookReceiver, account *accounts.Account) ([]string, error) {
	codec := account.Adapter.Codec()
	names, unknown := codec.NativeEvents(receiver.Spec.Events)
	where := "spec.events"
	if d := receiver.Spec.Delivery; d != nil {
		for _, sink := range d.Sinks {
			if len(sink.Events) == 0 || len(unknown) > 0 {
				continue
			}
			var more []string
			more, unknown = codec.NativeEvents(sink.Events)
			names, where = append(names, more...), fmt.Sprintf("spec.delivery.sinks[%s].events", sink.Name)
		}
	}
	if len(unknown) > 0 {
		return nil, unsupported("%s: %s is no event of %s that Kassa knows", where, strings.Join(unknown, ", "),
			account.Adapter.Type())
	}
	catalog, _ := codec.NativeEvents(catalogEvents)
	names = append(names, catalog...)
	slices.Sort(names)
	return slices.Compact(names), nil
}
