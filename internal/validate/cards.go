package validate

import (
	"regexp"
	"slices"
	"strings"
)

var digits = regexp.MustCompile(`(?:^|[^\w.-])((?:\d[ -]?){12,18}\d)(?:$|[^\w.-]|\.(?:\s|$))`)

// testCards are numbers that the providers publish for trying things out. They are nobody's.
var testCards = []string{
	"4242424242424242", "4000000000000002", "4000000000009995", "4000000000009987", "4000000000009979",
	"4000000000000069", "4000000000000127", "4000000000000119", "4000002500003155", "4000000000000341",
	"5555555555554444", "2223003122003222", "378282246310005", "6011111111111117", "4000002760003184",
}

// cardIn is where a card number begins in a text, and the number.
func cardIn(text string) (start int, number string, ok bool) {
	if len(text) < 13 {
		return 0, "", false
	}
	for _, m := range digits.FindAllStringSubmatchIndex(text, -1) {
		raw := text[m[2]:m[3]]
		n := strings.NewReplacer(" ", "", "-", "").Replace(raw)
		if grouped(raw, n) && issued(n) && luhn(n) && !slices.Contains(testCards, n) {
			return m[2], raw, true
		}
	}
	return 0, "", false
}

var groups = regexp.MustCompile(`^(?:\d{4}([ -])\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})$`)

// grouped says that spaces and dashes are where people write them in a card's number.
func grouped(raw, number string) bool { return raw == number || groups.MatchString(raw) }

// brands are the beginnings and lengths of the numbers that cards have.
var brands = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`4(?:\d{12}|\d{15}|\d{18})`,                       // Visa
	`5[1-5]\d{14}`, `2(?:2[2-9]|[3-6]\d|7[01])\d{13}`, // Mastercard
	`3[47]\d{13}`,               // American Express
	`6(?:011|4[4-9]\d|5)\d{12}`, // Discover
	`35(?:2[89]|[3-8]\d)\d{12}`, // JCB
	`3(?:0[0-5]|[68]\d)\d{11}`,  // Diners Club
	`62\d{14}`,                  // UnionPay
}, "|") + `)$`)

func issued(number string) bool {
	// A number of few digits is somebody's example, or an empty one.
	different := map[rune]bool{}
	for _, r := range number {
		different[r] = true
	}
	return brands.MatchString(number) && len(different) > 2
}

// luhn says that the last digit fits the others, as in every card's number.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

var cardKey = regexp.MustCompile(
	`(?i)^(?:card[_-]?number|cc[_-]?number|credit[_-]?card|cvv2?|cvc2?|card[_-]?(?:cvv|cvc|code|expiry|expiration)` +
		`|(?:card[_-]?)?exp(?:iry|iration)?[_-]?(?:month|year))$`)

// cardField says that a key names something that is printed on a card.
func cardField(key string) bool { return cardKey.MatchString(key) }
