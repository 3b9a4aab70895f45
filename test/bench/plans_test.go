package bench

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// BenchmarkPlans applies 100 Plans of two prices each and waits until every one is Ready; one run is one operation. At
// the default rate of a test account the provider's limit is what takes the time; without a limit it is Kassa.
func BenchmarkPlans(b *testing.B) {
	for _, limit := range []struct {
		name string
		rate *v1alpha1.RateLimit
	}{
		{"limit=default", nil},
		{"limit=none", &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000}},
	} {
		b.Run(limit.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				benchmarkPlans(b, limit.rate)
			}
		})
	}
}

const plans = 100

func benchmarkPlans(b *testing.B, limit *v1alpha1.RateLimit) {
	s := stack.New(b, stack.Options{})
	operator := s.Operator()
	defer operator.Kill()
	account := s.Provider()
	account.Spec.RateLimit = limit
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), account)
	await(b, func() bool {
		var now v1alpha1.PaymentProvider
		return s.Client.Get(b.Context(), s.Key(account.Name), &now) == nil &&
			meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)
	})
	idle, _ := memory(b, operator.PID())
	before := s.Sandbox.Counts()

	b.StartTimer()
	began := time.Now()
	for i := range plans {
		s.Create(stack.Plan(fmt.Sprintf("plan-%03d", i)))
	}
	await(b, func() bool { return readyPlans(b, s) == plans })
	took := time.Since(began)
	b.StopTimer()

	after := s.Sandbox.Counts()
	now, peak := memory(b, operator.PID())
	b.ReportMetric(took.Seconds(), "s/100-plans")
	b.ReportMetric(float64(after.Writes-before.Writes)/plans, "provider-writes/plan")
	b.ReportMetric(float64(after.Reads-before.Reads)/plans, "provider-reads/plan")
	b.ReportMetric(idle, "operator-idle-MB")
	b.ReportMetric(now, "operator-MB")
	b.ReportMetric(peak, "operator-peak-MB")
}

func readyPlans(b *testing.B, s *stack.Stack) int {
	b.Helper()
	var list v1alpha1.PlanList
	if err := s.Client.List(b.Context(), &list, client.InNamespace(s.Namespace)); err != nil {
		b.Fatal(err)
	}
	ready := 0
	for i := range list.Items {
		if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionReady) {
			ready++
		}
	}
	return ready
}

// await asks until the answer is yes.
func await(b *testing.B, done func() bool) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			b.Fatal("waited too long")
		}
	}
}
