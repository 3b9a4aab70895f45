package leaks

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// shortest is the length of what is searched for, in bytes. Shorter texts are found in other words.
const shortest = 12

// planted is a value that must not be told.
type planted struct {
	what  string
	value string
	// secret: a part of shortest bytes is too much as well. Of personal data the whole is looked for.
	secret bool
}

// forms are the spellings in which a value may be told. Their case does not matter: all text is searched in lower case.
func (p planted) forms() map[string]string {
	quoted, _ := json.Marshal(p.value)
	forms := map[string]string{
		"as it is": p.value, "URL-encoded": url.QueryEscape(p.value), "in a path": url.PathEscape(p.value),
		"JSON-escaped": strings.Trim(string(quoted), `"`), "hex": hex.EncodeToString([]byte(p.value)),
	}
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{
			"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding,
		} {
			// What is encoded together with the neighbouring bytes is not known.
			text := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + p.value))
			from, to := (8*shift+5)/6, (8*(shift+len(p.value)))/6
			forms[fmt.Sprint(name, " ", shift)] = text[from:to]
		}
	}
	return forms
}

// search has what to look at behind each text of shortest bytes.
type search map[string][]candidate

type candidate struct{ what, text string }

func newSearch(values []planted) search {
	h := search{}
	for _, p := range values {
		if len(p.value) < shortest {
			panic(p.what + " is too short to be found")
		}
		for form, text := range p.forms() {
			text = strings.ToLower(text)
			last := 0
			if p.secret {
				last = len(text) - shortest
			}
			for i := range last + 1 {
				c := candidate{p.what + ", " + form, text[i:]}
				if p.secret {
					c.text = text[i : i+shortest]
				}
				h[text[i:i+shortest]] = append(h[text[i:i+shortest]], c)
			}
		}
	}
	return h
}

// around is how much of a text is shown on both sides of a find, in bytes.
const around = 160

// find is what of the planted values is in a text, once each, and where.
func (h search) find(text string) map[string]string {
	found := map[string]string{}
	text = strings.ToLower(text)
	for i := 0; i+shortest <= len(text); i++ {
		for _, c := range h[text[i:i+shortest]] {
			what, _, _ := strings.Cut(c.what, ",")
			if _, again := found[what]; !again && strings.HasPrefix(text[i:], c.text) {
				found[what] = c.what + ": " + text[max(0, i-around):min(len(text), i+around)]
			}
		}
	}
	return found
}

// The search would find every value in every spelling, and half a key.
func TestSearch(t *testing.T) {
	g := NewWithT(t)
	key := planted{"the key", `k3y/with+"quotes"&more-9F8e7D6c5B4a`, true}
	email := planted{"the address", "jane+planted@example.com", false}
	h := newSearch([]planted{key, email})
	for _, p := range []planted{key, email} {
		for form, text := range p.forms() {
			for _, spelled := range []string{text, strings.ToUpper(text), strings.ToLower(text)} {
				g.Expect(h.find(`{"msg":"x`+spelled+`y"}`)).To(HaveKey(p.what), form)
			}
		}
		for shift := range 4 {
			blob := base64.StdEncoding.EncodeToString([]byte("...."[:shift] + p.value + "..."))
			g.Expect(h.find("data: "+blob)).To(HaveKey(p.what), "base64 of it behind %d bytes", shift)
		}
	}
	g.Expect(h.find("the key ends in " + key.value[len(key.value)-shortest:])).To(HaveKey(key.what))
	g.Expect(h.find(email.value[:len(email.value)-1])).To(BeEmpty())
	g.Expect(h.find("nothing of them is told here")).To(BeEmpty())
}
