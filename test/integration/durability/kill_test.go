package durability

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/stack"
)

// seed of the random moments; KASSA_SEED repeats a run.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("KASSA_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		n = given
	}
	t.Logf("KASSA_SEED=%d", n)
	return n
}

// slowly makes the sink's work take a moment, so that a kill finds events in hand.
func slowly(string, int) int {
	<-time.After(10 * time.Millisecond)
	return http.StatusOK
}

// Replicas die at random moments under load. What was acknowledged is never lost, and only what a killed replica had
// in hand may come twice, under the same id.
func TestKilledReplicasLoseNothing(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	sink.Answer(slowly)
	g, random := NewWithT(t), rand.New(rand.NewPCG(seed(t), 0))
	d := r.Sender("kill")
	stop := d.Load(100, r.AnyReplica())
	defer stop()
	kills := 0
	for range 3 {
		for range 4 {
			<-time.After(100*time.Millisecond + time.Duration(random.Int64N(int64(500*time.Millisecond))))
			pods := r.Replicas()
			g.Expect(pods).NotTo(BeEmpty())
			if s.Node.Kill(pods[random.IntN(len(pods))]) {
				kills++
			}
		}
		r.AwaitReady(2)
	}
	stop()
	g.Expect(kills).To(BeNumerically(">", 6))
	d.ExpectDelivered(t, sink, d.WasBroken)
	t.Logf("%d kills", kills)
}

// A rolling restart under load: no request fails but by its connection, and every event is delivered once.
func TestRollingRestartLosesNothing(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	sink.Answer(slowly)
	g := NewWithT(t)
	old := map[string]bool{}
	for _, p := range r.Replicas() {
		old[p.Name] = true
	}
	d := r.Sender("roll")
	stop := d.Load(50, r.URL)
	defer stop()
	restart := []byte(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`)
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = s.Namespace, r.Workload()
	g.Expect(s.Client.Patch(t.Context(), deployment, client.RawPatch(types.MergePatchType, restart))).To(Succeed())
	g.Eventually(func(g Gomega) {
		pods := r.Replicas()
		g.Expect(pods).To(HaveLen(2))
		for _, p := range pods {
			g.Expect(old[p.Name]).To(BeFalse(), "%s is of before the restart", p.Name)
			g.Expect(p.Ready).To(BeTrue())
		}
		// The old replicas are drained while the new ones work.
		var there corev1.PodList
		g.Expect(s.Client.List(t.Context(), &there, client.InNamespace(s.Namespace))).To(Succeed())
		g.Expect(there.Items).To(HaveLen(2))
	}, stack.Patience, often).Should(Succeed())
	stop()
	d.ExpectDelivered(t, sink, d.WasBroken)
	g.Expect(d.Refused).To(BeEmpty(), "%v", d.Answers)
	// What the old replicas counted is in the status: they wrote it before they ended.
	g.Eventually(func() int64 { return r.Object().Status.Events.Processed }, stack.Patience, often).
		Should(BeNumerically(">=", int64(d.Sent())-int64(len(d.Broken))))
}
