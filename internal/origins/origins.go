// Package origins says which URLs a CheckoutEndpoint may name, which of them a buyer may be led to, and whose pages may
// call its server. The operator and the server read the same URLs with it, so that what the server would not take is in
// the endpoint's conditions. What the CRD's rules can say, they say first.
package origins

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// maxRedirect bounds a URL that a client names, in bytes, as the CheckoutEndpoint bounds its own.
const maxRedirect = 2048

var (
	// absoluteURL takes a URL apart so narrowly that every reader of URLs finds the same parts: no user, no backslash,
	// no missing or further slash, nothing escaped in the host.
	absoluteURL = regexp.MustCompile(`^(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?([/?#].*)?$`)
	// restOfURL is a path, query and fragment in the characters of RFC 3986.
	restOfURL = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$`)
	// numeric is a last label by which browsers take a host for an IPv4 address.
	numeric = regexp.MustCompile(`^(?:\d+|0[xX][0-9A-Fa-f]*)$`)
)

// Origins are those whose pages may call the server and that a checkout may lead to.
type Origins struct {
	allowed map[string]bool // as browsers write them; without allowInsecureHTTP, only https
}

// Of reads the URLs of a CheckoutEndpoint. The error says which field is to be put right, and how.
func Of(spec *v1alpha1.CheckoutEndpointSpec) (*Origins, error) {
	o := &Origins{allowed: map[string]bool{}}
	for i, raw := range spec.AllowedOrigins {
		origin, rest, err := read(raw, spec.AllowInsecureHTTP)
		if err == nil && rest != "" {
			err = errors.New("an origin has nothing after its host and port")
		}
		if err != nil {
			return nil, fmt.Errorf("spec.allowedOrigins[%d]: %w", i, err)
		}
		o.allowed[origin] = true
	}
	for _, u := range urlsOf(spec) {
		origin, rest, err := read(u.raw, spec.AllowInsecureHTTP)
		if err == nil {
			err = u.check(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("spec.%s: %w", u.field, err)
		}
		if u.leads {
			o.allowed[origin] = true
		}
	}
	return o, nil
}

// named is a URL of a spec.
type named struct {
	field, raw string
	leads      bool // its origin is an allowed one
	session    bool // {SESSION_ID} may be in it
}

func urlsOf(spec *v1alpha1.CheckoutEndpointSpec) []named {
	list := []named{
		{field: "url", raw: spec.URL, leads: true},
		{field: "successURL", raw: spec.SuccessURL, leads: true, session: true},
	}
	if spec.CancelURL != "" {
		list = append(list, named{field: "cancelURL", raw: spec.CancelURL, leads: true, session: true})
	}
	if p := spec.CustomerPortal; p != nil {
		list = append(list, named{field: "customerPortal.returnURL", raw: p.ReturnURL})
	}
	if jwt := spec.Auth.JWT; jwt != nil {
		list = append(list, named{field: "auth.jwt.issuer", raw: jwt.Issuer})
		if jwt.JWKSURL != "" {
			list = append(list, named{field: "auth.jwt.jwksURL", raw: jwt.JWKSURL})
		}
	}
	return list
}

func (u named) check(rest string) error {
	if u.session {
		return checkRest(rest)
	}
	if !restOfURL.MatchString(rest) {
		return errors.New("the URL has characters that must be percent-encoded")
	}
	return nil
}

// checkRest takes what comes after an origin.
func checkRest(rest string) error {
	if !restOfURL.MatchString(strings.ReplaceAll(rest, billing.SessionIDPlaceholder, "-")) {
		return errors.New("the URL has characters that must be percent-encoded, or braces that are not those of " +
			billing.SessionIDPlaceholder)
	}
	return nil
}

// read is originOf for a URL of a spec.
func read(raw string, insecure bool) (origin, rest string, err error) {
	if origin, rest, err = originOf(raw); err != nil {
		return "", "", err
	}
	if !insecure && !strings.HasPrefix(origin, "https://") {
		return "", "", errors.New("the URL is not https; for a sandbox, set allowInsecureHTTP: true")
	}
	return origin, rest, nil
}

// Allows says whether a header Origin is an allowed one. A browser writes it in exactly one way.
func (o *Origins) Allows(sent string) bool {
	origin, rest, err := originOf(sent)
	return err == nil && rest == "" && origin == sent && o.allowed[origin]
}

// Redirect takes a URL that a client wants to be led to. It is refused unless its origin is allowed and browsers read
// the same origin from it. {SESSION_ID} stays in it. The error is safe to show and has nothing of the URL.
func (o *Origins) Redirect(raw string) (string, error) {
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
	if err := checkRest(rest); err != nil {
		return "", err
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
		return "", "", errors.New("the URL is not a plain absolute one such as https://app.example.com/done, without a " +
			"user, and with a host in ASCII")
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
		switch {
		case err != nil || !addr.Is6():
			return "", errors.New("the URL's host is no IPv6 address")
		case addr.Is4In6():
			return "", errors.New("the URL's host is an IPv4 address in the writing of an IPv6 address")
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
