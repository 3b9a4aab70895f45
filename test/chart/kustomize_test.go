package chart_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kassa-dev/kassa/test/chart"
	"github.com/kassa-dev/kassa/test/controlplane"
)

// Who installs with Helm and who installs with kustomize gets the same, but for labels that say who installed it.
func TestKustomizeHasTheSame(t *testing.T) {
	g := NewWithT(t)
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	built, err := exec.CommandContext(t.Context(), controlplane.Shared(t).KubectlPath(), "kustomize",
		filepath.Join(root, "config", "default")).Output()
	g.Expect(err).NotTo(HaveOccurred())
	kustomize := byName(chart.Decode(t, built))
	delete(kustomize, "Namespace /kassa-system") // Helm makes none
	rendered := byName(chart.Render(t, "kassa-operator", "kassa-system", "--set", "image.tag=latest"))
	g.Expect(slices.Sorted(maps.Keys(rendered))).To(Equal(slices.Sorted(maps.Keys(kustomize))))
	for name, object := range kustomize {
		if diff := cmp.Diff(object, rendered[name]); diff != "" {
			t.Errorf("%s differs in config/default (-) and charts/kassa (+):\n%s", name, diff)
		}
	}
}

// Where two releases are applied without Helm, whatever has one name for both says the same: neither has less by it.
func TestReleasesTakeNothingFromEachOther(t *testing.T) {
	g := NewWithT(t)
	one := byName(chart.Render(t, "kassa", "kassa-system"))
	other := byName(chart.Render(t, "other", "payments"))
	shared := 0
	for name, object := range one {
		if there, ok := other[name]; ok {
			shared++
			g.Expect(there).To(Equal(object), name)
		}
	}
	g.Expect(shared).To(BeNumerically(">", 0), "the CRDs")
	g.Expect(one).To(HaveKey("ClusterRole /kassa:all-namespaces"))
	g.Expect(other).To(HaveKey("ClusterRole /kassa:all-namespaces"))
}

func byName(objects []*unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for _, o := range objects {
		plain(o.Object)
		out[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = o.Object
	}
	return out
}

// plain takes away what says who installed an object, and leaves no map empty.
func plain(o map[string]any) {
	for key, value := range o {
		switch v := value.(type) {
		case map[string]any:
			plain(v)
			if len(v) == 0 {
				delete(o, key)
			}
		case []any:
			for _, item := range v {
				if m, ok := item.(map[string]any); ok {
					plain(m)
				}
			}
		case string:
			if strings.HasPrefix(key, "app.kubernetes.io/") || strings.HasPrefix(key, "helm.sh/") {
				delete(o, key)
			}
		}
	}
}
