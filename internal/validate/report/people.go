package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kassa-dev/kassa/internal/validate"
)

// People writes for people: the findings of an object together, each at a place that terminals and editors open.
func (r *Report) People(w io.Writer, color bool) error {
	p := printer{w: w, color: color}
	last, first := "", true
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Ignored != "" {
			continue
		}
		if group := f.File + "\n" + f.Object(); group != last || first {
			if !first {
				p.linef("")
			}
			p.linef("%s", p.paint(bold, heading(f)))
			last, first = group, false
		}
		p.linef("  %s: %s: %s %s", f.Place, p.severity(f.Severity), oneLine(f.Message), p.paint(faint, "["+f.Rule.ID+"]"))
	}
	if !first {
		p.linef("")
	}
	p.linef("%s", r.sentence())
	return p.err
}

func heading(f *validate.Finding) string {
	if object := f.Object(); object != "" {
		return object
	}
	return f.File
}

// sentence sums up.
func (r *Report) sentence() string {
	s := r.summary()
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.Errors, "error"}, {s.Warnings, "warning"}, {s.Notes, "note"}} {
		if c.n > 0 {
			parts = append(parts, plural(c.n, c.what))
		}
	}
	text := "nothing found"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	text += fmt.Sprintf(" in %s of %s", plural(s.Objects, "object"), plural(s.Files, "file"))
	if s.Ignored > 0 {
		text += fmt.Sprintf("; %d ignored by annotation", s.Ignored)
	}
	return text
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// oneLine keeps a message from looking like several, and from steering a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0):
			return -1
		}
		return r
	}, s)
}

// Ways to paint of ANSI terminals.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	yellow = "33"
	blue   = "34"
)

type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) linef(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) paint(how, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + how + "m" + text + "\x1b[0m"
}

func (p *printer) severity(s validate.Severity) string {
	return p.paint(map[validate.Severity]string{validate.Error: red, validate.Warning: yellow, validate.Note: blue}[s],
		string(s))
}
