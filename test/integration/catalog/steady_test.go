package catalog

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
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
		touched, count := versions(), writes(t, s)
		g.Eventually(func() traffic.Counts { return s.Sandbox.Counts() }, stack.Patience, often).ShouldNot(Equal(before))
		after := s.Quiet()
		g.Expect(after.Writes).To(Equal(before.Writes))
		g.Expect(after.Reads-before.Reads).To(BeEquivalentTo(3), "its product, its active prices and its archived ones")
		g.Expect(versions()).To(Equal(touched))
		g.Expect(writes(t, s)).To(Equal(count))
	})

	t.Run("the operator is restarted", func(t *testing.T) {
		g := NewWithT(t)
		before, count, was := s.Sandbox.Counts(), writes(t, s), versions()
		operator.Kill()
		s.Operator()
		g.Eventually(func() traffic.Counts { return s.Sandbox.Counts() }, stack.Patience, often).ShouldNot(Equal(before))
		after := s.Quiet()
		g.Expect(after.Writes).To(Equal(before.Writes))
		g.Expect(versions()).To(Equal(was))
		g.Expect(writes(t, s)).To(Equal(count))
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

// writes counts the writes of Kassa's objects that the API server has served, of anybody.
func writes(t *testing.T, s *stack.Stack) (sum int) {
	t.Helper()
	c, err := kubernetes.NewForConfig(s.Plane.Config())
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.RESTClient().Get().AbsPath("/metrics").DoRaw(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		l := string(line)
		if !strings.HasPrefix(l, "apiserver_request_total{") || !strings.Contains(l, `group="`+v1alpha1.GroupVersion.Group) {
			continue
		}
		if slices.ContainsFunc([]string{"GET", "LIST", "WATCH"}, func(verb string) bool {
			return strings.Contains(l, `verb="`+verb+`"`)
		}) {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(l[strings.LastIndex(l, " ")+1:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += int(n)
	}
	return sum
}
