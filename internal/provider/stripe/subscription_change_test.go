package stripe

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func toYearly(proration billing.Proration) provider.SubscriptionChange {
	return provider.SubscriptionChange{
		PriceID: "price_2", Owner: testOwner, Plan: "pro", Price: "yearly", Proration: proration, IdempotencyKey: "k",
	}
}

func TestChangeParams(t *testing.T) {
	for proration, behavior := range map[billing.Proration]string{
		billing.ProrateImmediately: "always_invoice", billing.ProrateNextPeriod: "create_prorations",
		billing.ProrationNone: "none",
	} {
		g := NewWithT(t)
		s, f := seller(t, func(sent) reply { return ok(subscriptionJSON("sub_1", "active", "42", "")) })
		_, err := s.Change(t.Context(), "sub_1", toYearly(proration))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(f.requests()).To(HaveLen(2))
		g.Expect(f.requests()[1].key).To(Equal("k"))
		form := map[string]string{}
		for name := range f.requests()[1].form {
			form[name] = f.requests()[1].form.Get(name)
		}
		g.Expect(form).To(Equal(map[string]string{
			"items[0][id]": "si_1", "items[0][price]": "price_2", "items[0][quantity]": "2",
			"proration_behavior": behavior, "payment_behavior": "error_if_incomplete", "metadata[kassa_plan]": "shop/pro",
			"metadata[kassa_price]": "yearly", "metadata[kassa_uid]": "u1", "metadata[kassa_cluster]": "c1",
		}))
	}
}

// What is billed by reported usage has no quantity, and Stripe refuses one.
func TestChangeToAMeteredPrice(t *testing.T) {
	g := NewWithT(t)
	s, f := seller(t, func(sent) reply { return ok(subscriptionJSON("sub_1", "active", "42", "")) })
	to := toYearly(billing.ProrationNone)
	to.Metered = true
	_, err := s.Change(t.Context(), "sub_1", to)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.requests()[1].form).To(HaveKey("items[0][price]"))
	g.Expect(f.requests()[1].form).NotTo(HaveKey("items[0][quantity]"))
}

// A buyer is told why a card was refused, and nothing else of what Stripe writes.
func TestWhatABuyerIsToldOfADecline(t *testing.T) {
	for kind, told := range map[string]string{"card_error": ": no", "invalid_request_error": ""} {
		g := NewWithT(t)
		s, _ := seller(t, func(r sent) reply {
			if r.method == "GET" {
				return ok(subscriptionJSON("sub_1", "active", "42", ""))
			}
			return failure(402, kind, "x")
		})
		_, err := s.Change(t.Context(), "sub_1", toYearly(billing.ProrationNone))
		var refusal *provider.RefusalError
		g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
		g.Expect(refusal.Reason).To(HaveSuffix("so that nothing was changed"+told), kind)
	}
}

func TestChangesThatAreNotSent(t *testing.T) {
	one := subscriptionJSON("sub_1", "active", "42", "")
	_, item, _ := strings.Cut(one, `"data":[`)
	item = strings.TrimSuffix(item, "]}}")
	same := toYearly(billing.ProrationNone)
	same.PriceID = "price_1"
	for reason, c := range map[string]struct {
		json    string
		to      provider.SubscriptionChange
		refused string
	}{
		"has it already":   {one, same, ""},
		"full price now":   {one, toYearly(billing.FullImmediately), "FullImmediately"},
		"full price later": {one, toYearly(billing.FullNextPeriod), "FullNextPeriod"},
		"several prices": {strings.TrimSuffix(one, "]}}") + "," + item + "]}}", toYearly(billing.ProrationNone),
			"several prices"},
		"more than one page": {strings.Replace(one, `"has_more":false`, `"has_more":true`, 1),
			toYearly(billing.ProrationNone), "several"},
		"ended": {subscriptionJSON("sub_1", "canceled", "42", ""), toYearly(billing.ProrationNone), "ended"},
	} {
		g := NewWithT(t)
		s, f := seller(t, func(sent) reply { return ok(c.json) })
		_, err := s.Change(t.Context(), "sub_1", c.to)
		g.Expect(f.requests()).To(HaveLen(1), reason)
		if c.refused == "" {
			g.Expect(err).NotTo(HaveOccurred(), reason)
			continue
		}
		var refusal *provider.RefusalError
		g.Expect(errors.As(err, &refusal)).To(BeTrue(), reason)
		g.Expect(err).To(MatchError(And(HavePrefix("Stripe "), ContainSubstring(c.refused))), reason)
	}
}

func TestChangeReplays(t *testing.T) {
	before := subscriptionJSON("sub_1", "active", "42", "")
	after := ok(strings.ReplaceAll(before, `"price_1"`, `"price_2"`))
	replayed := func(r reply) reply { return r.with("Idempotent-Replayed", "true") }
	declined := failure(402, "card_error", "card_declined")
	for reason, c := range map[string]struct {
		first   reply
		done    bool // before the second read
		keys    []string
		refused bool
		fails   bool
		class   provider.Class
	}{
		"no such price": {first: failureOf("items[0][price]", "resource_missing"), keys: []string{"k"}, fails: true,
			class: provider.ClassTerminal},
		"gone meanwhile": {first: failure(404, "invalid_request_error", "resource_missing"), keys: []string{"k"},
			fails: true, class: provider.ClassNotFound},
		"an outage": {first: failure(500, "api_error", ""), keys: []string{"k"}, fails: true,
			class: provider.ClassUnavailable},
		"changed":                        {first: after, keys: []string{"k"}},
		"the answer was lost":            {first: replayed(after), done: true, keys: []string{"k"}},
		"changed back since":             {first: replayed(after), keys: []string{"k", "k-r1"}},
		"declined":                       {first: declined, keys: []string{"k"}, refused: true},
		"declined with the card of then": {first: replayed(declined), keys: []string{"k", "k-r1"}},
	} {
		t.Run(reason, func(t *testing.T) {
			g, reads := NewWithT(t), 0
			s, f := seller(t, func(r sent) reply {
				switch {
				case r.method == "GET":
					reads++
					if c.done && reads > 1 {
						return after
					}
					return ok(before)
				case r.key == "k":
					return c.first
				}
				return after
			})
			got, err := s.Change(t.Context(), "sub_1", toYearly(billing.ProrateImmediately))
			g.Expect(keysOf(f)).To(Equal(c.keys))
			var refusal *provider.RefusalError
			g.Expect(errors.As(err, &refusal)).To(Equal(c.refused), "%v", err)
			switch {
			case c.fails:
				g.Expect(provider.ClassOf(err)).To(Equal(c.class), "%v", err)
			case !c.refused:
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(got.PriceID).To(Equal("price_2"))
			}
		})
	}
}
