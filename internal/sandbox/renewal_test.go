package sandbox_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const day = 24 * time.Hour

var newYear = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// newYearWorld stands still until its clock is advanced.
func newYearWorld(t *testing.T) *world {
	t.Helper()
	return newWorld(t, sandbox.Options{Now: func() time.Time { return newYear }})
}

// subscribed pays a checkout of a monthly price with a card, or leaves the card out.
func (w *world) subscribed(number string, change ...sessionChange) *stripego.Subscription {
	w.t.Helper()
	price := w.price(w.product("Pro").ID, 2900, monthly)
	s := w.session("subscription", price.ID, change...)
	form := card(number)
	if number == "" {
		form.Del("number")
	}
	res, body := w.visit(s.URL, form, "application/json")
	w.g.Expect(res.StatusCode).To(Equal(200), body)
	return w.subscription(w.reread(s).Subscription.ID)
}

func (w *world) subscription(id string) *stripego.Subscription {
	w.t.Helper()
	in := &stripego.SubscriptionParams{}
	in.AddExpand("latest_invoice")
	sub, err := w.api.Subscriptions.Get(id, in)
	w.g.Expect(err).NotTo(HaveOccurred())
	return sub
}

// advance puts the clock forward and returns what was announced.
func (w *world) advance(d time.Duration) []string {
	n := len(w.eventTypes())
	w.Clock().Advance(d)
	return w.since(n)
}

func trial(days int64, missing string) sessionChange {
	return func(in *stripego.CheckoutSessionParams) {
		in.PaymentMethodCollection = stripego.String("if_required")
		in.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{
			TrialPeriodDays: &days,
			TrialSettings: &stripego.CheckoutSessionSubscriptionDataTrialSettingsParams{
				EndBehavior: &stripego.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{
					MissingPaymentMethod: &missing,
				},
			},
		}
	}
}

var (
	drafted = []string{"customer.subscription.updated", "invoice.created"}
	charged = []string{
		"invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "invoice.paid",
		"invoice.payment_succeeded",
	}
	refused = []string{"charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"}
)

func TestRenewalsComeWithTheClock(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4242424242424242")
	g.Expect(w.advance(30 * day)).To(BeEmpty())
	g.Expect(w.advance(day)).To(Equal(drafted))
	draft := w.subscription(sub.ID).LatestInvoice
	g.Expect(draft.Status).To(Equal(stripego.InvoiceStatusDraft))
	g.Expect(w.advance(time.Hour)).To(Equal(charged))
	now := w.subscription(sub.ID)
	g.Expect(time.Unix(now.CurrentPeriodEnd, 0).UTC()).To(Equal(newYear.AddDate(0, 2, 0)))
	g.Expect(now.LatestInvoice.AmountPaid).To(Equal(int64(5800)))
	g.Expect(now.LatestInvoice.AttemptCount).To(Equal(int64(1)))
	g.Expect(now.LatestInvoice.StatusTransitions.PaidAt).To(Equal(newYear.AddDate(0, 1, 0).Add(time.Hour).Unix()))

	n := len(w.eventTypes())
	g.Expect(w.advance(365*day)).To(HaveLen(12*(len(drafted)+len(charged))), "a year is twelve renewals")
	events := w.Stripe().Account(testKey).Events()[n:]
	for i := 1; i < len(events); i++ {
		g.Expect(events[i].Created).To(BeNumerically(">=", events[i-1].Created))
	}
	g.Expect(events[0].Created).To(Equal(newYear.AddDate(0, 2, 0).Unix()), "each is as of its own time")
}

func TestDunningEndsTheSubscription(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4000000000000341")
	w.advance(31 * day)
	first := append([]string{"invoice.finalized", "payment_intent.created"}, refused...)
	g.Expect(w.advance(time.Hour)).To(Equal(append(first, "customer.subscription.updated")))
	for attempt, wait := range []time.Duration{3 * day, 5 * day} {
		is := w.subscription(sub.ID)
		g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusPastDue))
		g.Expect(is.LatestInvoice.AttemptCount).To(Equal(int64(attempt + 1)))
		g.Expect(is.LatestInvoice.NextPaymentAttempt).To(Equal(w.Clock().Now().Add(wait).Unix()))
		g.Expect(w.advance(wait)).To(Equal(refused))
	}
	g.Expect(w.advance(7 * day)).To(Equal(append(append([]string{}, refused...), "customer.subscription.deleted")))
	is := w.subscription(sub.ID)
	g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusCanceled))
	g.Expect(is.CancellationDetails.Reason).To(Equal(stripego.SubscriptionCancellationDetailsReasonPaymentFailed))
	g.Expect(is.LatestInvoice.AttemptCount).To(Equal(int64(4)))
	g.Expect(is.LatestInvoice.NextPaymentAttempt).To(BeZero())
	g.Expect(w.advance(365 * day)).To(BeEmpty())
}

func TestTrialWithACard(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4242424242424242", trial(14, "cancel"))
	g.Expect(w.advance(11*day - time.Second)).To(BeEmpty())
	g.Expect(w.advance(time.Second)).To(Equal([]string{"customer.subscription.trial_will_end"}))
	g.Expect(w.advance(3 * day)).To(Equal(drafted))
	is := w.subscription(sub.ID)
	g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusActive))
	g.Expect(time.Unix(is.CurrentPeriodEnd, 0).UTC()).To(Equal(newYear.Add(14*day).AddDate(0, 1, 0)))
	g.Expect(w.advance(time.Hour)).To(Equal(charged))
	events := w.Stripe().Account(testKey).Events()
	g.Expect(string(events[len(events)-8].Data.PreviousAttributes)).To(ContainSubstring(`"status":"trialing"`))
}

func TestTrialWithoutACard(t *testing.T) {
	for missing, c := range map[string]struct {
		atTheEnd []string
		status   stripego.SubscriptionStatus
	}{
		"cancel": {[]string{"customer.subscription.deleted"}, stripego.SubscriptionStatusCanceled},
		"pause": {[]string{"customer.subscription.updated", "customer.subscription.paused"},
			stripego.SubscriptionStatusPaused},
		"create_invoice": {drafted, stripego.SubscriptionStatusActive},
	} {
		t.Run(missing, func(t *testing.T) {
			w := newYearWorld(t)
			g := w.g
			sub := w.subscribed("", trial(2, missing))
			g.Expect(sub.DefaultPaymentMethod).To(BeNil())
			g.Expect(w.eventTypes()).To(ContainElement("customer.subscription.trial_will_end"), "a short trial's end is near")
			g.Expect(w.advance(2 * day)).To(Equal(c.atTheEnd))
			g.Expect(w.subscription(sub.ID).Status).To(Equal(c.status))
			if missing == "create_invoice" {
				g.Expect(w.advance(time.Hour)).To(Equal([]string{
					"invoice.finalized", "payment_intent.created", "invoice.payment_failed", "customer.subscription.updated",
				}))
				g.Expect(w.subscription(sub.ID).Status).To(Equal(stripego.SubscriptionStatusPastDue))
			}
		})
	}
}

func TestCancelAtPeriodEnd(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4242424242424242")
	n := len(w.eventTypes())
	yes := &stripego.SubscriptionParams{CancelAtPeriodEnd: stripego.Bool(true)}
	for range 2 {
		is, err := w.api.Subscriptions.Update(sub.ID, yes)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(is.CancelAt).To(Equal(sub.CurrentPeriodEnd))
	}
	g.Expect(w.since(n)).To(Equal([]string{"customer.subscription.updated"}), "the second changes nothing")
	events := w.Stripe().Account(testKey).Events()
	g.Expect(string(events[n].Data.PreviousAttributes)).To(ContainSubstring(`"cancel_at_period_end":false`))
	no := &stripego.SubscriptionParams{CancelAtPeriodEnd: stripego.Bool(false)}
	is, err := w.api.Subscriptions.Update(sub.ID, no)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.CancelAt).To(BeZero())
	_, err = w.api.Subscriptions.Update(sub.ID, yes)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.advance(31 * day)).To(Equal([]string{"customer.subscription.deleted"}))
	is = w.subscription(sub.ID)
	g.Expect(is.EndedAt).To(Equal(sub.CurrentPeriodEnd))
	_, err = w.api.Subscriptions.Update(sub.ID, no)
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(400))
	_, err = w.api.Subscriptions.Cancel(sub.ID, nil)
	g.Expect(stripeError(t, err).Code).To(Equal(stripego.ErrorCodeResourceMissing))
}

func TestPausedCollection(t *testing.T) {
	for behavior, last := range map[string]string{
		"void": "invoice.voided", "mark_uncollectible": "invoice.marked_uncollectible", "keep_as_draft": "",
	} {
		w := newYearWorld(t)
		g := w.g
		sub := w.subscribed("4242424242424242")
		_, err := w.api.Subscriptions.Update(sub.ID, &stripego.SubscriptionParams{
			PauseCollection: &stripego.SubscriptionPauseCollectionParams{
				Behavior: &behavior, ResumesAt: stripego.Int64(newYear.Add(40 * day).Unix()),
			},
		})
		g.Expect(err).NotTo(HaveOccurred())
		want := append([]string{}, drafted...)
		if last != "" {
			want = append(want, "invoice.finalized", last)
		}
		g.Expect(w.advance(32 * day)).To(Equal(want))
		g.Expect(w.advance(9*day)).To(Equal([]string{"customer.subscription.updated"}), "it resumes by itself")
		g.Expect(w.advance(31 * day)).To(ContainElement("invoice.paid"))
	}
}

// Time that passes by itself renews as well as time that is put forward.
func TestRenewalsComeByThemselves(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.subscribed("4242424242424242")
	n := len(w.eventTypes())
	w.Clock().SetRate(10_000_000) // a month is a quarter of a second
	w.g.Eventually(func() []string { return w.since(n) }, "20s", "10ms").Should(ContainElement("invoice.paid"))
	w.Clock().SetRate(1)
}
