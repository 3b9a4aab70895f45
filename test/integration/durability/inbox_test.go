package durability

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

// Replicas are killed while they deliver from the inbox. Every event comes, and twice only what a killed replica had in
// hand: at most eight at each kill.
func TestKilledReplicasLoseNothingOfTheInbox(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g, random := NewWithT(t), rand.New(rand.NewPCG(seed(t), 0))
	sink.Answer(func(string, int) int { return http.StatusBadGateway })
	var ids []string
	for i := range 60 {
		id := fmt.Sprintf("evt_inbox_%02d", i)
		ids = append(ids, id)
		answer, err := r.Send(r.URL(), stack.Event(id), r.SigningSecret())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
	}
	sink.Answer(func(string, int) int {
		<-time.After(150 * time.Millisecond)
		return http.StatusOK
	})
	kills := 0
	for len(sink.Taken()) < len(ids) && kills < 4 {
		before := len(sink.Taken())
		g.Eventually(func() int { return len(sink.Taken()) }, stack.Patience, often).Should(BeNumerically(">", before))
		pods := r.Replicas()
		g.Expect(pods).NotTo(BeEmpty())
		if s.Node.Kill(pods[random.IntN(len(pods))]) {
			kills++
		}
	}
	g.Expect(kills).To(BeNumerically(">", 1))
	s.AwaitEmptyInbox()
	twice := 0
	taken := sink.Taken()
	for _, id := range ids {
		n := taken[s.CloudEventID(id)]
		g.Expect(n).To(BeNumerically(">=", 1), id)
		if n > 1 {
			twice++
		}
	}
	g.Expect(taken).To(HaveLen(len(ids)))
	g.Expect(twice).To(BeNumerically("<=", 8*kills))
	t.Logf("%d kills, %d events came twice", kills, twice)
}
