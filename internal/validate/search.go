package validate

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/kassa-dev/kassa/internal/manifests"
)

// leak is a secret that stands in a file for everybody to read.
type leak struct {
	document *manifests.Document // nil in a comment
	place    manifests.Place
	path     string
	// inSecret says that it is a value of a Secret.
	inSecret   bool
	token      token
	connection bool // what was found is a connection string's password
	card       bool
	key        string // what was found is a field of a card
}

// search looks through everything that was read, once for all rules.
func (j *judge) search() {
	for _, d := range j.set.Documents {
		d.Texts(func(t manifests.Text) { j.searchText(d, t) })
	}
	known := map[manifests.Place]bool{} // what looks like a comment may be a part of a value
	for _, l := range j.leaks {
		known[manifests.Place{File: l.place.File, Line: l.place.Line}] = true
	}
	for _, t := range j.set.Comments {
		if at := t.At(0); !known[manifests.Place{File: at.File, Line: at.Line}] {
			j.searchValue(nil, t, t.Value, false, t.At)
		}
	}
}

func (j *judge) searchText(d *manifests.Document, t manifests.Text) {
	inSecret := d.Kind() == "Secret" && d.APIVersion() == "v1" && inData(t.Path)
	at := t.At
	value := t.Value
	if inSecret && strings.HasPrefix(t.Path, "data") {
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err == nil {
			value = string(raw)
			at = func(int) manifests.Place { return t.At(0) }
		}
	}
	j.searchValue(d, t, value, inSecret, at)
	named := t.Key
	if t.Key == "name" && strings.Contains(t.Path, "env[") {
		named = value // of an environment variable
	}
	if cardField(named) && value != "" {
		j.leaks = append(j.leaks, leak{document: d, place: t.At(0), path: t.Path, key: named})
	}
}

func inData(path string) bool {
	return strings.HasPrefix(path, "data.") || strings.HasPrefix(path, "data[") || strings.HasPrefix(path, "stringData")
}

func (j *judge) searchValue(
	d *manifests.Document, t manifests.Text, value string, inSecret bool, at func(int) manifests.Place,
) {
	note := func(offset int, l leak) {
		l.document, l.place, l.path, l.inSecret = d, at(offset), t.Path, inSecret
		j.leaks = append(j.leaks, l)
	}
	for _, found := range tokensIn(value) {
		j.found[found.value] = true
		note(found.start, leak{token: found})
	}
	for _, c := range connectionsIn(value) {
		j.found[c.password] = true
		note(c.start, leak{connection: true})
	}
	if start, number, ok := cardIn(value); ok {
		j.found[number] = true
		note(start, leak{card: true})
	}
}

// conceal takes every secret that was found out of what is told of a finding.
func (j *judge) conceal(f *Finding) {
	if len(j.found) == 0 {
		return
	}
	for _, text := range []*string{&f.Message, &f.Name, &f.Namespace, &f.Kind, &f.Path, &f.Ignored} {
		if *text != "" {
			*text = j.concealed(*text)
		}
	}
}

func (j *judge) concealed(text string) string {
	if j.longestFirst == nil {
		for s := range j.found {
			if len(s) >= minSecret {
				j.longestFirst = append(j.longestFirst, s)
			}
		}
		slices.SortFunc(j.longestFirst, func(a, b string) int { return len(b) - len(a) })
	}
	for _, s := range j.longestFirst {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	return text
}

// minSecret is the length of what is taken out of messages. A shorter text would be cut out of words.
const minSecret = 4
