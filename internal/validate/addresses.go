package validate

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// plainAbroad says that a URL is http and leads out of the cluster and the machine.
func plainAbroad(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && strings.EqualFold(u.Scheme, "http") && !near(u.Hostname())
}

func plainHTTP(raw string) bool { return strings.HasPrefix(strings.ToLower(raw), "http://") }

// near says that a host is in the cluster or on the machine: what is sent there crosses no network of others.
func near(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	switch {
	case !strings.Contains(host, "."): // a Service of the same namespace, or localhost
		return true
	case strings.HasSuffix(host, ".svc"), strings.Contains(host, ".svc."), strings.HasSuffix(host, ".localhost"),
		strings.HasSuffix(host, ".cluster.local"):
		return true
	}
	// What ends with no domain of the internet is service.namespace, or a name of somebody's own network. Of the shape
	// service.namespace, too, is a name below a domain such as .shop, and that counts as abroad.
	suffix, public := publicsuffix.PublicSuffix(host)
	return !public && !strings.Contains(suffix, ".")
}

// sameAddress is a URL as servers see it: the case of the host, the port that the scheme has, a last slash, query and
// fragment do not count.
func sameAddress(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	port := u.Port()
	if (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		port = ""
	}
	if port != "" {
		port = ":" + port
	}
	return strings.ToLower(u.Hostname()) + port + strings.TrimSuffix(u.Path, "/")
}

// abroad says that a URL leads out of the cluster and the machine.
func abroad(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Hostname() != "" && !near(u.Hostname())
}
