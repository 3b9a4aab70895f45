package serving

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	"golang.org/x/net/netutil"
)

// MaxConnections is how many connections a listener of Bounded has open at once: twice as many as servers take requests
// at once, so that proxies may keep some for later. One that does nothing needs about 15 kB, and 30 kB with TLS.
const MaxConnections = 2048

// Bounded lets connections wait in the kernel when as many are open as MaxConnections. Otherwise whoever opens
// connections and sends nothing could have as much of a server's memory as he likes. They are closed when their time is
// over, and those that wait come in.
func Bounded(l net.Listener) net.Listener { return netutil.LimitListener(l, MaxConnections) }

// Serve starts an HTTP server, with TLS if it has a TLSConfig; it reports when it ends by itself.
func Serve(srv *http.Server, l net.Listener, failed chan<- error) {
	run := srv.Serve
	if srv.TLSConfig != nil {
		run = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	go func() {
		if err := run(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
	}()
}

// Closing ends the connections of a server that drains, each after an answer that says so. Closing those that are idle
// at once, as net/http offers to, would cut off the request that a proxy is just sending over one of them; it would not
// be sent again, because a POST is not known to be safe to repeat. Those that stay idle are closed when the lame-duck
// time is over.
func Closing(draining *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close") // in HTTP/2: GOAWAY
		}
		next.ServeHTTP(w, r)
	})
}
