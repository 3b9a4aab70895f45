package lemonsqueezy_test

import (
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func onMarch(day int) time.Time { return time.Date(2026, 3, day, 10, 0, 0, 0, time.UTC) }

// running is what subscriptionDoc("") tells.
func running() billing.Subscription {
	return billing.Subscription{
		ID: "601", CustomerID: "9", Email: "jane@example.com", Status: billing.StatusActive, PriceID: "88", Quantity: 2,
		CurrentPeriodEnd: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC),
		CreatedAt:        time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC), UpdatedAt: onMarch(1),
	}
}

func TestGet(t *testing.T) {
	ending := running()
	ending.Status, ending.CancelAtPeriodEnd = billing.StatusCanceling, true
	ending.EndsAt, ending.CurrentPeriodEnd = onMarch(20), onMarch(20)
	ended := ending
	ended.Status, ended.CancelAtPeriodEnd = billing.StatusCanceled, false
	trial := running()
	trial.Status, trial.TrialEnd = billing.StatusTrialing, onMarch(15)
	paused := running()
	paused.Status = billing.StatusPaused
	for more, want := range map[string]billing.Subscription{
		"": running(), willEnd: ending, hasEnded: ended,
		`,"status":"on_trial","trial_ends_at":"2026-03-15T10:00:00.000000Z"`: trial,
		`,"pause":{"mode":"free","resumes_at":null}`:                         paused,
	} {
		g := NewWithT(t)
		s, _ := seller(t, map[string][]string{"GET " + at601: {subscriptionDoc(more)}})
		got, err := s.Subscriptions().Get(t.Context(), "601")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(want), more)
	}
	for _, more := range []string{anotherStore, `,"test_mode":false`} {
		g := NewWithT(t)
		s, _ := seller(t, map[string][]string{"GET " + at601: {subscriptionDoc(more)}})
		for _, id := range []string{"601", "602", "sub_1", "../webhooks/1", ""} {
			_, err := s.Subscriptions().Get(t.Context(), id)
			g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassNotFound), "%s%s", id, more)
		}
	}
}

// Those that ended, and those that are not the user's whatever the filter let through, are left out.
func TestList(t *testing.T) {
	g := NewWithT(t)
	of := func(id, more string) string { return object("subscriptions", id, shapedSubscription(more)) }
	s, p := seller(t, map[string][]string{"GET /v1/subscriptions": {
		pageOf(1, 2, of("601", "")+","+of("602", hasEnded)+","+of("603", anotherStore)),
		pageOf(2, 2, of("604", `,"user_email":"john@example.com"`)+","+of("605", `,"user_email":"Jane@Example.com"`)),
	}})
	got, err := s.Subscriptions().List(t.Context(), provider.User{ID: "u7", Email: "Jane@example.com"})
	g.Expect(err).NotTo(HaveOccurred())
	var ids []string
	for _, x := range got {
		ids = append(ids, x.ID)
	}
	g.Expect(ids).To(Equal([]string{"601", "605"}))
	g.Expect(p.asked[0].query).To(Equal(url.Values{
		"filter[store_id]": {"77"}, "filter[user_email]": {"jane@example.com"}, "page[number]": {"1"}, "page[size]": {"100"},
	}))

	p.asked = nil
	_, err = s.Subscriptions().List(t.Context(), provider.User{ID: "u7"})
	refused(g, err, "by a verified email alone")
	g.Expect(p.asked).To(BeEmpty(), "without an email, the list would be everybody's")
}

// A letter that only looks like one, or that a database takes for it, makes another email.
func TestListOfALookalike(t *testing.T) {
	g := NewWithT(t)
	of := func(id, email string) string {
		return object("subscriptions", id, shapedSubscription(`,"user_email":"`+email+`"`))
	}
	s, _ := seller(t, map[string][]string{"GET /v1/subscriptions": {
		pageOf(1, 1, of("601", "MIKE@example.com")+","+of("602", `mi\u212ae@example.com`)), // the Kelvin sign
	}})
	got, err := s.Subscriptions().List(t.Context(), provider.User{Email: "mike@example.com"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveLen(1))
	g.Expect(got[0].ID).To(Equal("601"))
}

func TestCancel(t *testing.T) {
	for _, c := range []struct {
		why, before string
		now         bool
		refusal     string
		deletes     bool
	}{
		{"running", "", false, "", true},
		{"paid by PayPal", byPayPal, false, "", true},
		{"at once", "", true, "cannot cancel a subscription at once", false},
		{"ends anyway", willEnd, false, "", false},
		{"ends too late", willEnd, true, "cannot cancel a subscription at once", false},
		{"ended", hasEnded, true, "", false},
	} {
		g := NewWithT(t)
		s, p := seller(t, map[string][]string{
			"GET " + at601: {subscriptionDoc(c.before)}, "DELETE " + at601: {subscriptionDoc(willEnd)},
		})
		got, err := s.Subscriptions().Cancel(t.Context(), "601", c.now)
		g.Expect(len(p.asked) == 2 && p.asked[1].method == "DELETE").To(Equal(c.deletes), c.why)
		if c.refusal != "" {
			refused(g, err, c.refusal)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), c.why)
		g.Expect(got.EndsAt).To(Equal(onMarch(20)), c.why)
	}
}

func TestResume(t *testing.T) {
	for _, c := range []struct {
		why, before, after, refusal string
		patches                     bool
	}{
		{"ends", willEnd, "", "", true},
		{"goes on", "", "", "", false},
		{"ended", hasEnded, "", "has ended", false},
		{"paused", `,"pause":{"mode":"void","resumes_at":null}`, "", "is paused; only the seller", false},
		{"paid by PayPal", willEnd + byPayPal, "", "paid by PayPal", false},
		{"nothing came of it", willEnd, willEnd, "did not make the change", true},
	} {
		g := NewWithT(t)
		s, p := seller(t, map[string][]string{
			"GET " + at601: {subscriptionDoc(c.before)}, "PATCH " + at601: {subscriptionDoc(c.after)},
		})
		got, err := s.Subscriptions().Resume(t.Context(), "601")
		if c.patches {
			g.Expect(p.asked[1].body).To(Equal(patched("subscriptions", "601", map[string]any{"cancelled": false})), c.why)
		} else {
			g.Expect(p.asked).To(HaveLen(1), c.why)
		}
		if c.refusal != "" {
			refused(g, err, c.refusal)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), c.why)
		g.Expect(got).To(Equal(running()), c.why)
	}
}

func TestChange(t *testing.T) {
	for p, want := range map[billing.Proration]map[string]any{
		billing.ProrateImmediately: {"variant_id": 89., "invoice_immediately": true, "disable_prorations": false},
		billing.ProrateNextPeriod:  {"variant_id": 89., "invoice_immediately": false, "disable_prorations": false},
		billing.ProrationNone:      {"variant_id": 89., "invoice_immediately": false, "disable_prorations": true},
		billing.FullImmediately:    nil,
		billing.FullNextPeriod:     nil,
	} {
		g := NewWithT(t)
		s, peer := seller(t, map[string][]string{
			"GET " + at601: {subscriptionDoc("")}, "PATCH " + at601: {subscriptionDoc(anotherPlan)},
		})
		got, err := s.Subscriptions().Change(t.Context(), "601", provider.SubscriptionChange{PriceID: "89", Proration: p})
		if want == nil {
			refused(g, err, string(p))
			g.Expect(peer.asked).To(BeEmpty())
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.PriceID).To(Equal("89"))
		g.Expect(peer.asked[1].body).To(Equal(patched("subscriptions", "601", want)), string(p))
	}
}

// A quantity is the item's, which may be another one after the move.
func TestChangeOfQuantity(t *testing.T) {
	g := NewWithT(t)
	s, p := seller(t, map[string][]string{
		"GET " + at601: {
			subscriptionDoc(""), subscriptionDoc(anotherPlan + secondItem), subscriptionDoc(anotherPlan + resizedItem),
		},
		"PATCH " + at601: {subscriptionDoc(anotherPlan)}, "PATCH /v1/subscription-items/6": {`{}`},
	})
	got, err := s.Subscriptions().Change(t.Context(), "601", provider.SubscriptionChange{
		PriceID: "89", Quantity: 5, Proration: billing.ProrationNone,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{got.PriceID, got.Quantity}).To(Equal([]any{"89", 5}))
	g.Expect(p.asked[3].body).To(Equal(patched("subscription-items", "6", map[string]any{
		"quantity": 5., "invoice_immediately": false, "disable_prorations": true,
	})))
}

func TestChangesThatAreNotMade(t *testing.T) {
	for _, c := range []struct {
		why, before, after, refusal string
		price                       string
	}{
		{"has it already", "", "", "", "88"},
		{"has it already, by PayPal", byPayPal, "", "", "88"},
		{"paid by PayPal", byPayPal, anotherPlan, "in the customer portal", "89"},
		{"ended", hasEnded, anotherPlan, "has ended", "89"},
		{"nothing came of it", "", "", "did not make the change", "89"},
		{"no variant", "", anotherPlan, `no variant "pri_1"`, "pri_1"},
	} {
		g := NewWithT(t)
		s, _ := seller(t, map[string][]string{
			"GET " + at601: {subscriptionDoc(c.before)}, "PATCH " + at601: {subscriptionDoc(c.after)},
		})
		got, err := s.Subscriptions().Change(t.Context(), "601", provider.SubscriptionChange{PriceID: c.price, Quantity: 2})
		if c.refusal != "" {
			refused(g, err, c.refusal)
			continue
		}
		g.Expect(err).NotTo(HaveOccurred(), c.why)
		g.Expect(got).To(Equal(running()), c.why)
	}
}

// The link is the one that is told now.
func TestPortal(t *testing.T) {
	g := NewWithT(t)
	s, _ := seller(t, map[string][]string{"GET " + at601: {
		subscriptionDoc(`,"urls":{"customer_portal":"https://shop.example.com/billing?signature=1"}`),
		subscriptionDoc(`,"urls":{"customer_portal":"https://shop.example.com/billing?signature=2"}`),
		subscriptionDoc(`,"urls":{"customer_portal":""}`),
	}})
	for _, want := range []string{"1", "2"} {
		got, err := s.Subscriptions().Portal(t.Context(), running(), "https://app.example.com")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal("https://shop.example.com/billing?signature=" + want))
	}
	_, err := s.Subscriptions().Portal(t.Context(), running(), "")
	refused(g, err, "no customer portal")
	gone := running()
	gone.ID = "9"
	_, err = s.Subscriptions().Portal(t.Context(), gone, "")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassNotFound))
}
