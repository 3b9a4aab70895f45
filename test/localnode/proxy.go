package localnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 30 * time.Second
)

// proxy is an HTTP forward proxy that knows Services by name, as a cluster's DNS and kube-proxy do together. Other
// hosts are reached only on this machine, unless the node allows external ones.
type proxy struct {
	node   *Node
	url    string
	server *http.Server
	dialer net.Dialer
}

func startProxy(ctx context.Context, n *Node) (*proxy, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{node: n, url: "http://" + l.Addr().String(), dialer: net.Dialer{Timeout: dialTimeout}}
	forward := &httputil.ReverseProxy{
		Rewrite: rewrite,
		Transport: &http.Transport{
			DialContext: p.dialer.DialContext, DisableCompression: true, MaxIdleConnsPerHost: 32,
			IdleConnTimeout: headerTimeout,
		},
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, fmt.Sprintf("local node: %s: %v", r.Host, err), http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.serve(forward, w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
	}
	n.wg.Go(func() {
		if err := p.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			n.logf("proxy: %v", err)
		}
	})
	// Stop waits for the server's goroutine, so the end of the node's context must end it.
	context.AfterFunc(ctx, p.close)
	return p, nil
}

func (p *proxy) close() { _ = p.server.Close() }

type backendKey struct{}

func (p *proxy) serve(forward *httputil.ReverseProxy, w http.ResponseWriter, r *http.Request) {
	connect := r.Method == http.MethodConnect
	if !connect && (!r.URL.IsAbs() || r.URL.Scheme != "http") {
		http.Error(w, "local node: this is a proxy for http:// URLs and CONNECT", http.StatusBadRequest)
		return
	}
	address, err := p.resolve(r.URL)
	if err != nil {
		http.Error(w, "local node: "+err.Error(), http.StatusBadGateway)
		return
	}
	if connect {
		p.tunnel(w, r, address)
		return
	}
	forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), backendKey{}, address)))
}

// resolve turns a request's target into an address to dial.
func (p *proxy) resolve(target *url.URL) (string, error) {
	host, port := target.Hostname(), target.Port()
	if port == "" {
		port = "80"
	}
	if namespace, name, ok := serviceName(host); ok && net.ParseIP(host) == nil {
		number, err := parsePort(port)
		if err != nil {
			return "", fmt.Errorf("port %s: %w", port, err)
		}
		if _, known := p.node.services.Services(namespace).Get(name); known == nil || !p.node.options.AllowExternal {
			return p.node.backend(namespace, name, number)
		}
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() || p.node.options.AllowExternal {
		return net.JoinHostPort(host, port), nil
	}
	return "", fmt.Errorf("%s is neither a Service nor on this machine", host)
}

// rewrite sends the request to the chosen pod and leaves the rest of it as it came.
func rewrite(r *httputil.ProxyRequest) {
	address, _ := r.In.Context().Value(backendKey{}).(string)
	r.Out.URL.Host = address
	r.Out.Host = r.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
}

func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request, address string) {
	backend, err := p.dialer.DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, fmt.Sprintf("local node: %s: %v", r.Host, err), http.StatusBadGateway)
		return
	}
	defer func() { _ = backend.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "local node: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		return
	}
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n)
		if _, err := backend.Write(early); err != nil {
			return
		}
	}
	pipe(client, backend)
}

// pipe copies both ways until both are over. The end of one way is passed on as the end of writing.
func pipe(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyHalf(a, b)
	}()
	copyHalf(b, a)
	<-done
}

func copyHalf(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
