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
	client  *http.Client
	slots   chan struct{} // one for each request under way
	circuit circuit
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
	all     map[lineID]*line
	clients map[string]*http.Client // by caBundle
}

type lineID struct {
	name, uri, bundle string
	most              int
}

func newLines() *lines { return &lines{all: map[lineID]*line{}, clients: map[string]*http.Client{}} }

// replace makes the lines for these sinks, keeps those that are there, and closes the others.
func (l *lines) replace(ids []lineID, pools []*x509.CertPool) []*line {
	all, clients := map[lineID]*line{}, map[string]*http.Client{}
	out := make([]*line, len(ids))
	for i, id := range ids {
		if clients[id.bundle] == nil {
			if clients[id.bundle] = l.clients[id.bundle]; clients[id.bundle] == nil {
				clients[id.bundle] = newSinkClient(pools[i])
			}
		}
		if out[i] = l.all[id]; out[i] == nil {
			out[i] = &line{client: clients[id.bundle], slots: make(chan struct{}, id.most)}
		}
		all[id] = out[i]
	}
	for bundle, c := range l.clients {
		if clients[bundle] == nil {
			c.CloseIdleConnections()
		}
	}
	l.all, l.clients = all, clients
	return out
}

func (l *lines) close() {
	for _, c := range l.clients {
		c.CloseIdleConnections()
	}
}

func bundleID(bundle []byte) string {
	if len(bundle) == 0 {
		return ""
	}
	sum := sha256.Sum256(bundle)
	return hex.EncodeToString(sum[:])
}

// newSinkClient checks https sinks with the pool, or the system's when it is nil. Connections are kept and used again.
func newSinkClient(pool *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
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
		},
		// A redirect would carry the event to a place that the spec does not name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
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
