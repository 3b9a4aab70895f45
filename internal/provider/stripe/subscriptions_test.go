package stripe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// subscriptionJSON is one with a monthly price, and with more members.
func subscriptionJSON(id, status, user, more string) string {
	item := fmt.Sprintf(`{"id":"si_1","price":%s,"quantity":2}`, markedPriceJSON("price_1", testOwner, "monthly"))
	return fmt.Sprintf(`{"id":%q,"object":"subscription","status":%q,"customer":"cus_1","currency":"usd",
		"created":1772000000,"metadata":{"user_id":%q},%s"items":{"object":"list","has_more":false,"data":[%s]}}`,
		id, status, user, more, item)
}

func seller(t *testing.T, answer func(sent) reply) (provider.Subscriptions, *fake) {
	t.Helper()
	conn, f := connect(t, answer)
	return conn.(provider.Seller).Subscriptions(), f
}

func TestSubscriptionOf(t *testing.T) {
	at := func(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
	end, later := at(1774000000), at(1776000000)
	base := billing.Subscription{
		ID: "sub_1", CustomerID: "cus_1", UserID: "42", Status: billing.StatusActive, PriceID: "price_1", Quantity: 2,
		Currency: "USD", CurrentPeriodEnd: end, CreatedAt: at(1772000000), Owner: testOwner, Plan: "pro", Price: "monthly",
	}
	for reason, c := range map[string]struct {
		status, more string
		want         func(*billing.Subscription)
	}{
		"of 2023-10-16": {"active", `"current_period_end":1774000000,`, func(*billing.Subscription) {}},
		"canceling": {"active", `"current_period_end":1774000000,"cancel_at_period_end":true,`,
			func(s *billing.Subscription) {
				s.Status, s.CancelAtPeriodEnd, s.EndsAt = billing.StatusCanceling, true, end
			}},
		"ends at another time": {"active", `"current_period_end":1774000000,"cancel_at":1776000000,`,
			func(s *billing.Subscription) { s.EndsAt = later }},
		"ended": {"canceled", `"current_period_end":1774000000,"cancel_at_period_end":true,"ended_at":1774000000,`,
			func(s *billing.Subscription) { s.Status, s.EndsAt = billing.StatusCanceled, end }},
		"in trial": {"trialing", `"current_period_end":1774000000,"trial_end":1774000000,`,
			func(s *billing.Subscription) { s.Status, s.TrialEnd = billing.StatusTrialing, end }},
		"not collected": {"active", `"current_period_end":1774000000,"pause_collection":{"behavior":"void"},`,
			func(s *billing.Subscription) { s.Status, s.CollectionPaused = billing.StatusPaused, true }},
		"with the customer": {"active", `"current_period_end":1774000000,"customer":{"id":"cus_2","email":"j@example.com"},`,
			func(s *billing.Subscription) { s.CustomerID, s.Email = "cus_2", "j@example.com" }},
	} {
		t.Run(reason, func(t *testing.T) {
			g, want := NewWithT(t), base
			c.want(&want)
			text := subscriptionJSON("sub_1", c.status, "42", c.more)
			if strings.Contains(c.more, `"customer"`) {
				text = strings.Replace(text, `"customer":"cus_1",`, "", 1)
			}
			s, _ := seller(t, func(sent) reply { return ok(text) })
			g.Expect(s.Get(t.Context(), "sub_1")).To(Equal(want))
		})
	}
	t.Run("since 2025", func(t *testing.T) {
		text := strings.Replace(subscriptionJSON("sub_1", "active", "42", ""), `"quantity":2`,
			`"quantity":2,"current_period_end":1774000000`, 1)
		s, _ := seller(t, func(sent) reply { return ok(text) })
		NewWithT(t).Expect(s.Get(t.Context(), "sub_1")).To(Equal(base))
	})
}

// Nobody's id finds another's subscriptions, whatever it looks like and whatever the search makes of it.
func TestListIsOfOneUser(t *testing.T) {
	for id, query := range map[string]string{
		"42":                 `metadata['user_id']:'42'`,
		"o'neil":             `metadata['user_id']:'o\'neil'`,
		`x' OR status:'a`:    `metadata['user_id']:'x\' OR status:\'a'`,
		`back\`:              `metadata['user_id']:'back\\'`,
		`\' OR created>0 -'`: `metadata['user_id']:'\\\' OR created>0 -\''`,
	} {
		g := NewWithT(t)
		s, f := seller(t, func(r sent) reply {
			page := `{"object":"search_result","has_more":%t,"next_page":%s,"data":[%s]}`
			if r.form.Get("page") == "" {
				return ok(fmt.Sprintf(page, true, `"p2"`, subscriptionJSON("sub_1", "active", "another", "")+","+
					subscriptionJSON("sub_2", "active", id, "")))
			}
			return ok(fmt.Sprintf(page, false, "null", subscriptionJSON("sub_3", "canceled", id, "")+","+
				subscriptionJSON("sub_4", "past_due", id, "")))
		})
		all, err := s.List(t.Context(), provider.User{ID: id})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all).To(HaveLen(2))
		g.Expect([]string{all[0].ID, all[1].ID}).To(Equal([]string{"sub_2", "sub_4"}))
		g.Expect(f.requests()).To(HaveLen(2))
		g.Expect(f.requests()[0].path).To(Equal("/v1/subscriptions/search"))
		g.Expect(f.requests()[0].form.Get("query")).To(Equal(query))
		g.Expect(f.requests()[1].form.Get("page")).To(Equal("p2"))
	}
	g := NewWithT(t)
	s, f := seller(t, func(sent) reply { return failure(500, "api_error", "") })
	g.Expect(s.List(t.Context(), provider.User{Email: "j@example.com"})).To(BeEmpty())
	g.Expect(f.requests()).To(BeEmpty(), "nobody has nothing")
	_, err := s.Get(t.Context(), "search")
	g.Expect(provider.IsNotFound(err)).To(BeTrue())
	g.Expect(f.requests()).To(BeEmpty(), "an id is no path")
	_, err = s.Get(t.Context(), "sub_1")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
}

func TestCancel(t *testing.T) {
	running := ok(subscriptionJSON("sub_1", "active", "42", ""))
	ended := ok(subscriptionJSON("sub_1", "canceled", "42", `"ended_at":1774000000,`))
	gone := failure(404, "invalid_request_error", "resource_missing")
	for reason, c := range map[string]struct {
		now       bool
		write     reply
		get       reply
		sent      []string
		succeeds  bool
		wantEnded bool
	}{
		"now": {now: true, write: ended, sent: []string{"DELETE "}, succeeds: true, wantEnded: true},
		"now, but ended": {now: true, write: gone, get: ended, sent: []string{"DELETE ", "GET "}, succeeds: true,
			wantEnded: true},
		"now, but gone":   {now: true, write: gone, get: gone, sent: []string{"DELETE ", "GET "}},
		"now, but runs":   {now: true, write: gone, get: running, sent: []string{"DELETE ", "GET "}},
		"later":           {write: running, sent: []string{"POST true"}, succeeds: true},
		"later, an error": {write: failure(500, "api_error", ""), sent: []string{"POST true"}},
		"later, but ended": {write: failure(400, "invalid_request_error", ""), get: ended,
			sent: []string{"POST true", "GET "}, succeeds: true, wantEnded: true},
	} {
		t.Run(reason, func(t *testing.T) {
			g, log := NewWithT(t), []string{}
			s, f := seller(t, func(r sent) reply {
				if r.method == "GET" {
					return c.get
				}
				return c.write
			})
			got, err := s.Cancel(t.Context(), "sub_1", c.now)
			for _, r := range f.requests() {
				log = append(log, r.method+" "+r.form.Get("cancel_at_period_end"))
			}
			g.Expect(log).To(Equal(c.sent))
			g.Expect(err == nil).To(Equal(c.succeeds), "%v", err)
			g.Expect(got.Status.Ended()).To(Equal(c.wantEnded))
		})
	}
}

func TestPortal(t *testing.T) {
	g := NewWithT(t)
	s, f := seller(t, func(sent) reply {
		return ok(`{"id":"bps_1","object":"billing_portal.session","url":"https://billing.stripe.com/p/1"}`)
	})
	g.Expect(s.Portal(t.Context(), billing.Subscription{CustomerID: "cus_1"}, "https://app.example.com")).
		To(Equal("https://billing.stripe.com/p/1"))
	g.Expect(f.requests()[0].form.Get("customer")).To(Equal("cus_1"))
	g.Expect(f.requests()[0].form.Get("return_url")).To(Equal("https://app.example.com"))
	_, err := s.Portal(t.Context(), billing.Subscription{}, "")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
	g.Expect(f.requests()).To(HaveLen(1))
}

// An account whose portal was never set up is the usual reason, and Stripe has no code for it.
func TestPortalThatIsNotSetUp(t *testing.T) {
	for name, c := range map[string]struct {
		answer reply
		class  provider.Class
		advice bool
	}{
		"not set up":  {failure(400, "invalid_request_error", ""), provider.ClassTerminal, true},
		"no customer": {failure(400, "invalid_request_error", "resource_missing"), provider.ClassNotFound, false},
		"no right":    {failure(403, "invalid_request_error", ""), provider.ClassCredentials, false},
		"away":        {failure(500, "api_error", ""), provider.ClassUnavailable, false},
	} {
		g := NewWithT(t)
		s, _ := seller(t, func(sent) reply { return c.answer })
		_, err := s.Portal(t.Context(), billing.Subscription{CustomerID: "cus_1"}, "https://app.example.com")
		g.Expect(provider.ClassOf(err)).To(Equal(c.class), name)
		g.Expect(strings.Contains(err.Error(), "Settings, Billing, Customer portal")).To(Equal(c.advice), name)
	}
}
