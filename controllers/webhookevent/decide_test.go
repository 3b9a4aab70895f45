package webhookevent

import (
	"testing"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

func TestDecide(t *testing.T) {
	pastDue := billing.Subscription{Status: billing.StatusPastDue}
	ending := billing.Subscription{Status: billing.StatusPastDue, CancelAtPeriodEnd: true}
	ended := billing.Subscription{Status: billing.StatusCanceled}
	active := billing.Subscription{Status: billing.StatusActive}
	trialing := billing.Subscription{Status: billing.StatusTrialing}
	paused := billing.Subscription{Status: billing.StatusPastDue, CollectionPaused: true}
	const (
		cancel, atEnd = v1alpha1.DunningCancel, v1alpha1.DunningCancelAtPeriodEnd
		pause, notify = v1alpha1.DunningPause, v1alpha1.DunningNotify
	)
	for _, c := range []struct {
		reason string
		f      facts
		want   step
	}{
		{"below the number", facts{action: cancel, failures: 2, open: true, subscription: pastDue}, stepNothing},
		{"at the number", facts{action: cancel, failures: 3, open: true, subscription: pastDue}, stepBegin},
		{"above the number", facts{action: atEnd, failures: 4, open: true, subscription: pastDue}, stepBegin},
		{"pause", facts{action: pause, failures: 3, open: true, subscription: pastDue}, stepBegin},
		{"notify", facts{action: notify, failures: 3, open: true, subscription: pastDue}, stepBegin},
		{"paid", facts{action: cancel, failures: 3, subscription: pastDue}, stepNothing},
		{"ended", facts{action: notify, failures: 3, open: true, subscription: ended}, stepNothing},
		{"gone", facts{action: notify, failures: 3, open: true, gone: true}, stepNothing},
		{"never completed", facts{action: cancel, failures: 3, open: true,
			subscription: billing.Subscription{Status: billing.StatusIncomplete}}, stepNothing},
		{"ends anyway", facts{action: atEnd, failures: 3, open: true, subscription: ending}, stepNothing},
		{"ends too late", facts{action: cancel, failures: 3, open: true, subscription: ending}, stepBegin},
		{"ends anyway, not paused", facts{action: pause, failures: 3, open: true, subscription: ending}, stepNothing},
		{"paid for", facts{action: cancel, failures: 3, open: true, subscription: active}, stepNothing},
		{"on trial", facts{action: notify, failures: 3, open: true, subscription: trialing}, stepNothing},
		{"paid for, or not yet past due", facts{action: cancel, failures: 3, open: true, young: true, subscription: active},
			stepWait},
		{"paid for, with too few", facts{action: cancel, failures: 2, open: true, young: true, subscription: active},
			stepNothing},
		{"is paused", facts{action: pause, failures: 3, open: true, subscription: paused}, stepNothing},

		{"begun", facts{action: cancel, begun: true, failures: 3, open: true, subscription: pastDue}, stepAct},
		{"begun, and the number is higher now", facts{action: cancel, begun: true, failures: 2, open: true,
			subscription: pastDue}, stepDrop},
		{"begun, and the action is another now", facts{action: cancel, unwanted: true, begun: true, failures: 3, open: true,
			subscription: pastDue}, stepDrop},
		{"begun and done, and the action is another now", facts{action: cancel, unwanted: true, begun: true,
			subscription: ended}, stepTell},
		{"begun, and paid for since", facts{action: cancel, begun: true, failures: 3, open: true, subscription: active},
			stepDrop},
		{"begun and canceled", facts{action: cancel, begun: true, open: true, subscription: ended}, stepTell},
		{"begun and gone", facts{action: cancel, begun: true, open: true, gone: true}, stepTell},
		{"begun and to end", facts{action: atEnd, begun: true, open: true, subscription: ending}, stepTell},
		{"begun, and the period is over", facts{action: atEnd, begun: true, subscription: ended}, stepTell},
		{"begun and paused", facts{action: pause, begun: true, subscription: paused}, stepTell},
		{"begun to notify", facts{action: notify, begun: true, open: true, subscription: pastDue}, stepTell},
		{"begun, and paid since", facts{action: cancel, begun: true, subscription: pastDue}, stepDrop},
		{"begun to pause, and ended since", facts{action: pause, begun: true, open: true, subscription: ended}, stepDrop},

		{"acted", facts{action: cancel, begun: true, acted: true, failures: 9, open: true, subscription: pastDue},
			stepNothing},
	} {
		c.f.after = 3
		if got := decide(c.f); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}
