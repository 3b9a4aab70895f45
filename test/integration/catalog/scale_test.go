package catalog

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// What looking at an account costs grows with the pages of its catalogue, not with its Plans: neither when it is due
// nor after a restart does a Plan cost a call to the provider, a write to Kubernetes or a read of its account's Secret.
func TestManyPlansCostWhatTheirPagesCost(t *testing.T) {
	const (
		plans = 150
		pages = 2 + 3 + 1 // of products, of active prices and of archived ones
		check = 2         // id and mode of the account, each time it is opened
	)
	s := stack.New(t, stack.Options{})
	operator := s.Operator()
	s.CreateProvider()
	for i := range plans {
		s.Create(stack.Plan(fmt.Sprintf("plan-%03d", i)))
	}
	for i := range plans {
		eventually(s, planSays(s, fmt.Sprintf("plan-%03d", i))).Should(Equal(planReady))
	}
	made := s.Quiet()
	NewWithT(t).Expect(made.Writes).To(BeEquivalentTo(4*plans), "a product, two prices, and which of them is the default")
	again := func() {
		before := s.Sandbox.Counts()
		touch(s, account(s))
		NewWithT(t).Eventually(s.Sandbox.Counts, stack.Patience, often).ShouldNot(Equal(before))
	}
	// The account's status counts what was made.
	again()
	NewWithT(t).Eventually(func() int32 { return account(s).Status.Catalog.Products }, stack.Patience, often).
		Should(BeEquivalentTo(plans))
	s.Quiet()

	for _, look := range []struct {
		name    string
		how     func()
		calls   int64
		touches int // writes of this test
	}{
		{"the interval is over", again, pages, 1},
		{"the operator is restarted", func() { operator.Kill(); operator = s.Operator() }, pages + 2*check, 0},
	} {
		t.Run(look.name, func(t *testing.T) {
			g := NewWithT(t)
			before, count, secrets := s.Sandbox.Counts(), total(s.Writes()), s.SecretReads()
			look.how()
			g.Eventually(s.Sandbox.Counts, stack.Patience, often).
				Should(HaveField("Reads", BeNumerically(">=", before.Reads+pages)))
			after := s.Quiet()
			g.Expect(after.Writes).To(Equal(before.Writes))
			g.Expect(callsBetween(before, after)).To(BeNumerically("<=", look.calls))
			g.Expect(total(s.Writes())-count).To(Equal(look.touches), "%v", s.Writes())
			// The operator reads the Secrets of earlier tests' accounts too, but none of them for each Plan.
			g.Expect(s.SecretReads() - secrets).To(BeNumerically("<", plans/2))
		})
	}
}

func callsBetween(before, after traffic.Counts) int64 {
	return after.Reads + after.Writes - before.Reads - before.Writes
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
