package webhookserver

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"time"
)

// line is what is kept of a sink while the spec says the same about it: its connections, what is under way, and whether
// it works.
type line struct {
	transport *http.Transport
	request   *http.Request // what all requests begin with; nil when the uri cannot be used
	slots     chan struct{} // one for each request under way
	circuit   circuit
}

func newLine(transport *http.Transport, uri string, most int) *line {
	return &line{transport: transport, request: emptyRequest(uri), slots: make(chan struct{}, most)}
}

// enter waits for a slot; it is false when ctx ends. leave gives the slot back.
func (l *line) enter(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case l.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *line) leave() { <-l.slots }

// lines are the lines of the present spec. It is used by one goroutine at a time.
type lines struct {
	all        map[lineID]*line
	transports map[string]*http.Transport // by caBundle
}

type lineID struct {
	name, uri, bundle string
	most              int
}

func newLines() *lines {
	return &lines{all: map[lineID]*line{}, transports: map[string]*http.Transport{}}
}

// replace makes the lines for these sinks, keeps those that are there, and closes the others.
func (l *lines) replace(ids []lineID, pools []*x509.CertPool) []*line {
	all, transports := map[lineID]*line{}, map[string]*http.Transport{}
	out := make([]*line, len(ids))
	for i, id := range ids {
		if transports[id.bundle] == nil {
			if transports[id.bundle] = l.transports[id.bundle]; transports[id.bundle] == nil {
				transports[id.bundle] = newSinkTransport(pools[i])
			}
		}
		if out[i] = l.all[id]; out[i] == nil {
			out[i] = newLine(transports[id.bundle], id.uri, id.most)
		}
		all[id] = out[i]
	}
	for bundle, t := range l.transports {
		if transports[bundle] == nil {
			t.CloseIdleConnections()
		}
	}
	l.all, l.transports = all, transports
	return out
}

func (l *lines) close() {
	for _, t := range l.transports {
		t.CloseIdleConnections()
	}
}

func bundleID(bundle []byte) string {
	if len(bundle) == 0 {
		return ""
	}
	sum := sha256.Sum256(bundle)
	return hex.EncodeToString(sum[:])
}

// newSinkTransport checks https sinks with the pool, or the system's when it is nil. Connections are kept and used
// again.
func newSinkTransport(pool *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    3 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		// An event of usual size is written at once, header and body. A sink's answer says little.
		WriteBufferSize: 8 << 10,
		ReadBufferSize:  1 << 10,
	}
}

// statusText words an answer that is not 2xx. It has nothing of the sink's own text, which may tell anything.
func statusText(code int) string {
	text := "HTTP " + strconv.Itoa(code)
	switch {
	case code/100 == 3:
		return text + ": redirects are not followed; the sink's uri has to name where the events go"
	case code == http.StatusGone:
		return text + ": the sink wants this event no more"
	default:
		return text
	}
}
