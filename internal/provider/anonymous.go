package provider

import (
	"encoding/json"
	"errors"
	"net/url"
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

// withoutWord replaces a value where it is no part of a word or number: an id may be as short as 7.
func withoutWord(text, value string) string {
	if value == "" {
		return text
	}
	var out strings.Builder
	for before := rune(0); ; {
		i := strings.Index(text, value)
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		if i > 0 {
			before, _ = utf8.DecodeLastRuneInString(text[:i])
		}
		after, _ := utf8.DecodeRuneInString(text[i+len(value):])
		out.WriteString(text[:i])
		text = text[i+len(value):]
		if isWord(before) || isWord(after) {
			out.WriteString(value)
		} else {
			out.WriteString("[redacted]")
		}
		before, _ = utf8.DecodeLastRuneInString(value)
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
