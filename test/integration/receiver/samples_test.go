package receiver

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// The samples of receivers are admitted as they stand.
func TestTheSamplesOfReceivers(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	files, err := filepath.Glob(filepath.Join(root, "config", "samples", "receivers", "*.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).NotTo(BeEmpty())
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		receiver := &v1alpha1.WebhookReceiver{}
		g.Expect(yaml.UnmarshalStrict(text, receiver)).To(Succeed(), file)
		receiver.Namespace = s.Namespace
		g.Expect(s.Client.Create(t.Context(), receiver, client.DryRunAll)).To(Succeed(), file)
	}
}
