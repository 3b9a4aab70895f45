package serving

import (
	"net/http"
	"strings"
)

// Transport is how a request came to the first machine of ours that it reached.
type Transport int

const (
	// Unknown: the connection is plain, and no proxy said anything.
	Unknown Transport = iota
	// Plain: a proxy said that the client spoke http.
	Plain
	// Secure: a proxy said that the client spoke https, or the connection is TLS and no proxy said otherwise.
	Secure
)

// TransportOf reads X-Forwarded-Proto and Forwarded (RFC 7239). Each proxy adds its element at the end, so the first
// element is of the proxy that the client spoke to: behind "https, http" the client's hop over the internet was
// encrypted, and behind "http, https" it was not, whatever the hops inside were. If the two headers disagree, http
// counts. TLS of the connection itself is only the last hop, so a proxy's "http" outweighs it.
//
// Anybody can send these headers, so they prove nothing about an attacker: what he sends is refused for want of a
// signature. They show where the event of an honest provider was readable on its way, because the endpoint was
// registered, redirected or proxied wrongly, and an honest provider sends none of them.
func TransportOf(r *http.Request) Transport {
	told := [...]Transport{transport(firstElement(r.Header["X-Forwarded-Proto"])), forwarded(r.Header["Forwarded"])}
	secure := r.TLS != nil
	for _, t := range told {
		if t == Plain {
			return Plain
		}
		secure = secure || t == Secure
	}
	if secure {
		return Secure
	}
	return Unknown
}

func transport(scheme string) Transport {
	switch strings.ToLower(strings.TrimSpace(scheme)) {
	case "http":
		return Plain
	case "https":
		return Secure
	default:
		return Unknown
	}
}

// firstElement of a header's list, which may be spread over several lines. Empty elements count for nothing.
func firstElement(lines []string) string {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(element) != "" {
				return element
			}
		}
	}
	return ""
}

// forwarded reads the proto of the first element: pairs of a name and a token or quoted string, separated by
// semicolons; a comma ends the element. What does not look so says nothing.
func forwarded(lines []string) Transport {
	for _, line := range lines {
		rest := strings.TrimLeft(line, ", \t")
		for rest != "" {
			name, after, found := strings.Cut(rest, "=")
			if !found {
				return Unknown
			}
			value, tail, ok := forwardedValue(after)
			if !ok {
				return Unknown
			}
			if strings.EqualFold(strings.TrimSpace(name), "proto") {
				return transport(value)
			}
			tail = strings.TrimLeft(tail, " \t")
			if !strings.HasPrefix(tail, ";") {
				return Unknown // the element ends without a proto
			}
			rest = tail[1:]
		}
		if strings.Trim(line, ", \t") != "" {
			return Unknown
		}
	}
	return Unknown
}

// forwardedValue takes a token or a quoted string off text.
func forwardedValue(text string) (value, tail string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ";, \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], true
	}
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return out.String(), text[i+1:], true
		case '\\':
			i++
			if i == len(text) {
				return "", "", false
			}
		}
		out.WriteByte(text[i])
	}
	return "", "", false
}
