package provider

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Anonymous takes what a buyer sent, such as the user's id, out of a provider's text, and returns the error: a refusal
// may repeat the request. It goes before everything that cuts the text.
func Anonymous(err error, sent ...string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	var spelled []string
	for _, value := range sent {
		quoted, _ := json.Marshal(value)
		spelled = append(spelled, value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`))
	}
	// A value may be a part of another.
	slices.SortStableFunc(spelled, func(a, b string) int { return len(b) - len(a) })
	for _, value := range spelled {
		for _, text := range []*string{&e.Message, &e.Code, &e.Param} {
			*text = withoutWord(*text, value)
		}
	}
	return err
}

// escapeAtEnd is an escaped character before a value. Its last digit is no part of a word.
var escapeAtEnd = regexp.MustCompile(`(?i)(?:%[0-9a-f]{2}|\\u[0-9a-f]{4})$`)

// withoutWord replaces a value where it is no part of a word or number: an id may be as short as 7.
func withoutWord(text, value string) string {
	if value == "" {
		return text
	}
	var out strings.Builder
	for done := 0; ; {
		i := strings.Index(text[done:], value)
		if i < 0 {
			out.WriteString(text[done:])
			return out.String()
		}
		from, to := done+i, done+i+len(value)
		out.WriteString(text[done:from])
		before, _ := utf8.DecodeLastRuneInString(escapeAtEnd.ReplaceAllString(text[:from], " "))
		after, _ := utf8.DecodeRuneInString(text[to:])
		if isWord(before) || isWord(after) {
			out.WriteString(value)
		} else {
			out.WriteString("[redacted]")
		}
		done = to
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
