package chart_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/chart"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

// An API server takes every object that the chart can render, and Pod Security's level restricted takes its pods.
func TestEveryValueIsTaken(t *testing.T) {
	s, g := stack.New(t, stack.Options{}), NewWithT(t)
	restrict(t, s.Client, s.Namespace)
	objects := chart.Render(t, "kassa", s.Namespace, "-f", "charts/kassa/tests/all-values.yaml",
		"--set", "namespaces={"+s.Namespace+"}")
	for _, o := range objects {
		if o.GroupVersionKind().Group == "monitoring.coreos.com" {
			continue // the Prometheus operator's kinds are not there
		}
		err := s.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.DryRunAll,
			client.FieldOwner("chart"), client.ForceOwnership)
		g.Expect(err).NotTo(HaveOccurred(), "%s %s", o.GetKind(), o.GetName())
		if o.GetKind() == "Deployment" {
			g.Expect(s.Client.Create(t.Context(), podOf(g, s.Namespace, o), client.DryRunAll)).To(Succeed(), o.GetName())
		}
	}
}

func restrict(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	o := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	patch := client.RawPatch("application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`))
	g := NewWithT(t)
	g.Expect(c.Patch(t.Context(), o, patch)).To(Succeed())
	open := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "open"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "open", Image: "open"}}},
	}
	g.Eventually(func() bool {
		return apierrors.IsForbidden(c.Create(t.Context(), open.DeepCopy(), client.DryRunAll))
	}, stack.Patience).Should(BeTrue(), "the level is not enforced")
}

// podOf is one of a Deployment's pods, with the ServiceAccount that every namespace has.
func podOf(g *WithT, namespace string, o *unstructured.Unstructured) *corev1.Pod {
	d := &appsv1.Deployment{}
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d)).To(Succeed())
	pod := &corev1.Pod{ObjectMeta: d.Spec.Template.ObjectMeta, Spec: d.Spec.Template.Spec}
	pod.Namespace, pod.Name, pod.Spec.ServiceAccountName = namespace, d.Name, ""
	return pod
}

// maxRelease is of a release's Secret, in bytes. The API server takes 1 MiB.
const maxRelease = 700 << 10

// An upgrade upgrades the CRDs, and what users declared outlives the release.
func TestLifeOfARelease(t *testing.T) {
	s, g := stack.New(t, stack.Options{}), NewWithT(t)
	helm := func(args ...string) { chart.Helm(t, s.Plane.KubeconfigPath(), append(args, "-n", s.Namespace)...) }
	// The test's API server has the CRDs already.
	helm("install", "kassa", "charts/kassa", "--take-ownership")
	plans := crd(g, s.Client)
	g.Expect(plans.GetAnnotations()).To(HaveKeyWithValue("meta.helm.sh/release-name", "kassa"))
	secret := &corev1.Secret{}
	g.Expect(s.Client.Get(t.Context(), s.Key("sh.helm.release.v1.kassa.v1"), secret)).To(Succeed())
	t.Logf("a release takes %d KiB", size(secret)>>10)
	g.Expect(size(secret)).To(BeNumerically("<", maxRelease))

	s.Create(stack.Plan("pro"))
	g.Expect(chart.Refused(t, s.Plane.KubeconfigPath(), "install", "other", "charts/kassa", "-n", s.Namespace,
		"--set", "crds.install=false")).To(ContainSubstring(`"kassa:all-namespaces" in namespace "" exists`))

	helm("upgrade", "kassa", "charts/kassa", "--set", "commonLabels.team=payments", "--set", "replicas=2")
	g.Expect(crd(g, s.Client).GetLabels()).To(HaveKeyWithValue("team", "payments"))

	helm("uninstall", "kassa")
	err := s.Client.Get(t.Context(), s.Key("kassa"), &appsv1.Deployment{})
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
	g.Expect(crd(g, s.Client).GetDeletionTimestamp()).To(BeNil())
	g.Expect(s.Client.Get(t.Context(), s.Key("pro"), &v1alpha1.Plan{})).To(Succeed())
}

func size(secret *corev1.Secret) int { return len(secret.Data["release"]) }

func crd(g *WithT, c client.Client) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{
		Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition",
	})
	g.Expect(c.Get(context.Background(), client.ObjectKey{Name: "plans." + v1alpha1.GroupVersion.Group}, o)).To(Succeed())
	return o
}
