package checkoutserver

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/signin"
)

// maxEmail is the longest address, in characters.
const maxEmail = 254

// buyerEmail is the address that a checkout is filled in with. The verified one of the user counts: at a provider with
// one customer for each address, another one would be bought for somebody else.
func (p *purchase) buyerEmail(who signin.User) (string, *answer) {
	if p.Email != "" && !validEmail(p.Email) {
		return "", invalid("email is an address such as ada@example.com, without a name.")
	}
	switch {
	case who.Email == "":
		return p.Email, nil
	case p.Email != "" && !billing.SameEmail(p.Email, who.Email):
		return "", invalid("email is not the user's verified address. Leave it out: the verified one is filled in.")
	case !validEmail(who.Email):
		return "", nil // the buyer has to type one that the provider takes
	default:
		return who.Email, nil
	}
}

// validEmail admits what all providers take: a plain address alone, with a name of a host that has a dot. What else
// mail would be delivered to, such as a quoted name or an IP address, they refuse.
func validEmail(text string) bool {
	name, host, ok := strings.Cut(text, "@")
	if !ok || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxEmail {
		return false
	}
	return dotted(name, notInName) && dotted(host, notInHost) && strings.Contains(host, ".") && !numeric(host)
}

// dotted says that a text is parts with dots between, none of which is empty.
func dotted(text string, wrong func(rune) bool) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || strings.ContainsFunc(part, wrong) {
			return false
		}
	}
	return true
}

func notInName(r rune) bool {
	return notInHost(r) && !strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r)
}

func notInHost(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '-'
}

// numeric says that a host is an IP address: no domain ends in a number.
func numeric(host string) bool {
	return !strings.ContainsFunc(host[strings.LastIndexByte(host, '.')+1:], unicode.IsLetter)
}
