package checkout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// The sample sells the samples' Plans.
func TestTheSample(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	pro, lifetime, shop := &v1alpha1.Plan{}, &v1alpha1.Plan{}, &v1alpha1.CheckoutEndpoint{}
	for file, objects := range map[string][]client.Object{
		"30-plans.yaml": {pro, lifetime}, "checkout/10-shop.yaml": {&corev1.Secret{}, shop},
	} {
		root, err := controlplane.ModuleRoot()
		g.Expect(err).NotTo(HaveOccurred())
		text, err := os.ReadFile(filepath.Join(root, "config", "samples", file))
		g.Expect(err).NotTo(HaveOccurred())
		documents := strings.Split(string(text), "\n---\n")
		g.Expect(documents).To(HaveLen(len(objects)), file)
		for i, o := range objects {
			g.Expect(yaml.UnmarshalStrict([]byte(documents[i]), o)).To(Succeed(), file)
			s.Create(o)
		}
	}
	runs(s)
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(sold(s).Plans).To(HaveExactElements(
		And(HaveField("Name", "pro"), HaveField("DefaultPrice", "monthly"),
			HaveField("Features", []string{"Unlimited projects", "Priority support"}),
			HaveField("Prices", HaveExactElements(HaveField("Name", "yearly"), HaveField("Name", "monthly")))),
		And(HaveField("Name", "lifetime"), HaveField("Prices", HaveExactElements(HaveField("Recurring", BeNil())))),
	))
}
