package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// joined is a list in a sentence.
func joined(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// isScreen says that somebody looks at what is written.
func isScreen(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
