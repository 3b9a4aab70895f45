package stripe

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// word reads a text, and shares it if it is one of those that are often there.
func (r *reader) word(known map[string]string) string {
	text := r.Bytes()
	if w, ok := known[string(text)]; ok {
		return w
	}
	return string(text)
}

// words are those of enumerations.
var words = wordsOf(`active canceled charge checkout.session complete customer discount dispute draft expired eur failed
	gbp incomplete incomplete_expired invoice lost needs_response no_payment_required open paid past_due paused
	payment_intent pending price product requires_action requires_payment_method subscription succeeded trialing
	uncollectible unpaid usd void won`)

var nativeNames = wordsOf(strings.Join(nativeEvents, " "))

func wordsOf(list string) map[string]string {
	m := map[string]string{}
	for _, w := range strings.Fields(list) {
		m[w] = w
	}
	return m
}

func (r *reader) yes() bool {
	v, _ := r.Bool()
	return v
}

func (r *reader) units() units {
	n, told := r.Int()
	return units{n, told}
}

// presence reads whether there is anything.
func (r *reader) presence() presence {
	p := presence{there: true, set: r.Kind() != rawjson.Null}
	r.Skip()
	return p
}

// ref reads a reference to another object: its id, or, where it was expanded, the object.
func (r *reader) ref() string {
	if r.Kind() == rawjson.Object {
		return r.member("id")
	}
	return r.Text()
}

// member reads one text of an object.
func (r *reader) member(want string) string {
	text := ""
	for name := range r.Object {
		if string(name) == want {
			text = r.Text()
		}
	}
	return text
}

// list yields the elements of a list object.
func (r *reader) list(yield func() bool) {
	for name := range r.Object {
		if string(name) == "data" {
			r.Array(yield)
		}
	}
}

// texts reads an object's texts, as metadata has them. It is nil for an empty one.
func (r *reader) texts() map[string]string {
	var m map[string]string
	for name := range r.Object {
		if r.Kind() != rawjson.Text {
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[string(name)] = r.Text()
	}
	return m
}
