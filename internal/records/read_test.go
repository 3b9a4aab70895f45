package records_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

var (
	acct   = records.Account{Provider: billing.Stripe, ID: "acct_1"}
	moment = time.Unix(1_800_000_000, 0).UTC()
	end    = moment.Add(month)
)

// change is an event of the moment.
func change(eventID string, s billing.EventSubscription) records.Rows {
	s.ID = "sub_1"
	return records.Of(acct, &billing.Event{
		ID: eventID, Type: billing.SubscriptionUpdated, Time: moment, Customer: &billing.EventCustomer{ID: "cus_1"},
		Subscription: &s,
	})
}

func told(status billing.SubscriptionStatus) billing.EventSubscription {
	return billing.EventSubscription{Status: status, PriceID: "price_1", Plan: "pro", Price: "monthly", Charge: monthly,
		CurrentPeriodEnd: &end}
}

// of is the subscription that the rows come to, in this order.
func of(rows ...records.Rows) records.Subscription {
	var all records.Rows
	for _, r := range rows {
		all.Merge(r)
	}
	return all.Subscriptions[records.SubscriptionKey{Account: acct, Subscription: "sub_1"}]
}

// everyOrder calls do with the rows in every order, the first of them twice.
func everyOrder(rows []records.Rows, do func(records.Subscription)) {
	var next func(k int)
	next = func(k int) {
		if k == len(rows) {
			do(of(append(append([]records.Rows{}, rows...), rows[0])...))
			return
		}
		for i := k; i < len(rows); i++ {
			rows[k], rows[i] = rows[i], rows[k]
			next(k + 1)
			rows[k], rows[i] = rows[i], rows[k]
		}
	}
	next(0)
}

// Whatever its provider tells of a subscription is in doubt where two events of a moment tell it differently. What they
// agree on is not, nor what they name differently.
func TestDoubt(t *testing.T) {
	later := end.Add(time.Hour)
	charge := *monthly
	charge.Quantity++
	for name, c := range map[string]struct {
		change func(*billing.EventSubscription)
		want   bool
	}{
		"nothing":    {func(*billing.EventSubscription) {}, false},
		"names":      {func(s *billing.EventSubscription) { s.Plan, s.Price = "", "" }, false},
		"the trial":  {func(s *billing.EventSubscription) { s.TrialEnd = &later }, false},
		"status":     {func(s *billing.EventSubscription) { s.Status = billing.StatusPastDue }, true},
		"price":      {func(s *billing.EventSubscription) { s.PriceID = "price_2" }, true},
		"period":     {func(s *billing.EventSubscription) { s.CurrentPeriodEnd = &later }, true},
		"no period":  {func(s *billing.EventSubscription) { s.CurrentPeriodEnd = nil }, true},
		"cancel":     {func(s *billing.EventSubscription) { s.CancelAtPeriodEnd = new(true) }, true},
		"quantity":   {func(s *billing.EventSubscription) { s.Charge = &charge }, true},
		"no charge":  {func(s *billing.EventSubscription) { s.Charge = nil }, true},
		"no cancel":  {func(s *billing.EventSubscription) { s.CancelAtPeriodEnd = new(false) }, false},
		"same price": {func(s *billing.EventSubscription) { same := *monthly; s.Charge = &same }, false},
	} {
		other := told(billing.StatusActive)
		c.change(&other)
		everyOrder([]records.Rows{
			change("evt_1", told(billing.StatusActive)), change("evt_2", told(billing.StatusActive)), change("evt_3", other),
		}, func(s records.Subscription) { NewWithT(t).Expect(s.Doubtful()).To(Equal(c.want), name) })
	}
}

// A doubt ends with a later moment, with a final one, and with a reading, whatever order they come in.
func TestDoubtEnds(t *testing.T) {
	active, due := change("evt_1", told(billing.StatusActive)), change("evt_2", told(billing.StatusPastDue))
	doubt := of(active, due).Version.Moment()
	s := told(billing.StatusPaused)
	s.ID = "sub_1"
	later := records.Of(acct, &billing.Event{ID: "evt_0", Type: billing.SubscriptionPaused, Time: moment.Add(time.Second),
		Subscription: &s})
	read := func(after time.Duration, status billing.SubscriptionStatus) records.Rows {
		state := told(status)
		return records.Read(acct, records.Reading{ID: "sub_1", Moment: doubt, At: moment.Add(after), Told: &state})
	}
	gone := records.Read(acct, records.Reading{ID: "sub_1", Moment: doubt, At: end})
	for name, c := range map[string]struct {
		rows []records.Rows
		want billing.SubscriptionStatus
	}{
		"a later event": {[]records.Rows{active, due, later}, billing.StatusPaused},
		"the end": {[]records.Rows{active, due, change("evt_0", told(billing.StatusCanceled))},
			billing.StatusCanceled},
		"a reading":           {[]records.Rows{active, due, read(time.Hour, billing.StatusActive)}, billing.StatusActive},
		"a reading, and more": {[]records.Rows{active, due, read(1, billing.StatusActive), later}, billing.StatusPaused},
		"two readings": {[]records.Rows{active, due, read(time.Hour, billing.StatusActive),
			read(2*time.Hour, billing.StatusUnpaid)}, billing.StatusUnpaid},
		"it is gone": {[]records.Rows{active, due, gone}, billing.StatusPastDue},
		"a final one that is asked in vain": {[]records.Rows{
			change("evt_1", told(billing.StatusCanceled)), change("evt_2", told(billing.StatusIncompleteExpired)),
			records.Read(acct, records.Reading{
				ID: "sub_1", Moment: of(change("", told(billing.StatusCanceled))).Version.Moment(),
				Told: new(told(billing.StatusActive)),
			}),
		}, billing.StatusIncompleteExpired},
	} {
		g := NewWithT(t)
		g.Expect(of(c.rows[:2]...).Doubtful()).To(BeTrue(), name)
		want := of(c.rows...)
		g.Expect(want.Status).To(Equal(c.want), name)
		everyOrder(c.rows, func(s records.Subscription) { g.Expect(s).To(Equal(want), name) })
		g.Expect(want.Doubtful()).To(BeFalse(), name)
		g.Expect(want.Customer).To(Equal("cus_1"), "it is still whose it was")
		g.Expect(want.Started).To(Equal(moment), name)
	}
}

// The end that a reading tells is the provider's, or else no later than now.
func TestReadEnd(t *testing.T) {
	g := NewWithT(t)
	ended := records.Reading{
		ID: "sub_1", Moment: of(change("evt_1", told(billing.StatusActive))).Version.Moment(), At: end,
		Told: new(told(billing.StatusCanceled)),
	}
	g.Expect(of(records.Read(acct, ended)).Ended).To(Equal(end))
	ended.Ended = moment.Add(time.Hour)
	g.Expect(of(records.Read(acct, ended)).Ended).To(Equal(ended.Ended))
}

// What the provider does not tell, and was known, is kept where the price is the same.
func TestReadingIsCompleted(t *testing.T) {
	row := of(change("evt_1", told(billing.StatusActive)))
	three := *monthly
	three.Quantity = 3
	for name, c := range map[string]struct {
		told billing.EventSubscription
		want billing.EventSubscription
	}{
		"the same price": {billing.EventSubscription{PriceID: "price_1", Quantity: 3},
			billing.EventSubscription{PriceID: "price_1", Quantity: 3, Plan: "pro", Price: "monthly", Charge: &three}},
		"another price": {billing.EventSubscription{PriceID: "price_2", Quantity: 3},
			billing.EventSubscription{PriceID: "price_2", Quantity: 3}},
		"another currency": {billing.EventSubscription{PriceID: "price_1", Quantity: 3, Currency: "EUR", Plan: "new"},
			billing.EventSubscription{PriceID: "price_1", Quantity: 3, Currency: "EUR", Plan: "new"}},
		"no one quantity": {billing.EventSubscription{PriceID: "price_1", Plan: "new", Price: "x"},
			billing.EventSubscription{PriceID: "price_1", Plan: "new", Price: "x"}},
		"all is told": {billing.EventSubscription{PriceID: "price_1", Quantity: 9, Plan: "new", Charge: &three},
			billing.EventSubscription{PriceID: "price_1", Quantity: 9, Plan: "new", Charge: &three}},
	} {
		g, r := NewWithT(t), records.Reading{Told: &c.told}
		r.Complete(row)
		g.Expect(*r.Told).To(Equal(c.want), name)
		g.Expect(row.Charge).To(Equal(monthly), name)
	}
}

func TestMoments(t *testing.T) {
	g := NewWithT(t)
	m := of(change("evt_1|x", told(billing.StatusActive))).Version.Moment()
	g.Expect(m).To(BeEquivalentTo("0|1800000000000000|5|"))
	at, ok := m.Time()
	g.Expect([]any{at, ok}).To(Equal([]any{moment, true}))
	for _, bad := range []records.Moment{"", "x", m + "1", m[1:], "0|180000000000000x|5|", "0|1800000000000000|5|\n"} {
		_, ok := bad.Time()
		g.Expect(ok).To(BeFalse(), "%q", bad)
	}
	g.Expect(records.Version("").Moment()).To(BeEmpty())
}
