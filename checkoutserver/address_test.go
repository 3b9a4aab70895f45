package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"
)

func TestClientAddress(t *testing.T) {
	const proxy = "10.0.0.1:4711"
	for _, c := range []struct {
		reason, connection string
		forwarded          []string
		proxies            int
		want               string
	}{
		{"no proxy", "192.0.2.1:4711", nil, 0, "192.0.2.1"},
		{"no proxy, and a forged header", "192.0.2.1:4711", []string{"198.51.100.1"}, 0, "192.0.2.1"},
		{"one proxy", proxy, []string{"198.51.100.1"}, 1, "198.51.100.1"},
		{"one proxy, and forged elements", proxy, []string{"203.0.113.9, 203.0.113.8,198.51.100.1"}, 1, "198.51.100.1"},
		{"one proxy, and a forged header", proxy, []string{"203.0.113.9", "198.51.100.1"}, 1, "198.51.100.1"},
		{"two proxies", proxy, []string{"203.0.113.9, 198.51.100.1, 10.0.0.2"}, 2, "198.51.100.1"},
		{"two proxies, each with a header", proxy, []string{"203.0.113.9", "198.51.100.1", "10.0.0.2"}, 2, "198.51.100.1"},
		{"around one of two proxies", proxy, []string{"198.51.100.1"}, 2, "10.0.0.1"},
		{"around the proxy", "192.0.2.1:4711", nil, 1, "192.0.2.1"},
		{"garbage", proxy, []string{"198.51.100.1, unknown"}, 1, "10.0.0.1"},
		{"garbage further left", proxy, []string{"<script>, 198.51.100.1"}, 1, "198.51.100.1"},
		{"an empty element", proxy, []string{"198.51.100.1,"}, 1, "10.0.0.1"},
		{"an empty header", proxy, []string{""}, 1, "10.0.0.1"},
		{"white space", proxy, []string{" 198.51.100.1\t"}, 1, "198.51.100.1"},
		{"a port", proxy, []string{"198.51.100.1:4712"}, 1, "198.51.100.1"},
		{"IPv6", "[2001:db8:1:2:3:4:5:6]:4711", nil, 0, "2001:db8:1:2::/64"},
		{"IPv6 of the same client", proxy, []string{"2001:db8:1:2::ffff"}, 1, "2001:db8:1:2::/64"},
		{"IPv6 in brackets", proxy, []string{"[2001:db8:1:2::1]"}, 1, "2001:db8:1:2::/64"},
		{"IPv6 with a port", proxy, []string{"[2001:db8:1:2::1]:4712"}, 1, "2001:db8:1:2::/64"},
		{"IPv6 with a zone", "[fe80::1%eth0]:4711", nil, 0, "fe80::/64"},
		{"IPv4 in IPv6", proxy, []string{"::ffff:198.51.100.1"}, 1, "198.51.100.1"},
		{"a connection without an address", "@", nil, 1, "@"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.connection, c.forwarded
			NewWithT(t).Expect(clientAddress(r, c.proxies)).To(Equal(c.want))
		})
	}
}
