// Package originstest has URLs by which somebody might lead a buyer astray, for the tests of whatever takes a URL.
package originstest

import (
	"strings"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// Spec is that of a CheckoutEndpoint whose URLs have a few origins.
func Spec(edits ...func(*v1alpha1.CheckoutEndpointSpec)) *v1alpha1.CheckoutEndpointSpec {
	spec := &v1alpha1.CheckoutEndpointSpec{
		URL:            "https://pay.acme.com/shop",
		AllowedOrigins: []string{"https://app.acme.com", "https://dev.acme.com:8443", "https://192.0.2.1"},
		SuccessURL:     "https://done.acme.com/?session={SESSION_ID}",
		CancelURL:      "https://Pricing.acme.com:443",
	}
	for _, edit := range edits {
		edit(spec)
	}
	return spec
}

// Hostile URLs lead away from the origins of Spec, or would in a browser, or may do so in one.
var Hostile = []string{
	"", " ", "/", "/done", "//evil.com", "///evil.com", `\\evil.com`, `/\evil.com`, "app.acme.com", "?a", "#a", ".",
	// Another host.
	"https://evil.com", "https://acme.com", "https://xapp.acme.com", "https://x.app.acme.com",
	"https://app.acme.com.evil.com",
	"https://app.acme.comevil.com", "https://app.acme.com-evil.com", "https://app-acme.com", "https://app.acme.com.",
	"https://app.acme.com..", "https://.app.acme.com", "https://app..acme.com", "https://evil.com/https://app.acme.com",
	"https://evil.com?https://app.acme.com", "https://evil.com#https://app.acme.com", "https://evil.com;app.acme.com/",
	// Somebody as a user.
	"https://app.acme.com@evil.com", "https://app.acme.com:443@evil.com", "https://app.acme.com:@evil.com",
	"https://user@app.acme.com", "https://user:password@app.acme.com", "https://@app.acme.com",
	"https://:@app.acme.com",
	"https://evil.com@app.acme.com", "https://app.acme.com%40evil.com", "https://app.acme.com%2f@evil.com",
	// Backslashes are slashes to browsers, and to nobody else.
	`https:\\app.acme.com`, `https:/\app.acme.com`, `https:\\evil.com`, `https://app.acme.com\evil.com`,
	`https://app.acme.com\@evil.com`, `https://evil.com\@app.acme.com`, `https://evil.com\.app.acme.com`,
	`https://app.acme.com/\evil.com`, `https://app.acme.com?\`, `https://app.acme.com#\`,
	// Slashes too few or too many, which browsers put right.
	"https:evil.com", "https:app.acme.com", "https:/app.acme.com", "https:///app.acme.com", "https:////evil.com",
	"https:///evil.com", "https:", "https:/", "https://", "https:///", "https://?app.acme.com", "https://#app.acme.com",
	// What browsers drop or trim.
	"\thttps://app.acme.com", " https://app.acme.com", "https://app.acme.com ", "https://app.acme.com\n",
	"ht\ttps://app.acme.com",
	"https://app\t.acme.com", "https://app.acme.com\t.evil.com", "https:/\n/evil.com",
	"https://app.acme.com/\r\nLocation: /",
	"\x00https://app.acme.com", "https://app.acme.com/\x00", "https://app.acme.com/\x7f", "https://app.acme.com/a b",
	"\ufeffhttps://app.acme.com", "\u00a0https://app.acme.com",
	// Ports.
	"https://app.acme.com:80", "https://app.acme.com:8443", "https://app.acme.com:", "https://app.acme.com:0443",
	"https://app.acme.com:443443", "https://app.acme.com:65979", "https://app.acme.com:-443",
	"https://app.acme.com:443:443",
	"https://app.acme.com:443.evil.com", "https://dev.acme.com", "https://dev.acme.com:443",
	"https://app.acme.com:４４３",
	// Schemes.
	"http://app.acme.com", "http://app.acme.com:443", "javascript:alert(1)", "javascript://app.acme.com/%0aalert(1)",
	"JavaScript://app.acme.com/%0aalert(1)", "java\nscript:alert(1)", "data:text/html,a", "data://app.acme.com/,a",
	"ftp://app.acme.com", "ws://app.acme.com", "wss://app.acme.com", "file://app.acme.com/a",
	"blob:https://app.acme.com/a",
	"view-source:https://app.acme.com", "intent://app.acme.com#Intent;end", "httpss://app.acme.com",
	"xhttps://app.acme.com",
	"https+a://app.acme.com", "HTTPS://app.acme.com", "://app.acme.com", "https//app.acme.com",
	// Letters that look alike, or become others.
	"https://аpp.acme.com", "https://app.acme。com", "https://app．acme.com", "https://ａpp.acme.com",
	"https://app.acme.com／evil.com",
	"https://app.acme.com\u200b", "https://app.ac\u00adme.com", "https://app.acme.com？evil",
	"https://app.acme.com＃evil",
	"https://evil.com／app.acme.com", "https://ﬀ.acme.com", "https://xn--pp-7ka.acme.com", "https://ſ.acme.com",
	// Percent-encoded hosts.
	"https://%61pp.acme.com", "https://app%2eacme.com", "https://app.acme.com%2eevil.com",
	"https://app.acme.com%00.evil.com",
	"https://app.acme.com%09", "https://evil.com%2f.app.acme.com", "https://evil.com%23.app.acme.com",
	"https://app.acme.com%",
	// Addresses.
	"https://3221225985", "https://0xc0000201", "https://192.0.513", "https://192.0.2.01", "https://0300.0.2.1",
	"https://192.0.2.1.",
	"https://[::ffff:192.0.2.1]", "https://[::1]", "https://[::1%25eth0]", "https://[app.acme.com]", "https://[",
	"https://[]",
	"https://app.acme.com[", "https://[::1]app.acme.com", "https://[::1].app.acme.com",
	// Characters that are not a URL's, and placeholders that are not ours.
	`https://app.acme.com/"onload="`, "https://app.acme.com/<script>", "https://app.acme.com/`",
	"https://app.acme.com/^|",
	"https://app.acme.com/é", "https://app.acme.com/%zz", "https://app.acme.com/%",
	"https://app.acme.com/{CHECKOUT_SESSION_ID}",
	"https://app.acme.com/{session_id}", "https://app.acme.com/{", "https://{SESSION_ID}",
	"https://app.acme.com{SESSION_ID}",
	"https://{SESSION_ID}.acme.com", "https://app.acme.com/%{SESSION_ID}41", "https://app.acme.com?%4{SESSION_ID}1",
	"https://app.acme.com:{SESSION_ID}",
	"{SESSION_ID}https://app.acme.com", "https://app.acme.com/{SESSION_{SESSION_ID}ID}", "https://*.acme.com",
	"https://*",
	"https://app.acme.com/" + strings.Repeat("a", 2048),
	"https://" + strings.Repeat("a.", 1000) + "app.acme.com",
}
