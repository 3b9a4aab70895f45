package docs

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// reader takes a line of shell apart, as far as documentation needs it: quotes, comments, pipes and substitutions.
type reader struct {
	text  string
	at    int
	done  [][]string
	words []string
	word  strings.Builder
	open  bool // a word has begun
}

func pipeline(text string) [][]string {
	r := &reader{text: text}
	r.read(0)
	return r.done
}

// read goes on to the end, or to the bracket that ends a substitution.
func (r *reader) read(end byte) {
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case end != 0 && c == end:
			r.endCommand()
			return
		case c == '\'':
			r.quoted()
		case c == '"':
			r.doubleQuoted()
		case c == '\\' && r.at < len(r.text):
			r.add(r.text[r.at])
			r.at++
		case c == '$' && r.at < len(r.text) && r.text[r.at] == '(':
			r.substitution()
		case c == '#' && !r.open:
			r.at = len(r.text)
		case c == ' ' || c == '\t':
			r.endWord()
		case c == '|' || c == ';' || c == '&':
			r.endCommand()
		case c == '<' || c == '>':
			r.redirect()
		default:
			r.add(c)
		}
	}
	r.endCommand()
}

func (r *reader) add(c byte) {
	r.open = true
	r.word.WriteByte(c)
}

func (r *reader) endWord() {
	if r.open {
		r.words = append(r.words, r.word.String())
	}
	r.word.Reset()
	r.open = false
}

func (r *reader) endCommand() {
	r.endWord()
	if len(r.words) > 0 {
		r.done = append(r.done, r.words)
	}
	r.words = nil
}

func (r *reader) quoted() {
	r.open = true
	for r.at < len(r.text) && r.text[r.at] != '\'' {
		r.add(r.text[r.at])
		r.at++
	}
	r.at++
}

func (r *reader) doubleQuoted() {
	r.open = true
	for r.at < len(r.text) && r.text[r.at] != '"' {
		if strings.HasPrefix(r.text[r.at:], "$(") {
			r.at++
			r.substitution()
			continue
		}
		r.add(r.text[r.at])
		r.at++
	}
	r.at++
}

// substitution reads what is in the brackets as commands of their own; it is at the opening one.
func (r *reader) substitution() {
	inner := &reader{text: r.text, at: r.at + 1}
	inner.read(')')
	r.at = inner.at
	r.done = append(r.done, inner.done...)
	r.open = true
	r.word.WriteString("X")
}

// redirect leaves out where to, which is the next word.
func (r *reader) redirect() {
	r.endWord()
	for r.at < len(r.text) && strings.IndexByte("<>& ", r.text[r.at]) >= 0 {
		r.at++
	}
	for r.at < len(r.text) && strings.IndexByte(" |;)", r.text[r.at]) < 0 {
		r.at++
	}
}

func TestShellIsRead(t *testing.T) {
	g := NewWithT(t)
	for text, want := range map[string][][]string{
		"make demo   # see": {{"make", "demo"}},
		`T=$(kubectl get secret x -o jsonpath='{.a b}' | base64 -d)`: {
			{"kubectl", "get", "secret", "x", "-o", "jsonpath={.a b}"}, {"base64", "-d"}, {"T=X"},
		},
		`a --key="x$(openssl rand 32)" > file && b`: {{"openssl", "rand", "32"}, {"a", "--key=xX"}, {"b"}},
		"kubectl apply -f - <<EOF":                  {{"kubectl", "apply", "-f", "-"}},
	} {
		g.Expect(pipeline(text)).To(Equal(want), text)
	}
}
