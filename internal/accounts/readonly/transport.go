package readonly

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Forward leads to a port of a Service: the address is such as 127.0.0.1:40123, and stays good until ctx ends, which
// is not a request's.
type Forward func(service types.NamespacedName, port int32) (address string, err error)

// transport reaches what is in the cluster by forward, whatever the URL's scheme, so that addresses and certificates
// are those that the operator sees.
func transport(forward Forward) http.RoundTripper {
	tunnels := &tunnels{forward: forward, open: map[string]string{}}
	return &http.Transport{
		Proxy: func(req *http.Request) (*url.URL, error) {
			if _, ok := serviceOf(req.URL.Hostname()); ok && forward != nil {
				return nil, nil //nolint:nilnil // no proxy is no error, by http.Transport's contract
			}
			return http.ProxyFromEnvironment(req)
		},
		DialContext:            tunnels.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// serviceOf reads the name that a Service has within its cluster: NAME.NAMESPACE.svc, with or without the usual domain.
func serviceOf(host string) (types.NamespacedName, bool) {
	labels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(host, "."), ".cluster.local"), ".")
	if len(labels) != 3 || labels[2] != "svc" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: labels[1], Name: labels[0]}, true
}

// tunnels are the ways to Services that were opened.
type tunnels struct {
	forward Forward
	dialer  net.Dialer

	mu   sync.Mutex
	open map[string]string // by host:port
}

func (t *tunnels) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	service, ok := serviceOf(host)
	if ok && t.forward != nil {
		if address, err = t.to(service, port, address); err != nil {
			return nil, fmt.Errorf("reaching Service %s in the cluster: %w", service, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return t.dialer.DialContext(ctx, network, address)
}

func (t *tunnels) to(service types.NamespacedName, port, address string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if local, ok := t.open[address]; ok {
		return local, nil
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return "", err
	}
	local, err := t.forward(service, int32(number))
	if err == nil {
		t.open[address] = local
	}
	return local, err
}
