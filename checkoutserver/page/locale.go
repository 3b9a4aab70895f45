package page

import (
	"net/http"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
)

// locale is a way to write words and amounts.
type locale struct {
	tag   language.Tag
	words string // the language in words.json
	place place
}

// place is where a currency's symbol stands. Package currency of x/text knows symbols, but writes all of them in front
// of the amount with a space between.
type place int

const (
	before      place = iota // $29, CHF 29
	beforeSpace              // € 29
	after                    // 29 €
)

// locales are all there are, so that nobody can ask for more pages than can be kept. The first one of a language is
// what the language alone means.
var locales = []locale{
	{language.English, "en", before},
	{language.BritishEnglish, "en", before},
	{language.MustParse("en-IN"), "en", before},
	{language.German, "de", after},
	{language.MustParse("de-AT"), "de", beforeSpace},
	{language.MustParse("de-CH"), "de", beforeSpace},
	{language.French, "fr", after},
	{language.CanadianFrench, "fr", after},
	{language.MustParse("fr-CH"), "fr", after},
	{language.Spanish, "es", after},
	{language.MustParse("es-MX"), "es", before},
	{language.Italian, "it", after},
	{language.MustParse("it-CH"), "it", beforeSpace},
	{language.BrazilianPortuguese, "pt", beforeSpace},
	{language.EuropeanPortuguese, "pt", after},
	{language.Dutch, "nl", beforeSpace},
	{language.MustParse("nl-BE"), "nl", beforeSpace},
	{language.Polish, "pl", after},
	{language.Japanese, "ja", before},
}

var matcher = newMatcher()

func newMatcher() language.Matcher {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = l.tag
	}
	return language.NewMatcher(tags)
}

// maxAcceptLanguage is more than browsers send. Parsing takes longer than all the rest of an answer.
const maxAcceptLanguage = 200

// localeOf is the index of the locale that the browser asks for, and the currency of the country that it names, if any.
func (p *Pages) localeOf(r *http.Request) (index int, money string) {
	header := r.Header.Get("Accept-Language")
	if header == "" || len(header) > maxAcceptLanguage {
		return p.fallback, ""
	}
	if known, ok := p.prepared.languages.get(header); ok {
		return known.locale, known.currency
	}
	index = p.fallback
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return index, ""
	}
	if _, i, confidence := matcher.Match(tags...); confidence >= language.Low {
		index = i
	}
	if _, confidence := tags[0].Region(); confidence == language.Exact {
		if unit, ok := currency.FromTag(tags[0]); ok >= language.High {
			money = unit.String()
		}
	}
	p.prepared.languages.put(header, asked{index, money})
	return index, money
}
