package validate

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kassa-dev/kassa/internal/manifests"
)

// AnnotationIgnore leaves findings of an object be: the id of a rule and the reason, such as "KASSA012 the sandbox's
// key", several of them on lines of their own or with semicolons between them.
const AnnotationIgnore = "kassa.dev/ignore"

const ignorePath = "metadata.annotations[" + AnnotationIgnore + "]"

var ignoreEntry = regexp.MustCompile(`^(KASSA\d{3})[\s:,–-]*(.*)$`)

// ignore marks the findings that annotations name, and finds annotations that are of no use.
func (j *judge) ignore() {
	for _, d := range j.set.Documents {
		text := d.Annotation(AnnotationIgnore)
		for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			if why := j.ignoreOne(d, entry); why != "" {
				j.rule = byID()["KASSA003"]
				j.report(d, ignorePath, "%s", why)
			}
		}
	}
}

// ignoreOne says what is wrong with an entry, or nothing.
func (j *judge) ignoreOne(d *manifests.Document, entry string) string {
	m := ignoreEntry.FindStringSubmatch(entry)
	if m == nil {
		return "an entry begins with the id of a rule, such as KASSA012, and goes on with the reason"
	}
	id, reason := m[1], strings.TrimSpace(m[2])
	rule := byID()[id]
	switch {
	case rule == nil:
		return fmt.Sprintf("there is no rule %s; kubectl kassa validate --list-rules has them", id)
	case rule.always:
		return id + " cannot be ignored"
	case reason == "":
		return id + " is ignored without a reason, and so is not; write the reason after it"
	}
	used := false
	for i := range j.findings {
		if j.documents[i] == d && j.findings[i].Rule.ID == id {
			j.findings[i].Ignored, used = reason, true
		}
	}
	if !used {
		return fmt.Sprintf("there is no finding of %s any more; remove it", id)
	}
	return ""
}
