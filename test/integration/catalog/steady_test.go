package catalog

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// Plans that nobody changed cost no write to Kubernetes and no call to the provider, whatever makes the operator look
// at them again: their own reconcile, the account's, or a restart. The account's snapshot is read once for all.
func TestUnchangedPlansCostNothing(t *testing.T) {
	const plans = 20
	s := stack.New(t, stack.Options{})
	operator := s.Operator()
	s.CreateProvider()
	for i := range plans {
		s.Create(stack.Plan(fmt.Sprintf("plan-%d", i)))
	}
	for i := range plans {
		eventually(s, planSays(s, fmt.Sprintf("plan-%d", i))).Should(Equal(planReady))
	}
	s.Quiet()
	// Another snapshot, so that the account's status counts what the Plans made.
	operator.Kill()
	operator = s.Operator()
	NewWithT(t).Eventually(func() int32 { return account(s).Status.Catalog.Products }, stack.Patience, often).
		Should(BeEquivalentTo(plans))
	s.Quiet()

	versions := func() (v []string) {
		for i := range plans {
			v = append(v, plan(s, fmt.Sprintf("plan-%d", i)).ResourceVersion)
		}
		return append(v, account(s).ResourceVersion)
	}

	t.Run("one is asked for", func(t *testing.T) {
		g, before := NewWithT(t), s.Sandbox.Counts()
		touch(s, plan(s, "plan-3"))
		touched, count := versions(), total(s.Writes())
		g.Eventually(func() traffic.Counts { return s.Sandbox.Counts() }, stack.Patience, often).ShouldNot(Equal(before))
		after := s.Quiet()
		g.Expect(after.Writes).To(Equal(before.Writes))
		g.Expect(after.Reads-before.Reads).To(BeEquivalentTo(3), "its product, its active prices and its archived ones")
		g.Expect(versions()).To(Equal(touched))
		g.Expect(total(s.Writes())).To(Equal(count))
	})

	t.Run("the operator is restarted", func(t *testing.T) {
		g := NewWithT(t)
		before, count, was := s.Sandbox.Counts(), total(s.Writes()), versions()
		operator.Kill()
		s.Operator()
		g.Eventually(func() traffic.Counts { return s.Sandbox.Counts() }, stack.Patience, often).ShouldNot(Equal(before))
		after := s.Quiet()
		g.Expect(after.Writes).To(Equal(before.Writes))
		g.Expect(versions()).To(Equal(was))
		g.Expect(total(s.Writes())).To(Equal(count))
		// The snapshot, for all Plans together: a page of products, one of active prices and one of archived ones. The
		// account is looked at by whoever needs it first, and once more by its own reconcile: id and mode.
		calls := s.Sandbox.Requests()[before.Reads+before.Writes:]
		paths := map[string]int{}
		for _, r := range calls {
			paths[r.Method+" "+r.Path]++
		}
		g.Expect(paths["GET /v1/prices"]).To(Equal(2), "%v", paths)
		g.Expect(len(calls)).To(BeNumerically("<=", 7), "%v", paths)
	})
}
