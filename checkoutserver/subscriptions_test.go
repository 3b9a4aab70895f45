package checkoutserver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

type listed struct {
	Subscriptions []subscription
	Incomplete    bool
}

func (s *shop) list(who string) listed {
	s.t.Helper()
	s.server.lists = newReplays() // what it was told before
	r := s.as(who, http.MethodGet, "/v1/subscriptions", "")
	s.g.Expect(r.status).To(Equal(200), r.body)
	var out listed
	r.into(&out)
	return out
}

func (l listed) ids() []string {
	var out []string
	for _, s := range l.Subscriptions {
		out = append(out, s.ID)
	}
	return out
}

func TestListSubscriptions(t *testing.T) {
	s := newShop(t)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	newer := subscribed("sub_2", "u1")
	newer.CreatedAt = newer.CreatedAt.Add(time.Hour)
	newer.PriceID, newer.Plan, newer.Price = "price_old", "old", "monthly" // of a Plan that is not sold here any more
	s.stripe.subs["sub_2"] = newer
	ended := subscribed("sub_3", "u1")
	ended.Status = billing.StatusCanceled
	s.stripe.subs["sub_3"] = ended
	s.paddle.subs["sub_4"] = subscribed("sub_4", "u1")
	s.g.Expect(s.list("u1").ids()).To(Equal([]string{"stripe.sub_2", "stripe.sub_1"}), "no email: Paddle is not asked")
	got := s.list("u1,u@example.com")
	s.g.Expect(got.ids()).To(Equal([]string{"stripe.sub_2", "paddle.sub_4", "stripe.sub_1"}))
	s.g.Expect(got.Incomplete).To(BeFalse())
	s.g.Expect(got.Subscriptions[0].Plan).To(Equal("old"))
	s.g.Expect(got.Subscriptions[2].Price).To(Equal("monthly"))
	s.g.Expect(s.list("u2").ids()).To(BeEmpty())
}

func TestListSaysWhatIsMissing(t *testing.T) {
	s := newShop(t)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	s.paddle.fail(failure(provider.ClassUnavailable))
	got := s.list("u1,u@example.com")
	s.g.Expect(got.ids()).To(Equal([]string{"stripe.sub_1"}))
	s.g.Expect(got.Incomplete).To(BeTrue())
	// Nothing at all must not look like "you have none".
	r := s.as("u2,u@example.com", http.MethodGet, "/v1/subscriptions", "")
	s.g.Expect(r.problem()).To(Equal("provider-unavailable"))
}

// A list in which a provider has no part must not look like "you have no others".
func TestListSaysWhoCannotKnowTheUser(t *testing.T) {
	s := newShop(t)
	for who, incomplete := range map[string]bool{
		"u1": true, "u1,u@example.com": false, ",u@example.com": true, // by email alone nothing at Stripe is the user's
	} {
		got := s.list(who)
		s.g.Expect(got.Subscriptions).To(BeEmpty())
		s.g.Expect(got.Incomplete).To(Equal(incomplete), who)
	}
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	s.g.Expect(s.list("u1").Incomplete).To(BeTrue())
	s.paddle.traits.NoUserID = true
	s.server.config.connections.open = map[string]opened{}
	s.resolve()
	s.g.Expect(s.list("u1").Incomplete).To(BeTrue())
	s.g.Expect(s.list("u1,u@example.com").Incomplete).To(BeFalse())

	s = newShop(t, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) { doc.Providers = doc.Providers[:1] })
	s.g.Expect(s.list("u1").Incomplete).To(BeFalse(), "Stripe knows by the id")
}

// Every way to a subscription that is not the user's has the answer of one that does not exist, and changes nothing.
func TestForeignSubscriptionsDoNotExist(t *testing.T) {
	s := newShop(t)
	foreign := subscribed("sub_foreign", "u2")
	nobodys := subscribed("sub_nobody", "")
	otherApp := subscribed("sub_app", "u1") // of an app that Kassa knows nothing of, with a user of the same id
	otherApp.Owner, otherApp.PriceID = billing.Owner{}, "price_else"
	otherOwner := subscribed("sub_owner", "u1")
	otherOwner.Owner.Namespace, otherOwner.PriceID = "elsewhere", "price_else"
	otherCluster := subscribed("sub_cluster", "u1")
	otherCluster.Owner.Cluster, otherCluster.PriceID = "cluster-2", "price_else"
	for _, sub := range []billing.Subscription{foreign, nobodys, otherApp, otherOwner, otherCluster} {
		s.stripe.subs[sub.ID] = sub
	}
	s.g.Expect(s.list("u1").ids()).To(BeEmpty())
	missing := s.as("u1", http.MethodPost, "/v1/subscriptions/stripe.sub_0/cancel", "")
	s.g.Expect(missing.status).To(Equal(404))
	for _, id := range []string{
		"stripe.sub_foreign", "stripe.sub_nobody", "stripe.sub_app", "stripe.sub_owner", "stripe.sub_cluster",
		"paddle.sub_foreign", "sub_foreign", "stripe.", ".sub_foreign", "stripe.stripe.sub_foreign",
		"shop~stripe.sub_foreign", "stripe.sub%2Fforeign", "stripe.sub%20", "stripe.%2e%2e", "Stripe.sub_foreign",
		strings.Repeat("a", 600) + ".sub_1",
	} {
		for path, body := range map[string]string{
			"/cancel": `{"when":"Now"}`, "/resume": "", "": `{"plan":"pro","price":"yearly"}`,
		} {
			method := http.MethodPost
			if path == "" {
				method = http.MethodPatch
			}
			r := s.as("u1,u@example.com", method, "/v1/subscriptions/"+id+path, body)
			s.g.Expect(r.body).To(Equal(missing.body), "%s%s", id, path)
			s.g.Expect(r.status).To(Equal(404))
		}
		r := s.as("u1,u@example.com", http.MethodPost, "/v1/portal", `{"subscription":"`+id+`"}`)
		s.g.Expect(r.body).To(Equal(missing.body), id)
	}
	s.g.Expect(s.as("u1", http.MethodPost, "/v1/portal", "").body).To(Equal(missing.body))
	s.g.Expect(s.stripe.canceled).To(BeEmpty())
	s.g.Expect(s.stripe.changed).To(BeEmpty())
}

// Where a provider keeps no user's id, the verified email tells whose a subscription is, and an id proves nothing.
func TestOwnershipByEmail(t *testing.T) {
	s := newShop(t)
	s.paddle.traits.NoUserID = true
	s.server.config.connections.open = map[string]opened{}
	s.resolve()
	sub := subscribed("sub_1", "u1")
	sub.Email, sub.Owner, sub.PriceID = "Ada@example.com", billing.Owner{}, "variant_old"
	s.paddle.subs["sub_1"] = sub
	s.g.Expect(s.list("u2,ada@example.com").ids()).To(Equal([]string{"paddle.sub_1"}))
	s.g.Expect(s.list("u1,eve@example.com").ids()).To(BeEmpty())
	s.g.Expect(s.list("u1").ids()).To(BeEmpty())
	r := s.as("u1", http.MethodPost, "/v1/subscriptions/paddle.sub_1/cancel", "")
	s.g.Expect(r.status).To(Equal(404))
	r = s.as("u1,ada@example.com", http.MethodPost, "/v1/subscriptions/paddle.sub_1/cancel", "")
	s.g.Expect(r.status).To(Equal(200))
	sub.Owner = billing.Owner{Cluster: "cluster-2", Namespace: "x", Name: "y", UID: "z"}
	s.paddle.subs["sub_1"] = sub
	s.g.Expect(s.list("u2,ada@example.com").ids()).To(BeEmpty(), "another owner's marks")
}

// Unicode folds a long s to an s, and a Kelvin sign to a k; mail goes to two different people.
func TestEmailsThatLookAlikeAreOfTwoUsers(t *testing.T) {
	s := newShop(t)
	s.paddle.traits.NoUserID = true
	s.server.config.connections.open = map[string]opened{}
	s.resolve()
	sub := subscribed("sub_1", "")
	sub.Email = "boss@kiosk.example"
	s.paddle.subs["sub_1"] = sub
	for _, who := range []string{"u1,bo\u017fs@kiosk.example", "u1,boss@\u212aiosk.example"} {
		s.g.Expect(s.list(who).ids()).To(BeEmpty(), who)
		r := s.as(who, http.MethodPost, "/v1/subscriptions/paddle.sub_1/cancel", "")
		s.g.Expect(r.status).To(Equal(404), who)
	}
}

func TestCancelAndResume(t *testing.T) {
	s := newShop(t)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	path := "/v1/subscriptions/stripe.sub_1"
	var got subscription
	r := s.as("u1", http.MethodPost, path+"/cancel", "")
	s.g.Expect(r.status).To(Equal(200))
	r.into(&got)
	s.g.Expect(got.CancelAtPeriodEnd).To(BeTrue())
	s.g.Expect(got.ID).To(Equal("stripe.sub_1"))
	s.as("u1", http.MethodPost, path+"/resume", "").into(&got)
	s.g.Expect(got.CancelAtPeriodEnd).To(BeFalse())
	s.as("u1", http.MethodPost, path+"/cancel", `{"when":"Now"}`).into(&got)
	s.g.Expect(got.Status).To(Equal("Canceled"))
	s.g.Expect(s.stripe.canceled).To(Equal([]bool{false, true}))
	s.g.Expect(s.as("u1", http.MethodPost, path+"/cancel", `{"when":"Yesterday"}`).problem()).To(Equal("invalid"))
	s.g.Expect(s.as("u1", http.MethodPost, path+"/cancel", `{"refund":true}`).problem()).To(Equal("malformed"))
}

func TestPolicies(t *testing.T) {
	cancelNow, patch := `{"when":"Now"}`, `{"plan":"pro","price":"yearly"}`
	for name, c := range map[string]struct {
		options             *v1alpha1.SubscriptionOptions
		cancel, now, change string
	}{
		"none":     {nil, "not-offered", "not-offered", "not-offered"},
		"default":  {&v1alpha1.SubscriptionOptions{}, "", "not-allowed", ""},
		"disabled": {&v1alpha1.SubscriptionOptions{Cancel: v1alpha1.CancelDisabled}, "not-allowed", "not-allowed", ""},
		"fixed plans": {&v1alpha1.SubscriptionOptions{PlanChange: &v1alpha1.PlanChange{Policy: v1alpha1.PlanChangeDisabled}},
			"", "not-allowed", "not-allowed"},
	} {
		s := newShop(t, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) { e.Spec.Subscriptions = c.options })
		s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
		path := "/v1/subscriptions/stripe.sub_1"
		s.g.Expect(s.as("u1", http.MethodPost, path+"/cancel", cancelNow).problem()).To(Equal(c.now), name)
		s.g.Expect(s.as("u1", http.MethodPost, path+"/cancel", "").problem()).To(Equal(c.cancel), name)
		s.g.Expect(s.as("u1", http.MethodPatch, path, patch).problem()).To(Equal(c.change), name)
	}
}

func TestChangePlan(t *testing.T) {
	s := newShop(t, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.Subscriptions.PlanChange = &v1alpha1.PlanChange{Proration: v1alpha1.ProrateNextPeriod}
	})
	s.stripe.subs["sub_1"], s.paddle.subs["sub_2"] = subscribed("sub_1", "u1"), subscribed("sub_2", "u1")
	path := "/v1/subscriptions/stripe.sub_1"
	r := s.as("u1", http.MethodPatch, path, `{"plan":"pro","price":"yearly"}`, "Idempotency-Key", "k")
	s.g.Expect(r.status).To(Equal(200))
	var got subscription
	r.into(&got)
	s.g.Expect(got.Price).To(Equal("yearly"))
	to := s.stripe.changed[0]
	s.g.Expect(to.IdempotencyKey).To(HaveLen(64))
	to.IdempotencyKey = ""
	s.g.Expect(to).To(Equal(provider.SubscriptionChange{
		PriceID: "price_yearly", Plan: "pro", Price: "yearly", Proration: billing.ProrateNextPeriod,
		Owner: billing.Owner{Cluster: "cluster-1", Namespace: testNamespace, Name: "pro", UID: "uid-pro"},
	}))
	again := s.as("u1", http.MethodPatch, path, `{"plan":"pro","price":"yearly"}`, "Idempotency-Key", "k")
	s.g.Expect(again.body).To(Equal(r.body))
	s.g.Expect(s.stripe.changed).To(HaveLen(1))
	other := s.as("u1,u@example.com", http.MethodPatch, "/v1/subscriptions/paddle.sub_2",
		`{"plan":"pro","price":"yearly"}`, "Idempotency-Key", "k")
	s.g.Expect(other.problem()).To(Equal("idempotency-key-reused"), "the key is of one subscription")

	for body, want := range map[string]string{
		`{"plan":"pro","price":"yearly","amount":1}`:         "malformed",
		`{"plan":"pro","price":"free"}`:                      "not-for-sale",
		`{"plan":"pro","price":"lifetime"}`:                  "not-for-sale",
		`{"plan":"pro","price":"yearly","quantity":0}`:       "invalid",
		`{"plan":"pro","price":"yearly","proration":"Free"}`: "invalid",
		`{"plan":"pro"}`: "invalid",
		`{"plan":"pro","price":"yearly","proration":"FullImmediately"}`: "refused",
		`{"plan":"pro","price":"yearly","proration":"None"}`:            "",
		`{"plan":"pro","price":"yearly","quantity":5}`:                  "",
	} {
		s.g.Expect(s.as("u1", http.MethodPatch, path, body).problem()).To(Equal(want), body)
	}
	r = s.as("u1,u@example.com", http.MethodPatch, "/v1/subscriptions/paddle.sub_2", `{"plan":"pro","price":"usage"}`)
	s.g.Expect(r.problem()).To(Equal("refused"), "Paddle does not sell it")

	r = s.as("u1", http.MethodPatch, path, `{"plan":"pro","price":"usage"}`)
	s.g.Expect(r.status).To(Equal(200), r.body)
	s.g.Expect(s.stripe.changed[len(s.stripe.changed)-1].Metered).To(BeTrue())
}

// A second press of the button, without an Idempotency-Key, comes while the first is at the provider.
func TestChangesOfOneSubscriptionDoNotMeet(t *testing.T) {
	s := newShop(t)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	s.stripe.hold = make(chan struct{})
	change := func() int {
		return s.as("u1", http.MethodPatch, "/v1/subscriptions/stripe.sub_1", `{"plan":"pro","price":"yearly"}`).status
	}
	first, second := make(chan int, 1), make(chan int, 1)
	go func() { first <- change() }()
	<-s.stripe.hold
	go func() { second <- change() }()
	s.g.Eventually(second).Should(Receive(Equal(409)))
	s.stripe.hold <- struct{}{}
	s.g.Eventually(first).Should(Receive(Equal(200)))
	s.g.Expect(s.stripe.changed).To(HaveLen(1))
	s.stripe.hold = nil
	s.g.Expect(change()).To(Equal(200), "the next one is let through")
}

// A user would choose to pay nothing.
func TestUsersDoNotChooseTheProration(t *testing.T) {
	g := NewWithT(t)
	s := newShop(t)
	cfg := *s.settings()
	cfg.spec.Auth = v1alpha1.CheckoutAuth{JWT: &v1alpha1.JWTAuth{}}
	_, _, proration, refused := cfg.target(&change{Plan: "pro", Price: "yearly", Proration: v1alpha1.ProrationNone})
	g.Expect(refused.result).To(Equal("not-allowed"))
	g.Expect(proration).To(BeEmpty())
	_, _, proration, refused = cfg.target(&change{Plan: "pro", Price: "yearly", Proration: v1alpha1.ProrateImmediately})
	g.Expect(refused).To(BeNil(), "what counts anyway may be said")
	g.Expect(proration).To(Equal(billing.ProrateImmediately))
}

func TestPortal(t *testing.T) {
	s := newShop(t)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	for _, body := range []string{"", `{"subscription":"stripe.sub_1"}`} {
		r := s.as("u1", http.MethodPost, "/v1/portal", body)
		s.g.Expect(r.status).To(Equal(200))
		s.g.Expect(r.body).To(ContainSubstring("https://portal.example.com/cus_u1?back=https://app.example.com/account"))
	}
}

// A buyer may type anybody's address at a provider that has one customer for each, whose portal shows all purchases: so
// it is opened only for whom the address is known to be.
func TestPortalIsNotOfAnothersCustomer(t *testing.T) {
	s := newShop(t)
	mine, other := subscribed("sub_1", "u1"), subscribed("sub_2", "u1")
	other.CustomerID = "cus_of_somebody_else"
	s.paddle.subs["sub_1"], s.paddle.subs["sub_2"] = mine, other
	s.paddle.listed = func(sub billing.Subscription, who provider.User) bool {
		return sub.CustomerID == mine.CustomerID && who.Email == "u@example.com"
	}
	open := func(who, id string) int {
		return s.as(who, http.MethodPost, "/v1/portal", `{"subscription":"paddle.`+id+`"}`).status
	}
	s.g.Expect(open("u1,u@example.com", "sub_1")).To(Equal(200))
	s.g.Expect(open("u1,u@example.com", "sub_2")).To(Equal(403))
	s.g.Expect(open("u1", "sub_1")).To(Equal(403), "no address is known to be the user's")
}

// Lists lack what has ended, so that nothing tells whose the customer is.
func TestPortalOfAnEndedSubscription(t *testing.T) {
	s := newShop(t)
	over := subscribed("sub_1", "u1")
	over.Status = billing.StatusCanceled
	s.stripe.subs["sub_1"], s.paddle.subs["sub_1"] = over, over
	open := func(id string) reply {
		return s.as("u1,u@example.com", http.MethodPost, "/v1/portal", `{"subscription":"`+id+`"}`)
	}
	s.g.Expect(open("stripe.sub_1").status).To(Equal(200))
	r := open("paddle.sub_1")
	s.g.Expect(r.status).To(Equal(403))
	s.g.Expect(r.body).To(And(ContainSubstring("has ended"), Not(ContainSubstring("email"))))
	s.paddle.subs["sub_2"] = subscribed("sub_2", "u1")
	s.g.Expect(open("paddle.sub_1").status).To(Equal(200), "the same customer")
}

func TestProvidersOfOtherNamespacesHaveTheirOwnIDs(t *testing.T) {
	s := newShop(t, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Providers[0].Namespace = "billing"
		for i := range doc.Plans[0].Prices {
			doc.Plans[0].Prices[i].At[0].Provider = "billing/stripe"
		}
	})
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	s.g.Expect(s.list("u1").ids()).To(Equal([]string{"billing~stripe.sub_1"}))
	r := s.as("u1", http.MethodPost, "/v1/subscriptions/billing~stripe.sub_1/cancel", "")
	s.g.Expect(r.status).To(Equal(200))
}
