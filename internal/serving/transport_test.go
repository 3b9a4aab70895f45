package serving

import (
	"crypto/tls"
	"net/http"
	"testing"
)

func TestTransportOf(t *testing.T) {
	t.Parallel()
	header := func(name string, lines ...string) http.Header { return http.Header{name: lines} }
	const xfp, fwd = "X-Forwarded-Proto", "Forwarded"
	for _, c := range []struct {
		reason string
		header http.Header
		tls    bool
		want   Transport
	}{
		{"nobody said anything", nil, false, Unknown},
		{"TLS of the connection alone", nil, true, Secure},
		{"a proxy that ended TLS", header(xfp, "https"), false, Secure},
		{"a proxy that took plain HTTP", header(xfp, "http"), false, Plain},
		{"case does not matter", header(xfp, " HTTPS "), false, Secure},
		{"TLS ended outside, plain HTTP inside", header(xfp, "https, http"), false, Secure},
		{"plain HTTP outside, encrypted again inside", header(xfp, "http,https"), false, Plain},
		{"the same over two lines", header(xfp, "http", "https"), false, Plain},
		{"empty elements count for nothing", header(xfp, "", " , https"), false, Secure},
		{"a value that is neither says nothing", header(xfp, "h2"), false, Unknown},
		{"a proxy that took plain HTTP and encrypted it to us", header(xfp, "http"), true, Plain},
		{"Forwarded", header(fwd, "proto=https"), false, Secure},
		{"Forwarded, plain", header(fwd, "for=192.0.2.60;proto=http;by=203.0.113.43"), false, Plain},
		{"names of pairs in any case", header(fwd, `For="[2001:db8:cafe::17]:4711"; Proto=HTTPS`), false, Secure},
		{"quoted value", header(fwd, `proto="https"`), false, Secure},
		{"escapes in a quoted value", header(fwd, `proto="ht\tps"`), false, Secure},
		{"a quoted value may hold what separates", header(fwd, `for="_a;proto=http,proto=http";proto=https`), false, Secure},
		{"the first element counts", header(fwd, "for=1.2.3.4;proto=https, for=10.0.0.1;proto=http"), false, Secure},
		{"the first element counts, plain", header(fwd, "proto=http, proto=https"), false, Plain},
		{"a first element without a proto is not made up for", header(fwd, "for=1.2.3.4, proto=https"), false, Unknown},
		{"nor over two lines", header(fwd, "for=1.2.3.4", "proto=https"), false, Unknown},
		{"an empty line before", header(fwd, "", "proto=https"), false, Secure},
		{"no pair at all", header(fwd, "https"), false, Unknown},
		{"a quote that does not end", header(fwd, `for="a;proto=https`), false, Unknown},
		{"an escape at the end", header(fwd, `proto="https\`), false, Unknown},
		{"both agree", http.Header{xfp: {"https"}, fwd: {"proto=https"}}, false, Secure},
		{"they disagree: http counts", http.Header{xfp: {"https"}, fwd: {"proto=http"}}, false, Plain},
		{"they disagree the other way", http.Header{xfp: {"http"}, fwd: {"proto=https"}}, false, Plain},
	} {
		r := &http.Request{Header: c.header}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := TransportOf(r); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}

func FuzzTransportOf(f *testing.F) {
	f.Add("https, http", `for="[::1]";proto=https, for=_x`)
	f.Add("", `proto="\`)
	f.Fuzz(func(t *testing.T, proto, forwarded string) {
		h := http.Header{"X-Forwarded-Proto": {proto}, "Forwarded": {forwarded}}
		before := TransportOf(&http.Request{Header: h})
		if firstElement(h["X-Forwarded-Proto"]) == "" {
			return
		}
		// One more proxy behind cannot change what the first one said.
		h["X-Forwarded-Proto"] = append(h["X-Forwarded-Proto"], "http")
		if after := TransportOf(&http.Request{Header: h}); after != before {
			t.Errorf("%q and %q: %d became %d", proto, forwarded, before, after)
		}
	})
}
