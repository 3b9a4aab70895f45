// Package report writes what package validate found, for people and for programs.
package report

import (
	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/validate"
)

// Formats beside those for people.
const (
	JSON   = "json"
	SARIF  = "sarif"
	GitHub = "github"
)

// Report is what was found, and in how much.
type Report struct {
	Files    int
	Objects  int
	Notices  []string
	Findings []validate.Finding
}

// Of makes a report.
func Of(set *manifests.Set, findings []validate.Finding) *Report {
	r := &Report{Files: set.Files, Notices: set.Notices, Findings: findings}
	for _, d := range set.Documents {
		if d.IsObject() {
			r.Objects++
		}
	}
	return r
}

// Fails says whether a finding that is not ignored is as grave as a severity, or graver.
func (r *Report) Fails(on validate.Severity) bool {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Ignored == "" && f.Severity.AtLeast(on) {
			return true
		}
	}
	return false
}

// summary counts the findings.
type summary struct {
	Files    int `json:"files"`
	Objects  int `json:"objects"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
	Ignored  int `json:"ignored"`
}

func (r *Report) summary() summary {
	s := summary{Files: r.Files, Objects: r.Objects}
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.Ignored != "":
			s.Ignored++
		case f.Severity == validate.Error:
			s.Errors++
		case f.Severity == validate.Warning:
			s.Warnings++
		default:
			s.Notes++
		}
	}
	return s
}
