package checkoutserver

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	// maxRedirect bounds a URL that a client names, in bytes, as the CheckoutEndpoint bounds its own.
	maxRedirect = 2048
	// sessionPlaceholder becomes the checkout's id in a success URL.
	sessionPlaceholder = "{SESSION_ID}"
)

var (
	// absoluteURL takes a URL apart so narrowly that every reader of URLs finds the same parts: no user, no backslash,
	// no missing or further slash, nothing escaped in the host.
	absoluteURL = regexp.MustCompile(`^(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?([/?#].*)?$`)
	// restOfURL is a path, query and fragment in the characters of RFC 3986.
	restOfURL = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$`)
	// numeric is a last label by which browsers take a host for an IPv4 address.
	numeric = regexp.MustCompile(`^(?:\d+|0[xX][0-9A-Fa-f]*)$`)
)

// origins are those whose pages may call the server and that a checkout may lead to.
type origins struct {
	allowed map[string]bool // as browsers write them; without allowInsecureHTTP, only https
}

// newOrigins reads those that a CheckoutEndpoint names. The error says which field is to be put right.
func newOrigins(spec v1alpha1.CheckoutEndpointSpec) (*origins, error) {
	o := &origins{allowed: map[string]bool{}}
	add := func(field, raw string) error {
		origin, _, err := originOf(raw)
		if err == nil && !spec.AllowInsecureHTTP && !strings.HasPrefix(origin, "https://") {
			err = errors.New("the URL is not https")
		}
		if err != nil {
			return fmt.Errorf("spec.%s: %w", field, err)
		}
		o.allowed[origin] = true
		return nil
	}
	for i, raw := range spec.AllowedOrigins {
		if err := add(fmt.Sprintf("allowedOrigins[%d]", i), raw); err != nil {
			return nil, err
		}
	}
	if err := add("url", spec.URL); err != nil {
		return nil, err
	}
	if err := add("successURL", spec.SuccessURL); err != nil {
		return nil, err
	}
	if spec.CancelURL == "" {
		return o, nil
	}
	return o, add("cancelURL", spec.CancelURL)
}

// redirect takes a URL that a client wants to be led to. It is refused unless its origin is allowed and browsers read
// the same origin from it. {SESSION_ID} stays in it. The error is safe to show and has nothing of the URL.
func (o *origins) redirect(raw string) (string, error) {
	if len(raw) > maxRedirect {
		return "", fmt.Errorf("the URL is over %d bytes", maxRedirect)
	}
	origin, rest, err := originOf(raw)
	if err != nil {
		return "", err
	}
	if !o.allowed[origin] {
		return "", errors.New("the URL's origin is not among the CheckoutEndpoint's allowedOrigins")
	}
	if !restOfURL.MatchString(strings.ReplaceAll(rest, sessionPlaceholder, "-")) {
		return "", errors.New("the URL has characters that must be percent-encoded")
	}
	if u, err := url.Parse(raw); err != nil || u.User != nil || u.Opaque != "" {
		return "", errors.New("the URL is not well-formed")
	}
	return raw, nil
}

// originOf is a URL's origin as browsers write it, and what comes after it.
func originOf(raw string) (origin, rest string, err error) {
	parts := absoluteURL.FindStringSubmatch(raw)
	if parts == nil {
		return "", "", errors.New("the URL is not a plain absolute one such as https://app.example.com/done")
	}
	scheme, host, port, rest := parts[1], parts[2], parts[3], parts[4]
	if host, err = hostOf(host); err != nil {
		return "", "", err
	}
	if port, err = portOf(scheme, port); err != nil {
		return "", "", err
	}
	return scheme + "://" + host + port, rest, nil
}

// hostOf is a host as browsers write it. They read many texts as an IPv4 address, such as 0x7f.1; only the usual
// writing is taken.
func hostOf(host string) (string, error) {
	host = strings.ToLower(host)
	if inner, is := strings.CutPrefix(host, "["); is {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !addr.Is6() || addr.Is4In6() {
			return "", errors.New("the URL's host is no IPv6 address")
		}
		return "[" + addr.String() + "]", nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" {
			return "", errors.New("the URL's host has an empty label")
		}
	}
	if !numeric.MatchString(labels[len(labels)-1]) {
		return host, nil
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
		return "", errors.New("the URL's host is no IPv4 address in the usual writing")
	}
	return host, nil
}

// portOf is a port with its colon, or empty for the scheme's own.
func portOf(scheme, port string) (string, error) {
	if port == "" || port == map[string]string{"http": "80", "https": "443"}[scheme] {
		return "", nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", errors.New("the URL's port is not between 0 and 65535")
	}
	return ":" + port, nil
}
