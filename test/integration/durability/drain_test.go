package durability

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/stack"
)

// propagation is how long a balancer goes on using a replica that was told to stop, and one of Kubernetes may.
const propagation = 2 * time.Second

// lagging balances over the replicas as they were a while ago, over connections of its own that it keeps: a replica is
// called for a time after it was told to stop.
func lagging(t *testing.T, r *stack.Receiver) func() string {
	t.Helper()
	type view struct {
		at   time.Time
		urls []string
	}
	var mu sync.Mutex
	var views []view // oldest first; the first is the one to use
	look := func() {
		now := view{at: time.Now()}
		for _, p := range r.Replicas() {
			if p.Ready {
				now.urls = append(now.urls, r.ReplicaURL(p))
			}
		}
		mu.Lock()
		defer mu.Unlock()
		views = append(views, now)
		for len(views) > 1 && time.Since(views[1].at) > propagation {
			views = views[1:]
		}
	}
	look()
	go func() {
		for tick := time.NewTicker(often); ; {
			select {
			case <-t.Context().Done():
				tick.Stop()
				return
			case <-tick.C:
				look()
			}
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		urls := views[0].urls
		return urls[rand.N(len(urls))]
	}
}

// Five rolling restarts under load, through a balancer that learns late which replicas are going: not one request
// fails, by its answer or by its connection, and every event is delivered once.
func TestFiveRollingRestartsRefuseNothing(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	sink.Answer(slowly)
	g := NewWithT(t)
	d := r.Sender("drain")
	stop := d.Load(60, lagging(t, r))
	defer stop()
	for round := range 5 {
		old := map[string]bool{}
		for _, p := range r.Replicas() {
			old[p.Name] = true
		}
		deployment := &appsv1.Deployment{}
		deployment.Namespace, deployment.Name = s.Namespace, r.Workload()
		restart := fmt.Appendf(nil,
			`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"%d"}}}}}`, round)
		g.Expect(s.Client.Patch(t.Context(), deployment, client.RawPatch(types.MergePatchType, restart))).To(Succeed())
		g.Eventually(func(g Gomega) {
			for _, p := range r.Replicas() {
				g.Expect(old[p.Name]).To(BeFalse(), "%s is of before the restart", p.Name)
				g.Expect(p.Ready).To(BeTrue())
			}
			var there corev1.PodList
			g.Expect(s.Client.List(t.Context(), &there, client.InNamespace(s.Namespace))).To(Succeed())
			g.Expect(there.Items).To(HaveLen(2))
		}, stack.Patience, often).Should(Succeed())
	}
	stop()
	d.ExpectDelivered(t, sink, func(string) bool { return false })
	g.Expect(d.Refused).To(BeEmpty(), "%v", d.Answers)
	g.Expect(d.Broken).To(BeEmpty())
	g.Expect(d.Nobody).To(BeZero(), "a replica stopped accepting while it was still called")
	g.Expect(d.Statuses).To(Equal(map[int]int{http.StatusOK: d.Sent()}))
}
