package webhookreceiver

import (
	"fmt"
	"slices"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// catalogEvents are always subscribed to, as far as the provider has them: Plans are checked by them at once.
var catalogEvents = []string{"catalog.*"}

// dunningEvents are subscribed to for spec.dunning.
var dunningEvents = []string{string(billing.PaymentFailed)}

// wantedEvents are the provider's names of the events that the receiver, or a sink with a filter of its own, takes, and
// those of the catalogue and of dunning.
func wantedEvents(receiver *v1alpha1.WebhookReceiver, account *accounts.Account) ([]string, error) {
	codec := account.Adapter.Codec()
	names, unknown := codec.NativeEvents(receiver.Spec.Events)
	where := "spec.events"
	if d := receiver.Spec.Delivery; d != nil {
		for _, sink := range d.Sinks {
			if len(sink.Events) == 0 || len(unknown) > 0 {
				continue
			}
			// Kassa's own events come from no provider.
			asked := slices.DeleteFunc(slices.Clone(sink.Events), billing.AdmitsOwn)
			if len(asked) == 0 {
				continue
			}
			var more []string
			more, unknown = codec.NativeEvents(asked)
			names, where = append(names, more...), fmt.Sprintf("spec.delivery.sinks[%s].events", sink.Name)
		}
	}
	if len(unknown) > 0 {
		return nil, unsupported("%s: %s is no event of %s that Kassa knows", where, strings.Join(unknown, ", "),
			account.Adapter.Type())
	}
	catalog, _ := codec.NativeEvents(catalogEvents)
	names = append(names, catalog...)
	if receiver.Spec.Dunning != nil {
		failures, _ := codec.NativeEvents(dunningEvents)
		names = append(names, failures...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// checkDunning refuses what the provider cannot do for spec.dunning.
func checkDunning(receiver *v1alpha1.WebhookReceiver, account *accounts.Account) error {
	d := receiver.Spec.Dunning
	if d == nil {
		return nil
	}
	dunner, ok := account.Conn.(provider.Dunner)
	if !ok {
		return unsupported("spec.dunning: this version of Kassa does not do that at %s", account.Adapter.Type())
	}
	why := dunner.Dunning().Traits().Refusal(account.Adapter.Type(), billing.DunningAction(d.Action),
		int(d.AfterFailedPayments))
	if why != "" {
		return unsupported("%s", why)
	}
	return nil
}
