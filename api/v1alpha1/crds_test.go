package v1alpha1_test

import (
	"os"
	"path"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

// A kind that the kustomization leaves out is one that the operator waits for in vain.
func TestEveryKindIsInstalled(t *testing.T) {
	g := NewWithT(t)
	files, err := os.ReadDir("../../config/crd/bases")
	g.Expect(err).NotTo(HaveOccurred())
	var bases []string
	for _, f := range files {
		bases = append(bases, path.Join("bases", f.Name()))
	}
	text, err := os.ReadFile("../../config/crd/kustomization.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var kustomization struct{ Resources []string }
	g.Expect(yaml.Unmarshal(text, &kustomization)).To(Succeed())
	g.Expect(kustomization.Resources).To(ConsistOf(bases))
}
