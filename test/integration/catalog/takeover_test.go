package catalog

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// Two operators, one of which works: when it is killed the other goes on, and nothing is made twice.
func TestTheOtherOperatorTakesOver(t *testing.T) {
	s := stack.New(t, stack.Options{})
	election := []string{"--leader-elect", "--leader-election-namespace=" + stack.OperatorNamespace}
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
