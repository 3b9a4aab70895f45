package stack

import (
	"fmt"
	"net/http"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/localnode"
)

// Shop is the deployed server of a CheckoutEndpoint of the stack.
type Shop struct {
	Name string
	// Through takes requests to Services by name through the node's proxy, and to replicas straight.
	Through *http.Client

	s *Stack
}

// Shop is the server of a CheckoutEndpoint, which may not be there yet.
func (s *Stack) Shop(name string) *Shop {
	s.T.Helper()
	return &Shop{Name: name, Through: s.httpClient(), s: s}
}

// Workload is the name of the Deployment and of the Service.
func (h *Shop) Workload() string {
	e := &v1alpha1.CheckoutEndpoint{}
	e.Namespace, e.Name = h.s.Namespace, h.Name
	return workload.Checkout{Object: e}.Server().Name()
}

// Host is the Service's.
func (h *Shop) Host() string { return h.Workload() + "." + h.s.Namespace + ".svc" }

// URL goes through the Service to any ready replica.
func (h *Shop) URL() string { return "http://" + h.Host() }

// ReplicaURL goes to one replica.
func (h *Shop) ReplicaURL(p localnode.Pod) string {
	return fmt.Sprintf("http://%s:%d", p.IP, workload.PortHTTP)
}

// Replicas are the pods that are not ending.
func (h *Shop) Replicas() []localnode.Pod { return h.s.Node.Pods(h.s.Namespace, h.Workload()) }

// AwaitReplicas waits until so many replicas, and no others, are ready, and the CheckoutEndpoint says that all is well.
func (h *Shop) AwaitReplicas(n int) []localnode.Pod {
	h.s.T.Helper()
	NewWithT(h.s.T).Eventually(func(g Gomega) {
		pods := h.Replicas()
		g.Expect(pods).To(HaveLen(n))
		for _, p := range pods {
			g.Expect(p.Ready).To(BeTrue(), p.Name)
		}
	}, Patience, often).Should(Succeed())
	e := &v1alpha1.CheckoutEndpoint{}
	e.Name = h.Name
	h.s.AwaitState(e, "Current True "+v1alpha1.ReasonSucceeded)
	return h.Replicas()
}
