package paddle_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func (s *shop) refuses(err error, text string) {
	s.t.Helper()
	var refused *provider.RefusalError
	s.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	s.Expect(err.Error()).To(ContainSubstring(text))
}

func TestListShowsAUserTheirOwn(t *testing.T) {
	s := newShop(t)
	mine := s.buy("monthly", goodCard)
	s.Expect(mine.Owner).To(Equal(s.owner))
	s.Expect(mine.CreatedAt).To(BeTemporally("~", time.Now(), time.Minute))
	end := mine.CurrentPeriodEnd
	s.Expect(end).To(BeTemporally("~", time.Now().AddDate(0, 1, 0), time.Hour))
	mine.CreatedAt, mine.UpdatedAt, mine.CurrentPeriodEnd = time.Time{}, time.Time{}, time.Time{}
	s.Expect(mine).To(Equal(billing.Subscription{
		ID: mine.ID, CustomerID: mine.CustomerID, UserID: "alice", Email: "alice@example.com", Status: billing.StatusActive,
		PriceID: s.prices["monthly"], Quantity: 2, Currency: "USD", Owner: s.owner, Plan: "pro", Price: "monthly",
	}))

	list := func(user provider.User) []billing.Subscription {
		t.Helper()
		out, err := s.Subscriptions().List(t.Context(), user)
		s.Expect(err).NotTo(HaveOccurred())
		return out
	}
	s.Expect(list(provider.User{ID: "bob", Email: alice.Email})).To(BeEmpty(), "an address alone is not enough")
	s.Expect(list(provider.User{Email: alice.Email})).To(BeEmpty())
	s.Expect(list(provider.User{ID: "alice", Email: "new@example.com"})).To(BeEmpty())
	_, err := s.Subscriptions().List(t.Context(), provider.User{ID: "alice"})
	s.refuses(err, "the token needs a claim with the verified address")

	_, err = s.Subscriptions().Cancel(t.Context(), mine.ID, true)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(list(alice)).To(BeEmpty(), "one that ended is not shown")
}

func TestCancelAndResume(t *testing.T) {
	s := newShop(t)
	subscriptions, ctx := s.Subscriptions(), t.Context()
	id := s.buy("monthly", goodCard).ID
	for range 2 { // a second cancel is no error
		got, err := subscriptions.Cancel(ctx, id, false)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(got.Status).To(Equal(billing.StatusCanceling))
		s.Expect(got.CancelAtPeriodEnd).To(BeTrue())
		s.Expect(got.EndsAt).To(BeTemporally("~", time.Now().AddDate(0, 1, 0), time.Hour))
	}
	_, err := subscriptions.Change(ctx, id, provider.SubscriptionChange{
		PriceID: s.prices["bigger"], Proration: billing.ProrateImmediately,
	})
	s.refuses(err, "undo that first")
	for range 2 {
		got, err := subscriptions.Resume(ctx, id)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(got.Status).To(Equal(billing.StatusActive))
		s.Expect(got.EndsAt.IsZero()).To(BeTrue())
	}
	_, err = subscriptions.Cancel(ctx, id, false)
	s.Expect(err).NotTo(HaveOccurred())
	for _, now := range []bool{true, true, false} { // an end that is scheduled is no hindrance
		got, err := subscriptions.Cancel(ctx, id, now)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(got.Status).To(Equal(billing.StatusCanceled))
		s.Expect(got.EndsAt).To(BeTemporally("~", time.Now(), time.Minute))
		s.Expect(got.UserID).To(Equal("alice"))
	}
	_, err = subscriptions.Resume(ctx, id)
	s.refuses(err, "has ended")
	_, err = subscriptions.Change(ctx, id, provider.SubscriptionChange{
		PriceID: s.prices["bigger"], Proration: billing.ProrationNone,
	})
	s.refuses(err, "has ended")
	for _, gone := range []string{"sub_" + strings.Repeat("0", 26), "x", ""} {
		_, err = subscriptions.Cancel(ctx, gone, true)
		s.Expect(provider.IsNotFound(err)).To(BeTrue(), gone)
	}
}

// A pause is not the buyer's to end, and no success either.
func TestAPausedSubscriptionIsNotResumed(t *testing.T) {
	s := newShop(t)
	id := s.buy("monthly", goodCard).ID
	s.write(http.MethodPost, id+"/pause", `{"effective_from":"immediately"}`)
	_, err := s.Subscriptions().Resume(t.Context(), id)
	s.refuses(err, "is paused; only the seller can resume it")
}

func TestChangeOfPlan(t *testing.T) {
	for proration, want := range map[billing.Proration]struct{ now, next int64 }{ // amounts billed, in minor units
		billing.ProrateImmediately: {14000, 19800}, // almost all of the period is left
		billing.ProrateNextPeriod:  {0, 33800},
		billing.ProrationNone:      {0, 19800},
		billing.FullImmediately:    {19800, 19800},
		billing.FullNextPeriod:     {0, 39600},
	} {
		t.Run(string(proration), func(t *testing.T) {
			s := newShop(t)
			id := s.buy("monthly", goodCard).ID
			before := len(s.account.Transactions())
			for range 2 { // a repeated change is no error, and costs nothing
				got, err := s.Subscriptions().Change(t.Context(), id, provider.SubscriptionChange{
					PriceID: s.prices["bigger"], Plan: "pro", Price: "bigger", Proration: proration,
				})
				s.Expect(err).NotTo(HaveOccurred())
				s.Expect(got.PriceID).To(Equal(s.prices["bigger"]))
				s.Expect(got.Price).To(Equal("bigger"))
				s.Expect(got.Quantity).To(Equal(2), "the quantity is kept")
			}
			s.Expect(s.billed(before)).To(BeNumerically("~", want.now, 20))
			before = len(s.account.Transactions())
			s.sandbox.Clock().Advance(31 * 24 * time.Hour)
			s.Expect(s.billed(before)).To(BeNumerically("~", want.next, 20))
		})
	}
}

// billed is what the transactions after the first n came to.
func (s *shop) billed(n int) (sum int64) {
	s.t.Helper()
	for _, t := range s.account.Transactions()[n:] {
		s.Expect(t.Status).To(Equal("completed"))
		for _, p := range t.Payments {
			m, ok := minorOf(p.Amount)
			s.Expect(ok).To(BeTrue())
			sum += m
		}
	}
	return sum
}

func TestChangesThatPaddleRefuses(t *testing.T) {
	s := newShop(t)
	change := func(id string, p billing.Proration) error {
		_, err := s.Subscriptions().Change(t.Context(), id, provider.SubscriptionChange{
			PriceID: s.prices["bigger"], Proration: p,
		})
		return err
	}
	trial := s.buy("trial", goodCard)
	s.Expect(trial.Status).To(Equal(billing.StatusTrialing))
	s.Expect(trial.TrialEnd).To(BeTemporally("~", time.Now().AddDate(0, 0, 14), time.Hour))
	s.refuses(change(trial.ID, billing.FullImmediately), "charges nothing during a trial")
	s.Expect(change(trial.ID, billing.ProrateImmediately)).To(Succeed(), "there is nothing to prorate yet")

	failing := s.buy("monthly", failingCard)
	s.refuses(change(failing.ID, billing.ProrateImmediately), "could not collect the payment")
	got, err := s.Subscriptions().Get(t.Context(), failing.ID)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(got.PriceID).To(Equal(s.prices["monthly"]), "nothing was changed")

	s.sandbox.Clock().Advance(got.CurrentPeriodEnd.Sub(s.sandbox.Clock().Now()) - 10*time.Minute)
	s.refuses(change(failing.ID, billing.ProrationNone), "shortly before it renews")
	s.sandbox.Clock().Advance(time.Hour)
	s.refuses(change(failing.ID, billing.ProrationNone), "with an unpaid bill")
	got, err = s.Subscriptions().Get(t.Context(), failing.ID)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(got.Status).To(Equal(billing.StatusPastDue))
	s.refuses(change(failing.ID, "Half"), "has no such proration")
}

func TestPortalIsTheCustomersOwn(t *testing.T) {
	s := newShop(t)
	mine := s.buy("monthly", goodCard)
	link, err := s.Subscriptions().Portal(t.Context(), mine, "https://app.example.com")
	s.Expect(err).NotTo(HaveOccurred())
	res, err := http.Get(link)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(res.Body.Close()).To(Succeed())
	s.Expect(res.StatusCode).To(Equal(http.StatusOK))
	_, err = s.Subscriptions().Portal(t.Context(), billing.Subscription{ID: mine.ID, CustomerID: "x"}, "")
	s.Expect(provider.IsNotFound(err)).To(BeTrue())
}

func minorOf(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
