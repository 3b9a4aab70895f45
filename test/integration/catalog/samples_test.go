package catalog

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// What the samples say is admitted as it stands, and works.
func TestTheSamplesOfTheCatalogue(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.Sandbox.LemonSqueezy().AddStore(lemonsqueezy.Store{ID: 1, Name: "Shop"})
	for _, file := range []string{
		"20-stripe.yaml", "25-paddle.yaml", "30-plans.yaml", "catalogue/10-lemonsqueezy.yaml", "catalogue/20-plans.yaml",
	} {
		applySample(t, s, file)
	}
	for _, name := range []string{"stripe", "paddle", "lemon"} {
		pp := &v1alpha1.PaymentProvider{}
		pp.Name = name
		eventually(s, func() string { return s.State(pp) }).Should(Equal(accountReady), name)
	}
	for _, name := range []string{"pro", "lifetime", "team", "usage"} {
		eventually(s, planSays(s, name)).Should(Equal(planReady), name)
	}
	eventually(s, planSays(s, "enterprise")).Should(ContainSubstring(v1alpha1.ReasonPendingChanges))
	for _, at := range plan(s, "enterprise").Status.Providers {
		g.Expect(at.Pending).NotTo(BeEmpty(), at.Name)
		g.Expect(at.ProductID).To(BeEmpty(), at.Name)
	}
}

func applySample(t *testing.T, s *stack.Stack, file string) {
	t.Helper()
	g := NewWithT(t)
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", file))
	g.Expect(err).NotTo(HaveOccurred())
	for _, address := range []string{"http://sandbox.shop.svc", "http://127.0.0.1:30111"} {
		text = bytes.ReplaceAll(text, []byte(address), []byte(s.SandboxURL))
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := documents.Decode(o)
		if errors.Is(err, io.EOF) {
			return
		}
		g.Expect(err).NotTo(HaveOccurred(), file)
		o.SetNamespace("")
		s.Create(o)
	}
}
