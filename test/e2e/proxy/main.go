// Command proxy passes plain HTTP requests on, from inside of a cluster: with it a test outside reaches Services by
// their names, as the cluster's own clients do.
package main

import (
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"time"
)

func main() {
	server := &http.Server{
		Addr: ":3128", ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Host == "" { // not for passing on
				w.WriteHeader(http.StatusNoContent)
				return
			}
			pass.ServeHTTP(w, r)
		}),
	}
	log.Fatal(server.ListenAndServe())
}

var pass = &httputil.ReverseProxy{
	Rewrite: func(*httputil.ProxyRequest) {}, // the client named everything
	// A connection for each request, so that every one goes through the Service.
	Transport: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 30 * time.Second},
	ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		log.Printf("%s: %v", r.URL.Host, err)
		// RFC 9209. Of what was not sent the test knows that it can be sent again.
		status := "e2e; error=http_response_incomplete"
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			status = "e2e; error=destination_unavailable"
		}
		w.Header().Set("Proxy-Status", status)
		w.WriteHeader(http.StatusBadGateway)
	},
}
