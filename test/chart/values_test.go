package chart_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// What is rendered for the API server has every value, and the chart's description every CRD.
func TestEveryValueIsSet(t *testing.T) {
	g := NewWithT(t)
	all := paths("", read(g, "tests", "all-values.yaml"))
	for _, path := range paths("", read(g, "values.yaml")) {
		g.Expect(all).To(ContainElement(path), "tests/all-values.yaml")
	}
}

// After helm upgrade --reuse-values from an earlier version, groups of values that are new are missing, and named.
func TestEveryGroupOfValuesIsRequired(t *testing.T) {
	g := NewWithT(t)
	var groups []string
	for name, value := range read(g, "values.yaml") {
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && !slices.Contains(whole, name) {
			groups = append(groups, name)
		}
	}
	g.Expect(read(g, "values.schema.json")["required"]).To(ConsistOf(groups))
}

func TestEveryCRDIsDescribed(t *testing.T) {
	g := NewWithT(t)
	annotations, ok := read(g, "Chart.yaml")["annotations"].(map[string]any)
	g.Expect(ok).To(BeTrue())
	text, ok := annotations["artifacthub.io/crds"].(string)
	g.Expect(ok).To(BeTrue())
	var described []struct{ Name, Kind, Version, DisplayName, Description string }
	g.Expect(yaml.UnmarshalStrict([]byte(text), &described)).To(Succeed())
	var names []string
	for _, d := range described {
		names = append(names, d.Name)
	}
	files, err := filepath.Glob(filepath.Join(root(g), "files", "crds", "*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var want []string
	for _, file := range files {
		crd := map[string]any{}
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(yaml.Unmarshal(content, &crd)).To(Succeed())
		meta, _ := crd["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		want = append(want, name)
	}
	g.Expect(names).To(ConsistOf(want))
}

func root(g *WithT) string {
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	return filepath.Join(root, "charts", "kassa")
}

func read(g *WithT, path ...string) map[string]any {
	content, err := os.ReadFile(filepath.Join(slices.Insert(path, 0, root(g))...))
	g.Expect(err).NotTo(HaveOccurred())
	values := map[string]any{}
	g.Expect(yaml.Unmarshal(content, &values)).To(Succeed())
	return values
}

// whole are values that are maps of anybody's keys.
var whole = []string{"labels", "annotations", "resources"}

// paths are the names of values, such as metrics, metrics.podMonitor and metrics.podMonitor.enabled.
func paths(prefix string, values map[string]any) []string {
	var out []string
	for name, value := range values {
		out = append(out, prefix+name)
		if inner, ok := value.(map[string]any); ok && !slices.Contains(whole, name) {
			out = append(out, paths(prefix+name+".", inner)...)
		}
	}
	return out
}
