package checkoutserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kassa-dev/kassa/internal/telemetry"
)

// Strangers cannot fill a collector: neither by what is refused, nor by what anybody may ask.
func TestRequestsOfStrangersMakeNoSpans(t *testing.T) {
	s := newShop(t)
	spans := tracetest.NewInMemoryExporter()
	s.server.tracer = telemetry.New(trace.WithSyncer(spans))
	sampled := []string{"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	s.send(http.MethodGet, "/v1/subscriptions", "", append(sampled, "Authorization", "Bearer guess")...)
	s.send(http.MethodGet, "/v1/plans", "", sampled...)
	s.send(http.MethodGet, "/openapi.json", "", sampled...)
	s.send(http.MethodDelete, "/v1/checkouts", "", sampled...)
	s.send(http.MethodPost, "/v1/checkouts", "", append(sampled, "Origin", "https://evil.example.com")...)
	s.send(http.MethodGet, "/nowhere", "", sampled...)
	s.g.Expect(spans.GetSpans()).To(BeEmpty())
	s.g.Expect(s.buy("u1").status).To(Equal(http.StatusCreated))
	s.g.Expect(spans.GetSpans()).To(ContainElement(HaveField("Name", "/v1/checkouts")))
}
