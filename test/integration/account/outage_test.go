package account

import (
	"context"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// outage is a way in which a provider fails.
type outage struct {
	fault traffic.Fault // at every request; the zero value: none
	down  bool          // connections are refused
	page  int           // a proxy answers with an HTML page and this status
}

var outages = map[string]outage{
	"connections are refused":  {down: true},
	"a proxy's page as 200":    {page: http.StatusOK},
	"a proxy's page as 502":    {page: http.StatusBadGateway},
	"500":                      {fault: traffic.Fault{Status: http.StatusInternalServerError}},
	"500 after the work":       {fault: traffic.Fault{Status: http.StatusInternalServerError, After: true, Saved: true}},
	"503":                      {fault: traffic.Fault{Status: http.StatusServiceUnavailable}},
	"connections are reset":    {fault: traffic.Fault{Reset: true, After: true}},
	"answers are cut short":    {fault: traffic.Fault{Body: traffic.BodyTruncated}},
	"answers are slow and bad": {fault: traffic.Fault{Body: traffic.BodyGarbage, DelayMillis: 300}},
}

// duration of an outage: long enough that a back-off shows.
const duration = 4 * time.Second

// test has a Plan change and another be made during the outage. Everything says so and goes on by itself, calls get
// fewer, and in the end nothing is there twice.
func (o outage) test(t *testing.T) {
	var page atomic.Int64
	s := deploy(t, stack.Options{Front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status := int(page.Load()); status != 0 {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(status)
				_, _ = w.Write([]byte("<html>Bad gateway</html>"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}}, "pro")
	g := NewWithT(t)
	began, a := time.Now(), watch(s)
	if o.down {
		s.SandboxDown()
	}
	page.Store(int64(o.page))
	if o.fault != (traffic.Fault{}) {
		o.fault.Times = -1
		g.Expect(s.Sandbox.Faults().Add(o.fault)).To(Succeed())
	}
	pro := plan("pro")
	s.Change(pro, func() { pro.Spec.Prices[0].Amount = "39.00" })
	s.Create(stack.Plan("new"))
	resync(s)
	for object, states := range map[string][]string{"pro": {"InProgress Unknown "}, "new": {"InProgress False "}} {
		s.AwaitState(plan(object), states[0]+v1alpha1.ReasonUnreachable, states[0]+v1alpha1.ReasonProviderNotReady)
	}
	pp := account()
	s.AwaitState(pp, "InProgress Unknown "+v1alpha1.ReasonUnreachable)
	g.Expect(stack.Message(pp)).To(HavePrefix("Stripe: "))
	g.Eventually(func() time.Duration { return time.Since(began) }, stack.Patience, often).
		Should(BeNumerically(">=", duration))
	// Each Plan doubles its pauses from half a second, the account from a second, two requests at a time, and the
	// account's change of state wakes the Plans once. The HTTP client repeats some requests whose connection breaks.
	attempts := 3 + math.Log2(1+2*time.Since(began).Seconds())
	g.Expect(len(a.all())).To(BeNumerically("<=", 8*attempts), "%v", a.paths())

	page.Store(0)
	s.Sandbox.Faults().Clear()
	if o.down {
		s.SandboxUp()
	}
	s.AwaitState(pro, planReady)
	s.AwaitState(plan("new"), planReady)
	s.AwaitState(pp, accountReady)
	t.Logf("all is well %v after the outage began; %d calls", time.Since(began), len(a.all()))
	g.Expect(sold(s, s.APIKey(), "new")).To(Equal(wanted("new")))
	g.Expect(sold(s, s.APIKey(), "pro")).To(Equal(catalogue{[]string{"Plan pro"}, []string{"monthly", "yearly"}, 1}))
}

// An account that could not be reached from the start is Unreachable, not merely unknown.
func anAccountThatWasNeverUp(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.SandboxDown()
	s.CreateProvider()
	s.Create(stack.Plan("pro"))
	pp, pro := account(), plan("pro")
	s.AwaitState(pp, "InProgress False "+v1alpha1.ReasonUnreachable)
	s.AwaitState(pro, "InProgress False "+v1alpha1.ReasonProviderNotReady)
	g := NewWithT(t)
	g.Expect(stack.Message(pp)).To(ContainSubstring("connection refused"))
	g.Expect(stack.Message(pro)).To(Equal(
		`stripe: PaymentProvider "stripe" is not ready: Unreachable; its conditions say more`))
	s.SandboxUp()
	s.AwaitState(pp, accountReady)
	s.AwaitState(pro, planReady)
	g.Expect(sold(s, s.APIKey(), "pro")).To(Equal(wanted("pro")))
}

// A Retry-After that one request got holds for all of the account's: other Plans', and the account's own.
func aPauseForTheAccount(t *testing.T) {
	s := deploy(t, stack.Options{})
	g, a := NewWithT(t), watch(s)
	const pause = 4 * time.Second
	g.Expect(s.Sandbox.Faults().Add(traffic.Fault{
		Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "4",
	})).To(Succeed())
	s.Create(stack.Plan("pro"))
	s.AwaitState(plan("pro"), "InProgress False "+v1alpha1.ReasonRateLimited)
	s.Create(stack.Plan("new"))
	resync(s)
	s.AwaitState(account(), "InProgress Unknown "+v1alpha1.ReasonRateLimited)
	s.AwaitState(plan("new"), "InProgress False "+v1alpha1.ReasonRateLimited,
		"InProgress False "+v1alpha1.ReasonProviderNotReady)
	for _, name := range []string{"pro", "new"} {
		s.AwaitState(plan(name), planReady)
		g.Expect(sold(s, s.APIKey(), name)).To(Equal(wanted(name)))
	}
	s.AwaitState(account(), accountReady)
	var limited time.Time
	for _, r := range a.all() {
		if !limited.IsZero() {
			g.Expect(r.at.Sub(limited)).To(BeNumerically(">=", pause), "%s %s", r.Method, r.Path)
		}
		if strings.Contains(r.Fault, "429") {
			limited = r.at
		}
	}
	g.Expect(limited).NotTo(BeZero())
}

// During an outage deletions wait and say so, and end by themselves. An account waits for its Plans.
func deletionDuringAnOutage(t *testing.T) {
	s := deploy(t, stack.Options{}, "pro")
	pro, pp := plan("pro"), account()
	g := NewWithT(t)
	s.SandboxDown()
	g.Expect(s.Client.Delete(context.Background(), withNamespace(s, pp))).To(Succeed())
	s.AwaitState(pp, "Terminating False "+v1alpha1.ReasonInUse)
	g.Expect(stack.Message(pp)).To(HavePrefix("still referred to by Plan pro"))
	g.Expect(s.Client.Delete(context.Background(), withNamespace(s, pro))).To(Succeed())
	g.Eventually(func() string {
		return s.State(pro) + ": " + stack.Message(pro)
	}, stack.Patience, often).Should(And(
		HavePrefix("Terminating Unknown "), ContainSubstring("Unreachable"),
		HaveSuffix("; set spec.deletionPolicy to Orphan to let the Plan go without archiving it")))
	g.Expect(s.State(pp)).To(Equal("Terminating False " + v1alpha1.ReasonInUse))
	s.SandboxUp()
	s.AwaitState(pro, "NotFound")
	s.AwaitState(pp, "NotFound")
	g.Expect(sold(s, s.APIKey(), "pro").Products).To(Equal([]string{"Plan pro (archived)"}))
}

func withNamespace[T interface{ SetNamespace(string) }](s *stack.Stack, o T) T {
	o.SetNamespace(s.Namespace)
	return o
}
