package page

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/text/language"

	"github.com/kassa-dev/kassa/internal/billing"
)

func localeFor(t *testing.T, tag string) locale {
	t.Helper()
	_, i, _ := matcher.Match(language.MustParse(tag))
	return locales[i]
}

func TestMoneyAsTheLocaleWritesIt(t *testing.T) {
	for _, c := range []struct {
		tag      string
		minor    int64
		currency billing.Currency
		want     string
	}{
		{"en", 2900, "USD", "$29.00"},
		{"en", 123456789, "USD", "$1,234,567.89"},
		{"en", 2900, "EUR", "€29.00"},
		{"en", 2900, "CHF", "CHF 29.00"},
		{"en", 2900, "JPY", "¥2,900"},
		{"en", 29500, "KWD", "KWD 29.500"},
		{"en", 5, "USD", "$0.05"},
		{"en-GB", 2900, "USD", "US$29.00"},
		{"en-GB", 2900, "GBP", "£29.00"},
		{"en-IN", 12345600, "INR", "₹1,23,456.00"},
		{"de", 123450, "EUR", "1.234,50 €"},
		{"de-AT", 2900, "EUR", "€ 29,00"},
		{"de-CH", 123450, "CHF", "CHF 1’234.50"},
		{"fr", 123450, "EUR", "1 234,50 €"},
		{"fr-CA", 2900, "CAD", "29,00 $"},
		{"es", 2900, "EUR", "29,00 €"},
		{"es-MX", 123450, "MXN", "$1,234.50"},
		{"it", 2900, "EUR", "29,00 €"},
		{"pt-BR", 2900, "BRL", "R$ 29,00"},
		{"pt-PT", 2900, "EUR", "29,00 €"},
		{"nl", 2900, "EUR", "€ 29,00"},
		{"pl", 2900, "PLN", "29,00 zł"},
		{"ja", 2900, "JPY", "￥2,900"},
		{"en", 2900, "XCG", "XCG 29.00"}, // newer than the symbols' table
		{"en", 9007199254740993, "USD", "$90,071,992,547,409.93"},
	} {
		got := localeFor(t, c.tag).money(c.minor, c.currency, false)
		NewWithT(t).Expect(strings.NewReplacer(noBreak, " ", "\u202f", " ").Replace(got)).To(Equal(c.want), c.tag)
		NewWithT(t).Expect(got).NotTo(ContainSubstring(" "), "an amount stays on one line")
	}
}

func TestWholeAmountsHaveNoDecimals(t *testing.T) {
	g := NewWithT(t)
	g.Expect(localeFor(t, "de").money(2900, "EUR", true)).To(Equal("29" + noBreak + "€"))
	for _, c := range []struct {
		minor    int64
		currency billing.Currency
		want     bool
	}{{2900, "USD", true}, {2950, "USD", false}, {29, "JPY", true}, {29000, "KWD", true}, {29001, "KWD", false}} {
		g.Expect(isWhole(c.minor, c.currency)).To(Equal(c.want), "%d %s", c.minor, c.currency)
	}
}

func TestEveryCurrencyCanBeWritten(t *testing.T) {
	for _, l := range locales {
		for _, code := range billing.Currencies() {
			text := l.money(123456, billing.Currency(code), false)
			NewWithT(t).Expect(text).To(MatchRegexp(`^[^\d]*1.?23|^[^\d]*123`), "%s %s", l.tag, code)
		}
	}
}
