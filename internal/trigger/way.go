package trigger

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Way is how a receiver is reached.
type Way struct {
	// URL that events are posted to. With Forward its host is still to be replaced.
	URL *url.URL
	// Forward: the way leads through the API server to the receiver's Service, at Port.
	Forward bool
	Port    int32
	// Chosen: nobody asked for Forward, but the URL leads nowhere from outside of the cluster.
	Chosen bool
	// Header tells the receiver what a proxy in front of it would.
	Header http.Header
}

// WayTo a receiver: to an address that is given, through the API server if that is asked for, and otherwise to the URL
// that the provider calls, because that is the way to be tried. A URL of a Service is of use within the cluster alone.
func WayTo(r *v1alpha1.WebhookReceiver, address string, forward bool) (Way, error) {
	text := r.Spec.URL
	if r.Spec.Suspend && r.Status.URL != "" {
		text = r.Status.URL // the deployed server stays with it
	}
	public, err := url.Parse(text)
	if err != nil || public.Host == "" {
		return Way{}, fmt.Errorf("the WebhookReceiver's URL %q is none", text)
	}
	if address != "" {
		return wayTo(address, public)
	}
	w := Way{URL: public}
	if inside := isService(public.Hostname()); !forward && !inside {
		return w, nil
	}
	w.Forward, w.Chosen, w.Port = true, !forward, 80
	at := *public
	at.Scheme, at.Host = "http", ""
	if r.Spec.TLS != nil {
		at.Scheme, w.Port = "https", 443
	} else if public.Scheme == "https" {
		// The way through the API server is encrypted, and spec.httpsPolicy may ask for proof.
		w.Header = http.Header{"X-Forwarded-Proto": {"https"}}
	}
	w.URL = &at
	return w, nil
}

func wayTo(address string, public *url.URL) (Way, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return Way{}, fmt.Errorf("--address %q is no URL such as http://127.0.0.1:8080", address)
	}
	if at.Path == "" || at.Path == "/" {
		at.Path = public.Path
	}
	return Way{URL: at}, nil
}

// isService says that a host is the name of a Service.
func isService(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return net.ParseIP(host) == nil && (strings.HasSuffix(host, ".svc") || strings.Contains(host, ".svc."))
}
