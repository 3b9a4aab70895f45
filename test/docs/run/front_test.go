package run

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/test/authority"
)

// hosts are those of the pages, which an Ingress has with a certificate, and the Services that they lead to.
var hosts = map[string]string{
	"pay.acme.com": "shop-checkout.shop.svc", "hooks.example.com": "stripe-receiver.shop.svc",
}

// front is the Internet, and an Ingress: programs reach hosts through a proxy, and their https ends here.
type front struct {
	env   []string // of programs that shall reach the hosts
	proxy atomic.Pointer[url.URL]
}

func newFront(w *world) *front {
	w.t.Helper()
	f, ca := &front{}, authority.New(w.t)
	certificates := map[string]*tls.Certificate{}
	for host := range hosts {
		data := ca.Issue(host, int64(len(certificates)+2))
		pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
		w.must(err)
		certificates[host] = &pair
	}
	ingress := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL = &url.URL{Scheme: "http", Host: hosts[r.In.Host], Path: r.In.URL.Path, RawQuery: r.In.URL.RawQuery}
			r.Out.Host = r.Out.URL.Host // the proxy goes by it
			r.Out.Header.Set("X-Forwarded-Proto", "https")
		},
		Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return f.proxy.Load(), nil }},
	})
	ingress.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return certificates[hello.ServerName], nil
	}}
	ingress.StartTLS()
	w.t.Cleanup(ingress.Close)
	internet := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if r.Method != http.MethodConnect || hosts[host] == "" {
			http.Error(rw, "no such host: "+r.Host, http.StatusBadGateway)
			return
		}
		tunnel(rw, ingress.Listener.Addr().String())
	}))
	w.t.Cleanup(internet.Close)
	trusted := filepath.Join(w.Dir, "ca.pem")
	w.must(os.WriteFile(trusted, ca.PEM, 0o600))
	f.env = []string{
		"HTTPS_PROXY=" + internet.URL, "NO_PROXY=localhost,127.0.0.0/8,127.0.0.1", "SSL_CERT_FILE=" + trusted,
		"CURL_CA_BUNDLE=" + trusted,
	}
	return f
}

// services are reached through the node.
func (f *front) services(proxyURL string) {
	if u, err := url.Parse(proxyURL); err == nil {
		f.proxy.Store(u)
	}
}

func tunnel(rw http.ResponseWriter, to string) {
	backend, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = backend.Close() }()
	client, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection Established\r\n\r\n")
	go func() {
		_, _ = io.Copy(backend, client)
		_ = backend.Close()
	}()
	_, _ = io.Copy(client, backend)
}
