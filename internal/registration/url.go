package registration

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/provider"
)

// queryName tells endpoints of one server apart where the provider lets no two have the same URL. The server looks at
// the path alone.
const queryName = "kassa"

var variant = regexp.MustCompile(`[?&]` + queryName + `=\d+$`)

// baseOf is an endpoint's URL without what tells it apart.
func baseOf(url string) string { return variant.ReplaceAllString(url, "") }

func variantOf(url string, n int) string {
	if n == 0 {
		return url
	}
	sign := "?"
	if strings.Contains(url, "?") {
		sign = "&"
	}
	return url + sign + queryName + "=" + strconv.Itoa(n)
}

// freeURL is the receiver's URL in the first form that no endpoint has but except, which shall have it.
func (s *State) freeURL(except string) string {
	if !s.Traits.UniqueURL || !s.Traits.Marks {
		return s.URL
	}
	for n := 0; ; n++ {
		url := variantOf(s.URL, n)
		taken := slices.ContainsFunc(s.Observed, func(e provider.Endpoint) bool {
			return e.ID != except && e.URL == url
		})
		if !taken {
			return url
		}
	}
}

// urlOf is the URL that an endpoint shall have: its own, as long as that is a form of the receiver's.
func (s *State) urlOf(e *provider.Endpoint) string {
	if e.URL == s.URL || s.Traits.UniqueURL && s.Traits.Marks && baseOf(e.URL) == s.URL {
		return e.URL
	}
	return s.freeURL(e.ID)
}
