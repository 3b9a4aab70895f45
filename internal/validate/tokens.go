package validate

import (
	"regexp"
	"strings"
)

// token is something in a text that gives power to whoever reads it.
type token struct {
	what       string // for a message: what it is, never its text
	value      string
	start, end int
	mode       tokenMode
}

type tokenMode int

const (
	modeUnknown tokenMode = iota
	modeTest
	modeLive
)

// shape of a kind of token. The first group is all of it, the second the part that is chance.
type shape struct {
	what string
	re   *regexp.Regexp
}

// The providers' shapes, long enough that a mention of a prefix is none.
var shapes = []shape{
	{"a Stripe API key", word(`[sr]k_(?:test|live)_([0-9A-Za-z]{8,})`)},
	{"a webhook signing secret", word(`whsec_([0-9A-Za-z+/=_-]{12,})`)},
	{"a Paddle API key", word(`pdl_(?:live|sdbx)_apikey_([0-9A-Za-z_]{16,})`)},
	{"a Paddle signing secret", word(`pdl_ntfset_([0-9A-Za-z_+/=-]{12,})`)},
	{"a signed token such as a LemonSqueezy API key", word(`eyJ([\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,})`)},
}

func word(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^0-9A-Za-z_])(` + expression + `)`)
}

// tokensIn finds the providers' keys and secrets in a text. One that somebody made up as an example is none.
func tokensIn(text string) []token {
	if len(text) < 16 {
		return nil
	}
	var out []token
	for _, s := range shapes {
		for _, m := range s.re.FindAllStringSubmatchIndex(text, -1) {
			t := token{what: s.what, value: text[m[2]:m[3]], start: m[2], end: m[3]}
			if placeholder(text[m[4]:m[5]]) {
				continue
			}
			switch {
			case strings.Contains(t.value, "_live_"):
				t.mode = modeLive
			case strings.Contains(t.value, "_test_"), strings.Contains(t.value, "_sdbx_"):
				t.mode = modeTest
			}
			out = append(out, t)
		}
	}
	return out
}

// placeholder says that the part of a token that should be chance is none.
func placeholder(random string) bool {
	lower := strings.ToLower(random)
	for _, word := range []string{"example", "placeholder", "changeme", "redacted", "xxxx", "sandbox", "dummy", "fake"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	different := map[rune]bool{}
	for _, r := range random {
		different[r] = true
	}
	return len(different) < 6
}

// connection is a URL, or a libpq string, with a password in it.
type connection struct {
	start    int
	password string
}

var (
	connectionURL = regexp.MustCompile(
		`(?i)\b(?:postgres(?:ql)?|mysql|mariadb|redis|rediss|mongodb(?:\+srv)?|amqps?)://[^\s:/@"']*:([^\s@"']+)@`)
	connectionWords = regexp.MustCompile(`(?i)\bhost=\S+.*?\bpassword=(\S+)|\bpassword=(\S+).*?\bhost=`)
)

func connectionsIn(text string) []connection {
	var out []connection
	for _, re := range []*regexp.Regexp{connectionURL, connectionWords} {
		for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
			from, to := m[2], m[3]
			if from < 0 {
				from, to = m[4], m[5]
			}
			if password := strings.Trim(text[from:to], `"'`); !standsForPassword(password) {
				out = append(out, connection{start: m[0], password: password})
			}
		}
	}
	return out
}

// standsForPassword says that a text stands in for a password that comes from elsewhere.
func standsForPassword(s string) bool {
	switch strings.ToLower(s) {
	case "password", "pass", "passwd", "secret", "changeme", "example", "…", "...":
		return true
	}
	return strings.ContainsAny(s[:1], "$<{%*…") || strings.Trim(s, s[:1]) == ""
}

// sslMode finds how a connection string asks for TLS.
var sslMode = regexp.MustCompile(`(?i)[?&\s]sslmode=([a-z-]+)`)

// looseTLS says in words why a connection string of PostgreSQL may end up unencrypted, or with somebody else's server;
// empty where it cannot, or where the text is none.
func looseTLS(text string) string {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return ""
	}
	m := sslMode.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "has no sslmode, so that the connection may end up unencrypted"
	case m[1] == "disable", m[1] == "allow", m[1] == "prefer":
		return "has sslmode=" + m[1] + ", by which the connection may be unencrypted"
	case m[1] == "require":
		return "has sslmode=require, by which anybody on the way can pretend to be the server"
	}
	return ""
}
