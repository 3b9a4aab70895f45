package localnode_test

import (
	"os"
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// A chain grandparent ← parent ← child is deleted from its top in each of the three ways.
func TestGarbageCollection(t *testing.T) {
	for policy, childStays := range map[metav1.DeletionPropagation]bool{
		metav1.DeletePropagationBackground: false,
		metav1.DeletePropagationForeground: false,
		metav1.DeletePropagationOrphan:     true,
	} {
		t.Run(string(policy), func(t *testing.T) {
			c := newCluster(t, controlplane.Shared(t))
			maps := c.api.CoreV1().ConfigMaps(c.ns)
			create := func(name string, owner *corev1.ConfigMap) *corev1.ConfigMap {
				cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
				if owner != nil {
					gvk := corev1.SchemeGroupVersion.WithKind("ConfigMap")
					cm.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, gvk)}
				}
				cm, err := maps.Create(t.Context(), cm, metav1.CreateOptions{})
				c.Expect(err).NotTo(HaveOccurred())
				return cm
			}
			exists := func(name string) bool {
				_, err := maps.Get(t.Context(), name, metav1.GetOptions{})
				c.Expect(err == nil || apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
				return err == nil
			}
			grandparent := create("grandparent", nil)
			create("child", create("parent", grandparent))
			create("bystander", nil)

			c.Expect(maps.Delete(t.Context(), "grandparent", metav1.DeleteOptions{PropagationPolicy: &policy})).To(Succeed())
			c.Eventually(func() bool { return exists("grandparent") }, limit, tick).Should(BeFalse())
			if childStays {
				parent, err := maps.Get(t.Context(), "parent", metav1.GetOptions{})
				c.Expect(err).NotTo(HaveOccurred())
				c.Expect(parent.OwnerReferences).To(BeEmpty())
				c.Expect(exists("child")).To(BeTrue())
				return
			}
			if policy == metav1.DeletePropagationForeground {
				c.Expect(exists("parent") || exists("child")).To(BeFalse(), "the owner went before its dependents")
			}
			c.Eventually(func() bool { return exists("parent") || exists("child") }, limit, tick).Should(BeFalse())
			c.Expect(exists("bystander")).To(BeTrue())
		})
	}
}

// What a CustomResourceDefinition brings is collected too where it comes after the node.
func TestGarbageOfKindsThatComeLater(t *testing.T) {
	cp, err := controlplane.Start(t.Context(), controlplane.Options{NoFsync: true, NoCRDs: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() })
	c := newCluster(t, cp)
	crds := exec.CommandContext(t.Context(), cp.KubectlPath(), "apply", "--server-side", "-f", "../../config/crd/bases")
	crds.Env = append(os.Environ(), "KUBECONFIG="+cp.KubeconfigPath())
	out, err := crds.CombinedOutput()
	c.Expect(err).NotTo(HaveOccurred(), "%s", out)
	_, err = c.api.CoreV1().ConfigMaps(c.ns).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "left", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "billing.kassa.dev/v1alpha1", Kind: "WebhookReceiver", Name: "gone", UID: "gone",
		}},
	}}, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())
	c.Eventually(func() bool {
		_, err := c.api.CoreV1().ConfigMaps(c.ns).Get(t.Context(), "left", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, limit, tick).Should(BeTrue())
}
