package telemetry

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	otlp "github.com/kassa-dev/kassa/test/collector"
)

// span is what a collector got to know of one.
type span struct {
	service, name, trace, id, parent string
	attributes                       map[string]string
}

// collector knows the spans of traces.
type collector struct {
	URL string

	mu    sync.Mutex
	spans []span
	raw   strings.Builder
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.URL = otlp.Start(t, c.take)
	return c
}

func (c *collector) take(service string, _ http.Header, of *trace.ResourceSpans) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, _ := proto.Marshal(of)
	c.raw.Write(all)
	for _, scope := range of.GetScopeSpans() {
		for _, s := range scope.GetSpans() {
			out := span{
				service: service, name: s.GetName(), trace: hex.EncodeToString(s.GetTraceId()),
				id: hex.EncodeToString(s.GetSpanId()), parent: hex.EncodeToString(s.GetParentSpanId()),
				attributes: map[string]string{},
			}
			for _, a := range s.GetAttributes() {
				out.attributes[a.GetKey()] = a.GetValue().GetStringValue()
			}
			c.spans = append(c.spans, out)
		}
	}
}

// find are the spans that are so.
func (c *collector) find(so func(span) bool) (out []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if so(s) {
			out = append(out, s)
		}
	}
	return out
}

// text is all that came.
func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// watched is the event that is looked at. The sandbox sends others.
const watched = "evt_traced"

// sink refuses that event the first time, and remembers the headers.
type sink struct {
	*httptest.Server

	mu      sync.Mutex
	parents []string
}

func newSink(t *testing.T) *sink {
	k := &sink{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !bytes.Contains(readAll(r), []byte(watched)) {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.parents = append(k.parents, r.Header.Get("traceparent"))
		if len(k.parents) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *sink) count() int { return len(k.traceparents()) }

func (k *sink) traceparents() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.parents...)
}
