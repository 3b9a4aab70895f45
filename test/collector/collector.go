// Package collector is an OpenTelemetry collector for tests.
package collector

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Start takes traces by OTLP over HTTP until the test ends, and returns its URL. take gets what the service of that
// name sent, and the request's header, and is not called by two at once.
func Start(
	tb testing.TB, take func(service string, header http.Header, spans *trace.ResourceSpans),
) (url string) {
	tb.Helper()
	var one sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in collect.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		one.Lock()
		defer one.Unlock()
		for _, of := range in.GetResourceSpans() {
			take(serviceOf(of), r.Header, of)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	tb.Cleanup(srv.Close)
	return srv.URL
}

func serviceOf(of *trace.ResourceSpans) string {
	for _, a := range of.GetResource().GetAttributes() {
		if a.GetKey() == "service.name" {
			return a.GetValue().GetStringValue()
		}
	}
	return "nobody"
}
