package pages

import (
	"fmt"
	"slices"
	"strings"
)

// Command is what a reader types: one line or several.
type Command struct {
	Page string
	Line int
	// Text is as on the page, without prompts.
	Text string
	// Output is what the page shows below it.
	Output string
}

// At is where the command is, for messages.
func (c *Command) At() string { return fmt.Sprintf("%s:%d", c.Page, c.Line) }

const prompt = "$ "

// Commands are those of a page, from top to bottom: every block of shell; of a block without a language, each line that
// begins with a prompt, with what it prints below it; and inline code that begins with a program of Kubernetes or of
// Kassa and says what it is to do. Without that, such as in "kubectl apply", it is a command's name.
//
// Neither a reader nor a test types what is told of the past: the changelog and decisions.
func (p *Page) Commands() []Command {
	if p.Path == "CHANGELOG.md" || strings.HasPrefix(p.Path, "docs/adr/") {
		return nil
	}
	var found []Command
	for _, b := range p.Blocks {
		switch b.Language {
		case "sh", "bash", "shell":
			found = append(found, Command{Page: p.Path, Line: b.Number, Text: b.Text})
		case "", "console":
			found = append(found, prompted(&b)...)
		}
	}
	for _, l := range p.Prose {
		for _, code := range CodeSpan.FindAllStringSubmatch(l.Text, -1) {
			if text := strings.ReplaceAll(code[1], `\|`, "|"); typed(text) {
				found = append(found, Command{Page: p.Path, Line: l.Number, Text: text})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Command) int { return a.Line - b.Line })
	return found
}

// prompted are the commands of what a terminal showed.
func prompted(b *Block) (found []Command) {
	at := b.Number
	for line := range strings.Lines(b.Text) {
		if text, ok := strings.CutPrefix(line, prompt); ok {
			found = append(found, Command{Page: b.Page, Line: at, Text: strings.TrimSuffix(text, "\n")})
		} else if len(found) > 0 {
			found[len(found)-1].Output += line
		}
		at++
	}
	return found
}

// programs are of those of which inline code is typed. What make builds and checks is in the Makefile, and told of
// everywhere.
var programs = []string{"kubectl kassa", "kubectl", "kassa", "helm", "curl"}

// typed tells commands from their names.
func typed(code string) bool {
	for _, p := range programs {
		if rest, ok := strings.CutPrefix(code, p+" "); ok {
			return strings.Contains(rest, " ")
		}
	}
	return false
}
