package stripe

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestResume(t *testing.T) {
	for reason, c := range map[string]struct {
		status, more string
		sent         map[string]string // of the write, if there is one
		refused      bool
	}{
		"canceling": {"active", `"cancel_at_period_end":true,"cancel_at":1774000000,`,
			map[string]string{"cancel_at_period_end": "false"}, false},
		"ends at another time": {"active", `"cancel_at":1776000000,`, map[string]string{"cancel_at": ""}, false},
		"goes on":              {"active", "", nil, false},
		"ended":                {"canceled", "", nil, true},
		"paused by the seller": {"active", `"pause_collection":{"behavior":"void"},`, nil, true},
		"canceling, and paused by the seller": {"active",
			`"pause_collection":{"behavior":"void"},"cancel_at_period_end":true,`,
			map[string]string{"cancel_at_period_end": "false"}, false},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			s, f := seller(t, func(sent) reply { return ok(subscriptionJSON("sub_1", c.status, "42", c.more)) })
			_, err := s.Resume(t.Context(), "sub_1")
			var refused *provider.RefusalError
			g.Expect(errors.As(err, &refused)).To(Equal(c.refused), "%v", err)
			writes := f.requests()[1:]
			if c.sent == nil {
				g.Expect(writes).To(BeEmpty())
				return
			}
			g.Expect(writes).To(HaveLen(1))
			for name, value := range c.sent {
				g.Expect(writes[0].form).To(HaveKeyWithValue(name, []string{value}))
			}
			g.Expect(writes[0].form).To(HaveLen(len(c.sent)))
		})
	}
}

// A pause that came of a trial's end is the buyer's to end, as soon as there is something to charge.
func TestResumeAfterATrial(t *testing.T) {
	const paused = "paused"
	for reason, c := range map[string]struct {
		more    string
		after   reply
		paths   []string
		refused bool
		class   provider.Class
	}{
		"with a card": {after: ok(subscriptionJSON("sub_1", "active", "42", "")),
			paths: []string{"GET ", "POST /resume"}},
		"canceled as well": {more: `"cancel_at_period_end":true,`, after: ok(subscriptionJSON("sub_1", "active", "42", "")),
			paths: []string{"GET ", "POST ", "POST /resume"}},
		"a card that fails": {after: ok(subscriptionJSON("sub_1", "past_due", "42", "")),
			paths: []string{"GET ", "POST /resume"}},
		"without a card": {after: failureOf("", "resource_missing"), paths: []string{"GET ", "POST /resume"}, refused: true},
		"not paid": {after: ok(subscriptionJSON("sub_1", paused, "42", "")), paths: []string{"GET ", "POST /resume"},
			refused: true},
		"an outage": {after: failure(500, "api_error", ""), paths: []string{"GET ", "POST /resume"},
			class: provider.ClassUnavailable},
	} {
		t.Run(reason, func(t *testing.T) {
			g, paths := NewWithT(t), []string{}
			s, f := seller(t, func(r sent) reply {
				if r.path == "/v1/subscriptions/sub_1/resume" {
					return c.after
				}
				return ok(subscriptionJSON("sub_1", paused, "42", c.more))
			})
			got, err := s.Resume(t.Context(), "sub_1")
			for _, r := range f.requests() {
				paths = append(paths, r.method+" "+r.path[len("/v1/subscriptions/sub_1"):])
			}
			g.Expect(paths).To(Equal(c.paths))
			var refused *provider.RefusalError
			g.Expect(errors.As(err, &refused)).To(Equal(c.refused), "%v", err)
			switch {
			case c.refused:
				g.Expect(refused.Reason).To(ContainSubstring("is paused because it has no payment method"))
			case c.class != 0:
				g.Expect(provider.ClassOf(err)).To(Equal(c.class))
			default:
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(got.Status).NotTo(Equal(billing.StatusPaused))
			}
		})
	}
}
