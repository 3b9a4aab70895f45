package catalog

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// However the provider fails while a Plan is created or changed, the Plan says so, the operator backs off, and once
// the provider is back the Plan is as its spec says, with nothing made twice.
func TestTheProviderFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault traffic.Fault
	}{
		{"500 before the work", traffic.Fault{Status: http.StatusInternalServerError}},
		{"500 after the work", traffic.Fault{Status: http.StatusInternalServerError, After: true}},
		{"500 that Stripe remembers", traffic.Fault{Status: http.StatusInternalServerError, Saved: true}},
		{"503", traffic.Fault{Status: http.StatusServiceUnavailable}},
		{"reset before the work", traffic.Fault{Reset: true}},
		{"reset after the work", traffic.Fault{Reset: true, After: true}},
		{"an answer cut short", traffic.Fault{Body: traffic.BodyTruncated}},
		{"an answer that is no JSON", traffic.Fault{Body: traffic.BodyGarbage}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stack.New(t, stack.Options{})
			s.Operator()
			s.CreateProvider()
			eventually(s, accountSays(s)).Should(Equal(accountReady))
			quiet(s)

			c.fault.Method, c.fault.Times = http.MethodPost, -1
			fail := func(calls int64) {
				t.Helper()
				before := s.Sandbox.Counts().Writes
				NewWithT(t).Eventually(func() int64 { return s.Sandbox.Counts().Writes - before }, stack.Patience, often).
					Should(BeNumerically(">=", calls))
			}
			g := NewWithT(t)
			g.Expect(s.Sandbox.Faults().Add(c.fault)).To(Succeed())
			s.Create(stack.Plan("pro"))
			fail(2)
			eventually(s, planSays(s, "pro")).Should(Equal("False/" + v1alpha1.ReasonUnreachable + " Reconciling"))
			s.Sandbox.Faults().Clear()
			eventually(s, planSays(s, "pro")).Should(Equal(planReady))
			expectOneOfEach(s, "pro")

			g.Expect(s.Sandbox.Faults().Add(c.fault)).To(Succeed())
			change(s, plan(s, "pro"), func(p *v1alpha1.Plan) { p.Spec.Prices[0].Amount = "39.00" })
			fail(2)
			eventually(s, planSays(s, "pro")).Should(Equal("Unknown/" + v1alpha1.ReasonUnreachable + " Reconciling"))
			s.Sandbox.Faults().Clear()
			eventually(s, planSays(s, "pro")).Should(Equal(planReady))
			names, inactive := active(s, "pro")
			g.Expect(names).To(Equal([]string{"monthly", "yearly"}))
			g.Expect(inactive).To(Equal(1))
			g.Expect(products(s, "pro")).To(HaveLen(1))
		})
	}
}

// A provider that cannot be reached at all is asked less and less often, however many Plans wait for it.
func TestTheProviderIsAway(t *testing.T) {
	const plans = 20
	s := stack.New(t, stack.Options{})
	g := NewWithT(t)
	g.Expect(s.Sandbox.Faults().Add(traffic.Fault{Status: http.StatusBadGateway, Times: -1})).To(Succeed())
	s.Operator()
	s.CreateProvider()
	for i := range plans {
		s.Create(stack.Plan(fmt.Sprintf("plan-%d", i)))
	}
	eventually(s, accountSays(s)).Should(Equal("False/" + v1alpha1.ReasonUnreachable + " Reconciling"))
	for i := range plans {
		eventually(s, planSays(s, fmt.Sprintf("plan-%d", i))).Should(
			Equal("False/" + v1alpha1.ReasonProviderNotReady + " Reconciling"))
	}
	// One check serves all, and its pauses double from a second: six checks come in half a minute, of one call each.
	g.Consistently(func() int64 { c := s.Sandbox.Counts(); return c.Reads + c.Writes }, 4*time.Second, often).
		Should(BeNumerically("<=", 8))
	s.Sandbox.Faults().Clear()
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	for i := range plans {
		eventually(s, planSays(s, fmt.Sprintf("plan-%d", i))).Should(Equal(planReady))
		expectOneOfEach(s, fmt.Sprintf("plan-%d", i))
	}
}

// After a 429 nothing is sent before Retry-After is over.
func TestRetryAfterIsRespected(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	quiet(s)
	g := NewWithT(t)
	const pause = 3 * time.Second
	g.Expect(s.Sandbox.Faults().Add(traffic.Fault{
		Status: http.StatusTooManyRequests, RetryAfter: "3", Method: http.MethodPost,
	})).To(Succeed())
	times := make(chan time.Time, 1000)
	s.Sandbox.OnRequest(func(p traffic.Phase, r traffic.Request) {
		if p == traffic.BeforeCommit && r.Write() {
			times <- time.Now()
		}
	})
	s.Create(stack.Plan("pro"))
	eventually(s, planSays(s, "pro")).Should(Equal("False/" + v1alpha1.ReasonRateLimited + " Reconciling"))
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	first, second := <-times, <-times
	g.Expect(second.Sub(first)).To(BeNumerically(">=", pause))
	expectOneOfEach(s, "pro")
}

// Two operators, one of which works: when it is killed the other goes on, and nothing is made twice.
func TestTheOtherOperatorTakesOver(t *testing.T) {
	s := stack.New(t, stack.Options{})
	election := []string{"--leader-elect", "--leader-election-namespace=" + s.Namespace}
	leader := s.Operator(election...)
	s.CreateProvider()
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	s.Operator(election...)
	killed := make(chan struct{})
	s.Sandbox.OnRequest(func(p traffic.Phase, r traffic.Request) {
		if p == traffic.AfterCommit && r.Write() && r.Path == "/v1/prices" {
			s.Sandbox.OnRequest(nil)
			leader.Kill()
			close(killed)
		}
	})
	s.Create(stack.Plan("pro"))
	<-killed
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	expectOneOfEach(s, "pro")
}
