package recovery

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// What was asked for and cannot be had is not asked for any more: it ends, and another time is looked at without
// waiting for its turn.
func TestAskedIsTakenBack(t *testing.T) {
	s := stack.New(t, forgetful)
	p := &pair{Stack: s, WithT: NewWithT(t), toHooks: stack.NewSink(t)}
	s.Operator()
	s.CreateProvider()
	p.hooks = s.CreateReceiver("hooks", p.toHooks, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
	})
	p.hooks.AwaitReady(workload.DefaultReplicas)
	p.Expect(s.Sandbox.Faults().Add(traffic.Fault{Path: "/v1/events", Times: -1, Status: 500})).To(Succeed())
	ask := func(begin time.Time) (asked string) {
		object := p.hooks.Object()
		asked = begin.UTC().Format(time.RFC3339) + "/" + time.Now().UTC().Format(time.RFC3339)
		p.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked} })
		return asked
	}
	becomes := func(m ...OmegaMatcher) {
		t.Helper()
		p.Eventually(func() v1alpha1.RecoveryStatus {
			if r := p.hooks.Object().Status.Recovery; r != nil {
				return *r
			}
			return v1alpha1.RecoveryStatus{}
		}, stack.Patience, often).Should(And(m...))
	}
	first := ask(time.Now().Add(-2 * time.Hour))
	becomes(HaveField("Reason", v1alpha1.ReasonUnreachable), HaveField("Pass.Asked", first), HaveField("Asked", ""))

	object := p.hooks.Object()
	p.Change(object, func() { object.Annotations = nil })
	becomes(HaveField("Reason", ""), HaveField("Pass", BeNil()), HaveField("Asked", first),
		HaveField("AskedResult", HavePrefix("given up, because the annotation is gone")))

	s.Sandbox.Faults().Clear()
	second := ask(time.Now().Add(-time.Hour))
	becomes(HaveField("Asked", second), HaveField("AskedResult", HaveSuffix("had not come, and were fetched")))
}
