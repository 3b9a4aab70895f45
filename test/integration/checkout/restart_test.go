package checkout

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/localnode"
	"github.com/kassa-dev/kassa/test/stack"
)

// Two rolling restarts under load, through the Service: no checkout is refused, by its answer or by its connection, and
// no request is sent twice.
func rollingRestart(d *deployed) {
	load := loading(d.t, 3, func(n int) string {
		return refusedBy(send(d.Through, http.MethodPost, d.URL()+"/v1/checkouts", monthly, of(fmt.Sprint("roll-", n))...))
	})
	for round := range 2 {
		d.pods = d.Replicas()
		patch := fmt.Appendf(nil,
			`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"%d"}}}}}`, round)
		d.g.Expect(d.Client.Patch(d.t.Context(), d.deployment(), client.RawPatch(types.MergePatchType, patch))).
			To(Succeed())
		d.g.Eventually(func(g Gomega) {
			now := d.deployment()
			g.Expect(now.Status.ObservedGeneration).To(Equal(now.Generation))
			g.Expect([]int32{now.Status.UpdatedReplicas, now.Status.ReadyReplicas, now.Status.Replicas}).
				To(Equal([]int32{2, 2, 2}))
			for _, p := range d.Replicas() {
				g.Expect(slices.Contains(d.pods, p)).To(BeFalse(), "%s is of before the restart", p.Name)
			}
		}, stack.Patience, often).Should(Succeed())
	}
	load.more(d.g, 10)
	made, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty(), "of %d", made)
	d.settle()
}

// Replicas are killed under load. A client that sends again what was not answered, with its Idempotency-Key, is
// answered in the end, and has bought once.
func killedReplicas(d *deployed) {
	var mu sync.Mutex
	answered, broken := map[string]string{}, 0
	load := loading(d.t, 3, func(n int) string {
		user := fmt.Sprint("kill-", n)
		for deadline := time.Now().Add(stack.Patience); ; {
			r, err := d.keyed(d.URL(), user, "order-1")
			why := refusedBy(r, err)
			mu.Lock()
			if why == "" {
				answered[user] = r.member("id")
				mu.Unlock()
				return ""
			}
			broken++
			mu.Unlock()
			if time.Now().After(deadline) {
				return why
			}
		}
	})
	for range 3 {
		for _, p := range d.Replicas() {
			load.more(d.g, 20)
			restarts := p.Restarts
			d.g.Expect(d.Node.Kill(p)).To(BeTrue())
			d.g.Eventually(func() bool {
				i := slices.IndexFunc(d.Replicas(), func(now localnode.Pod) bool { return now.Name == p.Name })
				return i >= 0 && d.Replicas()[i].Restarts > restarts && d.Replicas()[i].Ready
			}, stack.Patience, often).Should(BeTrue())
		}
	}
	made, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty(), "of %d", made)
	d.g.Expect(answered).To(HaveLen(made))
	sessions := d.sessions()
	for _, user := range slices.Sorted(maps.Keys(answered)) {
		d.g.Expect(sessions[user]).To(Equal([]string{answered[user]}), user)
	}
	d.t.Logf("%d purchases, %d requests without an answer", made, broken)
}
