package leaks

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"

	otlp "github.com/kassa-dev/kassa/test/collector"
)

// collector keeps all of traces, and all that comes with them.
type collector struct {
	URL string

	mu  sync.Mutex
	all map[string]*strings.Builder // by the service that sent it
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{all: map[string]*strings.Builder{}}
	c.URL = otlp.Start(t, c.take)
	return c
}

func (c *collector) take(service string, header http.Header, of *trace.ResourceSpans) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[service] == nil {
		c.all[service] = &strings.Builder{}
	}
	_ = header.Write(c.all[service])
	c.all[service].WriteString(prototext.Format(of))
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
