package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/kassa-dev/kassa/internal/validate"
)

// The parts of SARIF 2.1.0 that GitHub code scanning, and most others, read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifRule struct {
		ID                   string         `json:"id"`
		Name                 string         `json:"name"`
		ShortDescription     sarifText      `json:"shortDescription"`
		FullDescription      sarifText      `json:"fullDescription"`
		Help                 sarifText      `json:"help"`
		HelpURI              string         `json:"helpUri"`
		DefaultConfiguration map[string]any `json:"defaultConfiguration"`
		Properties           map[string]any `json:"properties"`
	}
	sarifResult struct {
		RuleID              string             `json:"ruleId"`
		RuleIndex           int                `json:"ruleIndex"`
		Level               validate.Severity  `json:"level"`
		Message             sarifText          `json:"message"`
		Locations           []sarifLocation    `json:"locations"`
		PartialFingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact map[string]string `json:"artifactLocation"`
		Region   sarifRegion       `json:"region"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

const sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"

// SARIF writes the format of static analysis tools, version 2.1.0, for GitHub code scanning and the like.
func (r *Report) SARIF(w io.Writer, version string) error {
	run := sarifRun{
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
		Tool: sarifTool{Driver: sarifDriver{
			Name: "kubectl-kassa", Version: version, InformationURI: "https://github.com/kassa-dev/kassa",
		}},
	}
	index := map[string]int{}
	for i, rule := range validate.Rules() {
		index[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(&rule))
	}
	seen := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		result := resultOf(f, index[f.Rule.ID])
		known := fingerprint(f)
		result.PartialFingerprints = map[string]string{"kassa/v1": fmt.Sprintf("%s:%d", known, seen[known])}
		seen[known]++
		run.Results = append(run.Results, result)
	}
	return encode(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// securitySeverity is how GitHub orders alerts, from 0 to 10.
var securitySeverity = map[validate.Severity]string{
	validate.Error: "8.0", validate.Warning: "5.0", validate.Note: "2.0",
}

func ruleOf(rule *validate.Rule) sarifRule {
	return sarifRule{
		ID: rule.ID, Name: camel(rule.Name), HelpURI: rule.URL(),
		ShortDescription:     sarifText{Text: rule.Summary},
		FullDescription:      sarifText{Text: rule.Summary + ". " + rule.Help},
		Help:                 sarifText{Text: rule.Help, Markdown: rule.Help + " [More](" + rule.URL() + ")"},
		DefaultConfiguration: map[string]any{"level": rule.Severity},
		Properties: map[string]any{
			"tags": []string{"security", "payments"}, "security-severity": securitySeverity[rule.Severity],
			"precision": "high",
		},
	}
}

// camel writes a name as SARIF recommends: LiveSecretCommitted.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func resultOf(f *validate.Finding, rule int) sarifResult {
	location := sarifLocation{Physical: sarifPhysical{
		Artifact: map[string]string{"uri": (&url.URL{Path: f.File}).String()},
		Region:   sarifRegion{StartLine: max(f.Line, 1), StartColumn: f.Column},
	}}
	if object := f.Object(); object != "" {
		name := object
		if f.Path != "" {
			name += " " + f.Path
		}
		location.Logical = []sarifLogical{{FullyQualifiedName: name, Kind: "object"}}
	}
	result := sarifResult{
		RuleID: f.Rule.ID, RuleIndex: rule, Level: f.Severity, Message: sarifText{Text: f.Message},
		Locations: []sarifLocation{location},
	}
	if f.Ignored != "" {
		result.Suppressions = []sarifSuppression{{Kind: "inSource", Justification: f.Ignored}}
	}
	return result
}

// fingerprint knows a finding again when lines above it come and go. It is of names and paths, and of no value.
func fingerprint(f *validate.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Rule.ID, f.File, f.Kind, f.Namespace, f.Name, f.Path}, "\x00")))
	return hex.EncodeToString(sum[:16])
}
