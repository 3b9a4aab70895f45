package page

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/kassa-dev/kassa/internal/billing"
)

// noBreak keeps an amount and its currency on one line.
const noBreak = "\u00a0"

// money writes an amount as the locale does, with the digits that the currency has by ISO 4217, or without them where
// whole is set: "$1,234.50", "1.234,50 €", "CHF 29".
func (l locale) money(minor int64, c billing.Currency, whole bool) string {
	symbol, amount := l.symbol(c), l.amount(billing.Money{Minor: minor, Currency: c}, whole)
	switch {
	case l.place == after:
		return amount + noBreak + symbol
	case l.place == beforeSpace || endsInLetter(symbol):
		return symbol + noBreak + amount
	default:
		return symbol + amount
	}
}

// amount takes the whole units apart from the rest, so that nothing is rounded.
func (l locale) amount(m billing.Money, whole bool) string {
	units, fraction, _ := strings.Cut(m.Major(), ".")
	n, err := strconv.ParseInt(units, 10, 64)
	if err != nil {
		return m.Major()
	}
	p := message.NewPrinter(l.tag)
	text := p.Sprint(number.Decimal(n))
	if fraction == "" || whole {
		return text
	}
	// The separator is what stands between the digits of 1.5.
	return text + strings.Trim(p.Sprint(number.Decimal(1.5, number.Scale(1))), "15") + fraction
}

func (l locale) symbol(c billing.Currency) string {
	unit, err := currency.ParseISO(string(c))
	if err != nil {
		return string(c)
	}
	return message.NewPrinter(l.tag).Sprint(currency.Symbol(unit))
}

func endsInLetter(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r)
}

// isWhole says that nothing is lost when the decimals are left out.
func isWhole(minor int64, c billing.Currency) bool {
	_, fraction, _ := strings.Cut(billing.Money{Minor: minor, Currency: c}.Major(), ".")
	return strings.Trim(fraction, "0") == ""
}
