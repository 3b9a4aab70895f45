package leaks

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// collector takes traces as an OpenTelemetry collector does, and keeps all that comes with them.
type collector struct {
	*httptest.Server

	mu  sync.Mutex
	all map[string]*strings.Builder // by the service that sent it
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{all: map[string]*strings.Builder{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in collect.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err != nil || proto.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.take(r.Header, &in)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(header http.Header, in *collect.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range in.GetResourceSpans() {
		service := "nobody"
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		if c.all[service] == nil {
			c.all[service] = &strings.Builder{}
		}
		_ = header.Write(c.all[service])
		c.all[service].WriteString(prototext.Format(of))
	}
}

// traces adds what the collector has got.
func (l *life) traces() {
	l.T.Helper()
	l.collector.mu.Lock()
	defer l.collector.mu.Unlock()
	for service, text := range l.collector.all {
		l.evidence.add("traces of "+service, text.String())
	}
}
