package checkoutserver

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientGroup is the part of an IPv6 address that one client has at least: it can take any address in it.
const clientGroup = 64

// clientAddress is what an anonymous client is told apart by. Each trusted proxy adds the address that it saw to the
// end of X-Forwarded-For, so that the client's is as many from the right as there are proxies; what is further left,
// anybody may have written. Where it is not there, the request came around the proxies, and the connection's counts.
func clientAddress(r *http.Request, trustedProxies int) string {
	if trustedProxies > 0 {
		if group, ok := groupOf(fromRight(r.Header.Values("X-Forwarded-For"), trustedProxies)); ok {
			return group
		}
	}
	if group, ok := groupOf(r.RemoteAddr); ok {
		return group
	}
	return r.RemoteAddr
}

// fromRight is the n-th element from the right of a list that may come in several headers; empty where there are fewer.
func fromRight(headers []string, n int) string {
	for i := len(headers) - 1; i >= 0; i-- {
		for rest, more := headers[i], true; more; n-- {
			element := rest
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, element = rest[:at], rest[at+1:]
			} else {
				more = false
			}
			if n == 1 {
				return strings.TrimSpace(element)
			}
		}
	}
	return ""
}

// groupOf is an IPv4 address, or the group of an IPv6 one; either may have a port.
func groupOf(text string) (string, bool) {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return "", false
		}
		addr = with.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String(), true
	}
	group, err := addr.Prefix(clientGroup)
	return group.String(), err == nil
}
