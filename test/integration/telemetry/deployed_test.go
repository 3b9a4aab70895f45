// Package telemetry looks at what the deployed processes tell of themselves: metrics and traces.
package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const often = 20 * time.Millisecond

// deployed is an operator that deployed a receiver and a shop at the sandbox, and what they tell.
type deployed struct {
	*stack.Stack

	hooks     *stack.Receiver
	shop      *stack.Shop
	collector *collector
	sink      *sink
	operator  string // URL of its metrics
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	soon := []string{"OTEL_BSP_SCHEDULE_DELAY=100"}
	d := &deployed{collector: newCollector(t), sink: newSink(t)}
	d.Stack = stack.New(t, stack.Options{Node: true, OperatorEnv: soon, ServerEnv: soon})
	address := controlplane.FreeAddress(t)
	d.operator = "http://" + address + "/metrics"
	d.Operator("--metrics-bind-address="+address, "--otlp-endpoint="+d.collector.URL)
	d.CreateProvider()
	plan := stack.Plan("pro")
	d.shop = d.Shop("shop")
	endpoint := &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: v1alpha1.CheckoutEndpointSpec{
			URL: d.shop.URL(), AllowInsecureHTTP: true, SuccessURL: "http://app.example.com/done",
			Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
				SecretRef: v1alpha1.SigningSecretReference{Name: "shop-token"},
			}},
			Plans: []v1alpha1.CheckoutPlan{{Name: "pro"}},
		},
	}
	d.Create(stack.Secret("shop-token", "token", shopToken), plan, endpoint)
	d.hooks = d.CreateReceiver("hooks", stack.NewSink(t), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Sinks[0].HTTP.URI = d.sink.URL
	})
	d.hooks.AwaitReady(workload.DefaultReplicas)
	d.shop.AwaitReplicas(workload.DefaultReplicas)
	return d
}

const shopToken = "a-token-of-the-application-0123456789"

// receive has the receiver take the event, which the sink takes the second time.
func (d *deployed) receive(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	got, err := d.hooks.Send(d.hooks.URL(), stack.Event(watched), d.hooks.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Status).To(Equal(http.StatusOK))
	g.Eventually(d.sink.count, stack.Patience, often).Should(Equal(2))
}

// buy opens a checkout.
func (d *deployed) buy(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.shop.URL()+"/v1/checkouts",
		strings.NewReader(`{"plan":"pro","price":"monthly"}`))
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+shopToken)
	req.Header.Set("Kassa-User-Id", "u1")
	req.Header.Set("Content-Type", "application/json")
	got, err := d.hooks.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Status).To(Equal(http.StatusCreated), got.Body)
}

// scrape is what a process tells at that URL.
func (d *deployed) scrape(t *testing.T, at string) string {
	t.Helper()
	g := NewWithT(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	got, err := d.hooks.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Status).To(Equal(http.StatusOK), at)
	return got.Body
}

// scrapes are what all of them tell.
func (d *deployed) scrapes(t *testing.T) []string {
	t.Helper()
	out := []string{d.scrape(t, d.operator)}
	for _, p := range d.hooks.Replicas() {
		out = append(out, d.scrape(t, d.hooks.MetricsURL(p)))
	}
	for _, p := range d.shop.Replicas() {
		out = append(out, d.scrape(t, fmt.Sprintf("http://%s:%d/metrics", p.IP, workload.PortHealth)))
	}
	return out
}

func readAll(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // what is cut off is no message
	return body
}
