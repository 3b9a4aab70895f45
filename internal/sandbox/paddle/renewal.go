package paddle

import (
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// dunning are the waits before each further attempt at a bill that could not be collected. At Paddle they, and what
// becomes of the subscription afterwards, are settings of the account; here it ends.
var dunning = []time.Duration{3 * 24 * time.Hour, 4 * 24 * time.Hour, 8 * 24 * time.Hour, 15 * 24 * time.Hour}

// shortestWait is for a timer that is a little ahead of the clock.
const shortestWait = 10 * time.Millisecond

// CatchUp does in all accounts what was due until now: renewals, further attempts at unpaid bills, and changes that
// were scheduled. Requests to an account do the same for it.
func (s *Server) CatchUp() {
	for _, v := range s.Accounts() {
		v.a.mu.Lock()
		v.a.catchUp()
		v.a.mu.Unlock()
	}
}

// arm sees to it that what is due next happens when the clock is there. The account is locked.
func (a *account) arm() {
	if a.outside == nil {
		return
	}
	var first time.Time
	for _, s := range a.subscriptions {
		if due := s.due(); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	if first.IsZero() {
		return
	}
	wait := max(a.outside(first.Sub(a.clock())), shortestWait)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.wake)
	} else {
		a.timer.Reset(wait)
	}
}

// catchUp does what was due, in order, each at its time. The account is locked.
func (a *account) catchUp() {
	clock := a.clock
	defer func() { a.clock = clock }()
	for now := clock(); ; {
		var first *Subscription
		at := now
		for _, s := range a.subscriptions {
			if due := s.due(); !due.IsZero() && !due.After(at) && (first == nil || due.Before(at)) {
				first, at = s, due
			}
		}
		if first == nil {
			a.arm()
			return
		}
		a.clock = func() time.Time { return at }
		a.proceed(first)
		a.clock = clock
	}
}

// due is when something happens to a subscription by itself next.
func (s *Subscription) due() time.Time {
	switch {
	case s.Status == canceled:
	case s.ScheduledChange != nil:
		return moment(s.ScheduledChange.EffectiveAt)
	case s.Status == pastDue:
		return s.retryAt
	case s.NextBilledAt != nil:
		return moment(*s.NextBilledAt)
	}
	return time.Time{}
}

func (a *account) proceed(s *Subscription) {
	switch {
	case s.ScheduledChange != nil && s.ScheduledChange.Action == "pause":
		a.pause(s)
	case s.ScheduledChange != nil:
		a.end(s)
	case s.Status == pastDue:
		a.collect(s, s.unpaid)
	default:
		a.renew(s, moment(*s.NextBilledAt))
	}
}

func (a *account) schedule(s *Subscription, action string) {
	a.alter(s, "subscription.updated", func(now time.Time) {
		at := stamp(now)
		if s.CurrentBillingPeriod != nil {
			at = s.CurrentBillingPeriod.EndsAt
		}
		s.ScheduledChange, s.NextBilledAt = &ScheduledChange{Action: action, EffectiveAt: at}, nil
	})
}

func (s *Subscription) unschedule() {
	s.ScheduledChange = nil
	if s.CurrentBillingPeriod != nil {
		s.NextBilledAt = &s.CurrentBillingPeriod.EndsAt
	}
}

// stop leaves a subscription without a period.
func (s *Subscription) stop(status string) {
	s.Status, s.ScheduledChange, s.NextBilledAt, s.CurrentBillingPeriod = status, nil, nil, nil
	for i := range s.Items {
		s.Items[i].Status = inactive
	}
}

func (a *account) end(s *Subscription) {
	a.alter(s, "subscription.canceled", func(now time.Time) {
		at := stamp(now)
		s.stop(canceled)
		s.CanceledAt = &at
	})
}

// pause stops a subscription. A renewal that is past due is canceled with it, so that no period is charged twice.
func (a *account) pause(s *Subscription) {
	if s.Status == pastDue && s.unpaid != nil {
		a.change(s.unpaid, "transaction.canceled", func(time.Time) { s.unpaid.Status = canceled })
		s.unpaid, s.tries = nil, 0
	}
	a.alter(s, "subscription.paused", func(now time.Time) {
		at := stamp(now)
		s.stop(paused)
		s.PausedAt = &at
	})
}

// billOf is a transaction that a subscription makes.
func (a *account) billOf(
	s *Subscription, origin string, items []TransactionItem, credit int64, period Period,
) *Transaction {
	return &Transaction{
		Status: ready, CustomerID: &s.CustomerID, AddressID: &s.AddressID, CustomData: s.CustomData,
		CurrencyCode: s.CurrencyCode, Origin: origin, SubscriptionID: &s.ID, CollectionMode: "automatic",
		BillingPeriod: &period, Items: items, Payments: []Payment{}, credit: credit,
	}
}

// renew begins the next period and collects what it costs.
func (a *account) renew(s *Subscription, from time.Time) {
	period := s.BillingCycle.period(from)
	var items []TransactionItem
	for _, item := range s.Items {
		items = append(items, TransactionItem{Price: item.Price, Quantity: item.Quantity})
	}
	t := a.billOf(s, originRecurring, append(items, s.next...), s.credit, period)
	s.next, s.credit = nil, 0
	a.addTransaction(t, "")
	a.emit("transaction.created", t)
	a.change(t, "transaction.billed", func(now time.Time) {
		at := stamp(now)
		t.Status, t.BilledAt = billed, &at
	})
	a.alter(s, "subscription.updated", func(now time.Time) {
		s.CurrentBillingPeriod, s.NextBilledAt = &period, &period.EndsAt
		if s.Status != trialing {
			s.billed(stamp(now))
		}
	})
	a.collect(s, t)
}

// fails says that the card is declined when it is charged without its holder.
func (c *card) fails() bool { return c.Outcome == hosted.FailsLater || c.Outcome == hosted.Declined }

// collect tries to charge the subscription's card for a bill.
func (a *account) collect(s *Subscription, t *Transaction) {
	if t.due > 0 && s.card.fails() {
		a.fail(t, s.card, errorCode(s.card.DeclineCode))
		a.fallDue(s, t)
		return
	}
	a.settle(t, s.card)
	a.finish(t)
	var event string
	switch s.Status {
	case trialing:
		event = "subscription.activated"
	case pastDue:
		event = "subscription.updated"
	default:
		return
	}
	a.alter(s, event, func(now time.Time) {
		at := stamp(now)
		s.Status, s.unpaid, s.tries = active, nil, 0
		if s.FirstBilledAt == nil {
			s.FirstBilledAt = &at
		}
		s.billed(at)
	})
}

// fallDue is what becomes of a subscription that cannot be charged: it is past due until a further attempt works, and
// ends with the last one.
func (a *account) fallDue(s *Subscription, t *Transaction) {
	if t.Status != pastDue {
		a.change(t, "transaction.past_due", func(time.Time) { t.Status = pastDue })
	}
	if s.Status != pastDue {
		a.alter(s, "subscription.past_due", func(time.Time) { s.Status, s.unpaid, s.tries = pastDue, t, 0 })
	}
	if s.tries == len(dunning) {
		a.end(s)
		return
	}
	s.retryAt = a.clock().Add(dunning[s.tries])
	s.tries++
}

// SetCard replaces the card of a subscription, as its customer could, and charges it for what is unpaid.
func (v View) SetCard(subscription, number string) error {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	s := v.a.subscriptionByID[subscription]
	if s == nil {
		return ErrNotFound
	}
	v.a.replaceCard(s, hosted.Details{Card: hosted.Lookup(number), ExpMonth: 12, ExpYear: v.a.clock().Year() + 3})
	return nil
}

func (a *account) replaceCard(s *Subscription, d hosted.Details) {
	s.card = a.cardOf(d)
	if s.Status == pastDue {
		a.collect(s, s.unpaid)
	}
}
