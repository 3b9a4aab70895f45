package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kassa-dev/kassa/internal/validate"
)

type jsonReport struct {
	Summary  summary       `json:"summary"`
	Notices  []string      `json:"notices"`
	Findings []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	Rule      string            `json:"rule"`
	Name      string            `json:"name"`
	Severity  validate.Severity `json:"severity"`
	File      string            `json:"file"`
	Line      int               `json:"line,omitempty"`
	Column    int               `json:"column,omitempty"`
	Kind      string            `json:"kind,omitempty"`
	Namespace string            `json:"objectNamespace,omitempty"`
	Object    string            `json:"objectName,omitempty"`
	Path      string            `json:"path,omitempty"`
	Message   string            `json:"message"`
	Docs      string            `json:"docs"`
	Ignored   string            `json:"ignored,omitempty"`
}

// JSON writes everything, ignored findings included.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{Summary: r.summary(), Notices: append([]string{}, r.Notices...), Findings: []jsonFinding{}}
	for i := range r.Findings {
		f := &r.Findings[i]
		out.Findings = append(out.Findings, jsonFinding{
			Rule: f.Rule.ID, Name: f.Rule.Name, Severity: f.Severity, File: f.File, Line: f.Line, Column: f.Column,
			Kind: f.Kind, Namespace: f.Namespace, Object: f.Name, Path: f.Path, Message: f.Message, Docs: f.Rule.URL(),
			Ignored: f.Ignored,
		})
	}
	return encode(w, out)
}

func encode(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

var (
	inMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub writes commands by which GitHub Actions shows findings beside the lines of a pull request.
func (r *Report) GitHub(w io.Writer) error {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Ignored != "" {
			continue
		}
		place := "file=" + inProperty.Replace(f.File)
		if f.Line > 0 {
			place += fmt.Sprintf(",line=%d", f.Line)
		}
		if f.Column > 0 {
			place += fmt.Sprintf(",col=%d", f.Column)
		}
		command := map[validate.Severity]string{validate.Note: "notice"}[f.Severity]
		if command == "" {
			command = string(f.Severity)
		}
		_, err := fmt.Fprintf(w, "::%s %s,title=%s::%s\n", command, place, inProperty.Replace(f.Rule.ID+" "+f.Rule.Name),
			inMessage.Replace(f.Message))
		if err != nil {
			return err
		}
	}
	return nil
}
