package page

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/kassa-dev/kassa/internal/billing"
)

// words are a language's, with {plan}, {unit} and {n} where something is put in.
type words struct {
	Title     string
	Period    string // the switch's name
	Currency  string // the switch's name
	Show      string // the button beside a long list of currencies
	Choose    string // {plan}
	Once      string
	Per       map[billing.Interval]string // "per month"
	Each      map[billing.Interval]string // "Monthly"
	Every     map[billing.Interval]counted
	PerUnit   string // {unit}
	From      string // {amount}
	PerOne    string // of a unit without a name
	ByAmount  string // over the tiers
	AndMore   string // {n}: the last tier
	Flat      string // {amount}: charged once for a tier
	Graduated string // how tiers are meant
	Volume    string
	Metered   string
	TrialDays counted
	Inclusive string
	Exclusive string
	Test      string
	Nothing   string
	Back      string
	Failed    string
	TryAgain  string
	Paddle    paddleWords
}

// paddleWords are those of the page that opens Paddle's overlay.
type paddleWords struct {
	Title, Opening, NoScript, Unloaded, Refused, Closed, Reopen, Done, Incomplete string
}

// counted is a text with {n}, by CLDR's plural forms: one, few, many, other.
type counted map[string]string

func (c counted) with(tag language.Tag, n int) string {
	text := c["other"]
	switch plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0) {
	case plural.One:
		text = c.or("one", text)
	case plural.Few:
		text = c.or("few", text)
	case plural.Many:
		text = c.or("many", text)
	}
	return strings.ReplaceAll(text, "{n}", strconv.Itoa(n))
}

func (c counted) or(form, other string) string {
	if text := c[form]; text != "" {
		return text
	}
	return other
}

//go:embed words.json
var wordsJSON []byte

var languages = readWords()

func readWords() map[string]*words {
	var all map[string]*words
	if err := json.Unmarshal(wordsJSON, &all); err != nil {
		panic(err)
	}
	return all
}

func (l locale) text() *words { return languages[l.words] }

// period says how often a price is paid: "per month", "every 3 months".
func (l locale) period(interval billing.Interval, count int) string {
	if count <= 1 {
		return l.text().Per[interval]
	}
	return l.text().Every[interval].with(l.tag, count)
}

// periodName is the period's name in the switch: "Monthly".
func (l locale) periodName(interval billing.Interval, count int) string {
	if count <= 1 {
		return l.text().Each[interval]
	}
	text := l.text().Every[interval].with(l.tag, count)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
