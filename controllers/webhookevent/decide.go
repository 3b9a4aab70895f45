package webhookevent

import (
	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// facts are all that a decision about an invoice depends on.
type facts struct {
	action   v1alpha1.DunningAction // of the spec or, once it is begun, the one that was begun
	unwanted bool                   // the spec asks for another one by now
	after    int
	begun    bool // an action was written down
	acted    bool // and done
	young    bool // the event came just now

	failures     int
	open         bool // the invoice is still to be paid
	subscription billing.Subscription
	gone         bool // there is no such subscription
}

// step is what is to be done about an invoice.
type step int

const (
	// stepNothing: it is not the time, or was done.
	stepNothing step = iota
	// stepBegin: the action is written down, and then all is read again.
	stepBegin
	// stepAct: the action is taken, and told.
	stepAct
	// stepTell: the action was taken by an operator that did not get as far as to tell it.
	stepTell
	// stepDrop: what was written down is not needed any more.
	stepDrop
	// stepWait: the provider may not have made up its mind.
	stepWait
)

// decide never asks for an action twice about one invoice, nor for one about an invoice that was paid. What was begun
// is repeated until it is known to have been done: an operator may have ended between the action and its note of it.
// What was not done yet is done as the spec says now.
func decide(f facts) step {
	owed := f.open && !f.ended() && f.failures >= f.after
	switch {
	case f.acted:
		return stepNothing
	case f.begun && f.inEffect():
		return stepTell
	case f.begun && (!owed || f.isPaidFor() || f.unwanted):
		return stepDrop
	case f.begun:
		return stepAct
	case !owed || f.needless():
		return stepNothing
	case f.isPaidFor() && f.young:
		return stepWait
	case f.isPaidFor():
		return stepNothing
	default:
		return stepBegin
	}
}

// isPaidFor says that the subscription is, for all that an invoice of it is not: an upgrade whose charge failed, a card
// that a customer tried in vain, a bill of last year.
func (f *facts) isPaidFor() bool {
	s := f.subscription.Status
	return s == billing.StatusActive || s == billing.StatusTrialing
}

func (f *facts) ended() bool { return f.gone || f.subscription.Status.Ended() }

// inEffect says that the subscription is as the action leaves it.
func (f *facts) inEffect() bool {
	s := &f.subscription
	switch f.action {
	case v1alpha1.DunningCancel:
		return f.ended()
	case v1alpha1.DunningCancelAtPeriodEnd:
		return f.ended() || s.CancelAtPeriodEnd
	case v1alpha1.DunningPause:
		return s.Status == billing.StatusPaused || s.CollectionPaused
	default:
		return true // a notice is told again under the same name
	}
}

// needless says that the action would change nothing that matters. A purchase that was never completed runs out by
// itself, and a subscription that ends anyway is not paused: that would take its end back.
func (f *facts) needless() bool {
	s := &f.subscription
	switch {
	case s.Status == billing.StatusIncomplete:
		return true
	case f.action == v1alpha1.DunningNotify:
		return false
	case f.action == v1alpha1.DunningPause && s.CancelAtPeriodEnd:
		return true
	}
	return f.inEffect()
}
