package docs

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

// texts are all string constants of the module's code outside of tests, by the folders that begin a path.
func texts(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	g, found := NewWithT(t), map[string]bool{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root(t), folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						found[text] = true
					}
				}
				return true
			})
			return nil
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	return found
}

// reasons are the values of the API's constants Reason….
func reasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), "api", "v1alpha1", "conditions.go"), nil, 0)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			found = append(found, value)
		}
		return true
	})
	return found
}

// Whoever sees a reason in a condition finds it on the page of troubleshooting, and no other is told of there.
func TestReasonsAreExplained(t *testing.T) {
	g, known := NewWithT(t), reasons(t)
	g.Expect(len(known)).To(BeNumerically(">", 40))
	others := texts(t, "controllers", "api") // recovery has reasons of its own
	var table, page []string
	for _, p := range all(t) {
		if p.Path != "docs/troubleshooting.md" {
			continue
		}
		for _, l := range p.Prose {
			first, _, _ := strings.Cut(strings.TrimPrefix(l.Text, "|"), "|")
			for _, code := range pages.CodeSpan.FindAllStringSubmatch(l.Text, -1) {
				page = append(page, code[1])
				if strings.HasPrefix(l.Text, "| `") && strings.Contains(first, code[0]) {
					table = append(table, code[1])
				}
			}
		}
	}
	for _, reason := range known {
		if !slices.Contains(page, reason) {
			t.Errorf("docs/troubleshooting.md does not explain %s", reason)
		}
	}
	for _, reason := range table {
		if !slices.Contains(known, reason) && !others[reason] {
			t.Errorf("docs/troubleshooting.md: no condition has the reason %s", reason)
		}
	}
}

var metric = regexp.MustCompile(`\bkassa_(?:provider|plan|plans|receiver|checkout|ledger|store|dunning|recovery|` +
	`inbox|catalog|account|payments?|subscriptions?|revenue|events?)_[a-z_]*[a-z]`)

// suffixes are what Prometheus adds to a histogram's name.
var suffixes = regexp.MustCompile(`_(bucket|sum|count)$`)

func TestMetricsAreThere(t *testing.T) {
	known := texts(t, "internal", "controllers", "webhookserver", "checkoutserver", "cmd")
	for _, p := range all(t) {
		lines := make([]pages.Line, 0, len(p.Prose)+len(p.Blocks))
		lines = append(lines, p.Prose...)
		for _, b := range p.Blocks {
			lines = append(lines, pages.Line{Number: b.Number, Text: b.Text})
		}
		for _, l := range lines {
			for _, name := range metric.FindAllString(l.Text, -1) {
				if !known[name] && !known[suffixes.ReplaceAllString(name, "")] {
					t.Errorf("%s:%d: no metric %s", p.Path, l.Number, name)
				}
			}
		}
	}
}

var field = regexp.MustCompile(`^\.?(?:spec|status)(?:\.[A-Za-z]+(?:\[[*\d]*\])?)+$`)

// Fields such as spec.delivery.retry are of some kind's schema.
func TestFieldsAreThere(t *testing.T) {
	schemas := schemasOf(t)
	for _, p := range all(t) {
		if p.Path == "docs/reference/api.md" {
			continue
		}
		p.Spans(func(at, code string) {
			if field.MatchString(code) && !has(schemas, code) {
				t.Errorf("%s: no kind has the field %s", at, code)
			}
		})
	}
	if has(schemas, "spec.delivery.retries") || !has(schemas, "status.providers[].prices[].id") {
		t.Error("fields are not told apart")
	}
}

func schemasOf(t *testing.T) []*apiextensionsv1.JSONSchemaProps {
	t.Helper()
	g := NewWithT(t)
	paths, err := filepath.Glob(filepath.Join(root(t), "config", "crd", "bases", "*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(paths).NotTo(BeEmpty())
	schemas := make([]*apiextensionsv1.JSONSchemaProps, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		var crd apiextensionsv1.CustomResourceDefinition
		g.Expect(yaml.Unmarshal(text, &crd)).To(Succeed())
		schemas = append(schemas, crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	}
	return schemas
}

var index = regexp.MustCompile(`\[[^]]*\]`)

func has(schemas []*apiextensionsv1.JSONSchemaProps, path string) bool {
	steps := strings.Split(index.ReplaceAllString(strings.TrimPrefix(path, "."), ""), ".")
	return slices.ContainsFunc(schemas, func(s *apiextensionsv1.JSONSchemaProps) bool {
		for _, step := range steps {
			if s.Items != nil {
				s = s.Items.Schema
			}
			if s.AdditionalProperties != nil {
				return true // a map of the user's own keys
			}
			next, ok := s.Properties[step]
			if !ok {
				// What Kubernetes' own types have is not for this test to know.
				return s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields
			}
			s = &next
		}
		return true
	})
}

var (
	target    = regexp.MustCompile(`^([a-z0-9-]+):.*##`)
	makes     = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*make((?: [a-z0-9-]+)*)`)
	localPath = regexp.MustCompile(`^(?:docs|config|charts|hack|test|internal|api|cmd|controllers)/[\w./-]+$`)
)

func targets(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	found := map[string]bool{}
	for _, l := range strings.Split(string(text), "\n") {
		if m := target.FindStringSubmatch(l); m != nil {
			found[m[1]] = true
		}
	}
	return found
}

// `make x` is a target, and `docs/x` a file.
func TestTargetsAndFilesAreThere(t *testing.T) {
	known, dir := targets(t), root(t)
	for _, p := range all(t) {
		p.Spans(func(at, code string) {
			if m := makes.FindStringSubmatch(code); m != nil {
				for _, name := range strings.Fields(m[1]) {
					if !known[name] {
						t.Errorf("%s: the Makefile has no target %s", at, name)
					}
				}
			}
			if _, err := os.Stat(filepath.Join(dir, code)); localPath.MatchString(code) && err != nil {
				t.Errorf("%s: there is no %s", at, code)
			}
		})
	}
}

// The page of subscriptions has every state that an event may tell, and no other.
func TestStatesAreExplained(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "schemas", "event-v1alpha1.json"))
	g.Expect(err).NotTo(HaveOccurred())
	var schema struct {
		Defs struct {
			Data struct {
				Properties struct {
					Subscription struct {
						Properties struct{ Status struct{ Enum []string } }
					}
				}
			}
		} `json:"$defs"`
	}
	g.Expect(json.Unmarshal(text, &schema)).To(Succeed())
	var told []string
	for _, p := range all(t) {
		for _, l := range p.Prose {
			if first, _, row := strings.Cut(strings.TrimPrefix(l.Text, "| "), " |"); row && p.Path == "docs/subscriptions.md" {
				for _, code := range pages.CodeSpan.FindAllStringSubmatch(first, -1) {
					told = append(told, code[1])
				}
			}
		}
	}
	g.Expect(told).To(ConsistOf(schema.Defs.Data.Properties.Subscription.Properties.Status.Enum))
}
