package pages

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Reader types the commands of a page, in the page's order, as it has them.
type Reader struct {
	t     testing.TB
	shell func(script string) (string, error)
	left  []Command
	known []string // what was assigned in earlier commands
}

// Open takes a page to its commands. The test fails if some of those that it is to run were not run in the end.
func Open(t testing.TB, root, path, by string, shell func(script string) (string, error)) *Reader {
	t.Helper()
	read, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{t: t, shell: shell}
	for _, p := range read {
		if p.Path != path {
			continue
		}
		for _, c := range p.Commands() {
			if Claimed(&c) == by {
				r.left = append(r.left, c)
			}
		}
	}
	t.Cleanup(func() {
		if !t.Failed() && len(r.left) > 0 {
			t.Errorf("%s: the test of the page has to run this, and to look at what comes of it:\n%s",
				r.left[0].At(), r.left[0].Text)
		}
	})
	return r
}

// Next is the next command, which begins with a text.
func (r *Reader) Next(begins string) Command {
	r.t.Helper()
	if len(r.left) == 0 {
		r.t.Fatalf("the page has no further command; %q was to come", begins)
	}
	next := r.left[0]
	if !strings.HasPrefix(next.Text, begins) {
		r.t.Fatalf("%s: %q was to come, and here is\n%s", next.At(), begins, next.Text)
	}
	r.left = r.left[1:]
	return next
}

// Type types the next command, which begins with a text, and returns what it prints. What the page leaves to its reader
// is swapped: pairs of what it has, and what is meant.
func (r *Reader) Type(begins string, swaps ...string) string {
	r.t.Helper()
	return r.TypeAll(r.Next(begins), swaps...)
}

// TypeAll types a command that was taken by Next, when its time has come.
func (r *Reader) TypeAll(c Command, swaps ...string) string {
	r.t.Helper()
	return r.TypeLines(c, 0, strings.Count(c.Text+"\n", "\n"), swaps...)
}

// TypeLines types some lines of a command, of which the page means one after the other, or one or the other.
func (r *Reader) TypeLines(c Command, from, to int, swaps ...string) string {
	r.t.Helper()
	out, err := r.Try(c, from, to, swaps...)
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", c.At(), err, out)
	}
	return out
}

// Try is TypeLines for what may fail.
func (r *Reader) Try(c Command, from, to int, swaps ...string) (string, error) {
	r.t.Helper()
	lines := strings.Split(c.Text, "\n")
	text := strings.Join(lines[from:min(to, len(lines))], "\n")
	for i := 0; i+1 < len(swaps); i += 2 {
		if !strings.Contains(text, swaps[i]) {
			r.t.Fatalf("%s: %q is not in\n%s", c.At(), swaps[i], text)
		}
		text = strings.ReplaceAll(text, swaps[i], swaps[i+1])
	}
	out, err := r.shell(strings.Join(append(r.known, text), "\n"))
	r.known = append(r.known, assigned.FindAllString(text, -1)...)
	if err != nil {
		err = fmt.Errorf("%w of\n%s", err, text)
	}
	return out, err
}

// Assign gives a variable of the page another value.
func (r *Reader) Assign(name, value string) { r.known = append(r.known, name+"="+value) }

// assigned are variables, which later blocks of the page have, too.
var assigned = regexp.MustCompile(`(?m)^[A-Za-z_]+=.*$`)

// Shows makes a pattern of output on a page: … stands for anything, and spaces align columns.
func Shows(output string) *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString(`(?m)`)
	for i, line := range strings.Split(strings.TrimSpace(output), "\n") {
		if i > 0 {
			pattern.WriteString(`\n`)
		}
		line = regexp.QuoteMeta(strings.TrimSpace(line))
		line = strings.ReplaceAll(line, "…", `.*`)
		pattern.WriteString(`[ \t]*` + spaces.ReplaceAllString(line, ` +`) + `[ \t]*`)
	}
	return regexp.MustCompile(pattern.String())
}

var spaces = regexp.MustCompile(` +`)
