package rawjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// literal are the bytes of a text that stand for themselves.
var literal = func() (t [256]bool) {
	for c := ' '; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// pass passes a text and checks it.
func (r *Reader) pass() (at span) {
	text, i := r.text, r.at+1
	at.from = i
	for i < len(text) {
		switch c := text[i]; {
		case literal[c]:
			i++
		case c == '"':
			r.at, at.to = i+1, i
			return at
		case c == '\\':
			size := escape(text[i:])
			if size == 0 {
				r.at = i
				r.fail(ErrSyntax)
				return span{}
			}
			i, at.escapes = i+size, true
		default:
			r.at = i
			r.fail(ErrSyntax)
			return span{}
		}
	}
	r.fail(ErrSyntax)
	return span{}
}

// escape is the length of the escape that a text begins with, or 0 if it is none.
func escape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(text) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 is the number of an escape \uXXXX that a text begins with, or -1.
func hex4(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var n rune
	for _, c := range text[2:6] {
		switch {
		case isDigit(c):
			n = n<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return n
}

// unescape is of a text that was checked. Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			out = append(out, text[i])
			i++
			continue
		}
		switch c := text[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			char := hex4(text[i:])
			i += 6
			if utf16.IsSurrogate(char) {
				both := utf16.DecodeRune(char, hex4(text[i:]))
				if both != utf8.RuneError {
					i += 6
				}
				char = both
			}
			out = utf8.AppendRune(out, char)
			continue
		default:
			out = append(out, c)
		}
		i += 2
	}
	return out
}
