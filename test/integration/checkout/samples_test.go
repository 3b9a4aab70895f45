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
	pro, lifetime, shop := &v1alpha1.Plan{}, &v1alpha1.Plan{}, &v1alpha1.CheckoutEndpoint{}
	for file, objects := range map[string][]client.Object{
		"20-stripe.yaml": {&corev1.Secret{}, &v1alpha1.PaymentProvider{}},
		"25-paddle.yaml": {&corev1.Secret{}, &v1alpha1.PaymentProvider{}},
		"30-plans.yaml":  {pro, lifetime},
		"50-app.yaml":    {&corev1.Secret{}, nil, nil},
		"60-shop.yaml":   {shop, nil},
	} {
		root, err := controlplane.ModuleRoot()
		g.Expect(err).NotTo(HaveOccurred())
		text, err := os.ReadFile(filepath.Join(root, "config", "samples", file))
		g.Expect(err).NotTo(HaveOccurred())
		at := strings.NewReplacer("http://sandbox.shop.svc", s.SandboxURL, "http://127.0.0.1:30111", s.SandboxURL)
		documents := strings.Split(at.Replace(string(text)), "\n---\n")
		g.Expect(documents).To(HaveLen(len(objects)), file)
		for i, o := range objects {
			if o == nil {
				continue // what is not Kassa's needs a NodePort that another test may have
			}
			g.Expect(yaml.UnmarshalStrict([]byte(documents[i]), o)).To(Succeed(), file)
			o.SetNamespace("")
			s.Create(o)
		}
	}
	runs(s)
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(sold(s).Plans).To(HaveExactElements(
		And(HaveField("Name", "pro"), HaveField("DefaultPrice", "monthly"),
			HaveField("Features", []string{"Unlimited projects", "Priority support"}),
			HaveField("Prices", HaveExactElements(
				And(HaveField("Name", "yearly"), HaveField("At", HaveLen(2))),
				And(HaveField("Name", "monthly"), HaveField("At", HaveLen(2)))))),
		And(HaveField("Name", "lifetime"), HaveField("Prices", HaveExactElements(
			And(HaveField("Recurring", BeNil()), HaveField("At", HaveLen(2)))))),
	))
	g.Expect(sold(s).Providers).To(HaveExactElements(
		And(HaveField("Name", "stripe"), HaveField("Weight", BeEquivalentTo(80))),
		And(HaveField("Name", "paddle"), HaveField("Weight", BeEquivalentTo(20)), HaveField("ClientToken", Not(BeNil()))),
	))
}
