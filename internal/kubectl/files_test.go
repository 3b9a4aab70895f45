package kubectl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/provider"
)

const manifests = `apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata: {name: stripe}
spec: {mode: Test, stripe: {apiKeySecretRef: {name: keys, key: a}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {a: of the file}
---
apiVersion: v1
kind: List
items:
- apiVersion: billing.kassa.dev/v1alpha1
  kind: Plan
  metadata: {name: pro, namespace: other}
  spec: {displayName: Pro}
`

func read(t *testing.T, text string, files ...string) (*kubectl.Files, error) {
	t.Helper()
	streams := genericiooptions.IOStreams{In: strings.NewReader(text)}
	return kubectl.NewOptions(streams, provider.Registry{}).ReadFiles(files, false, "shop")
}

func at(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func TestFiles(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(manifests), 0o600)).To(Succeed())
	for _, files := range [][]string{{dir}, {"-"}} {
		f, err := read(t, manifests, files...)
		g.Expect(err).NotTo(HaveOccurred())
		plans, err := f.Plans()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(plans).To(ConsistOf(HaveField("ObjectMeta.Namespace", "other")))
		pp, secret := &v1alpha1.PaymentProvider{}, &corev1.Secret{}
		g.Expect(f.Get(t.Context(), at("shop", "stripe"), pp)).To(Succeed())
		g.Expect(pp.Spec.Mode).To(Equal(v1alpha1.ModeTest))
		g.Expect(f.Get(t.Context(), at("shop", "keys"), secret)).To(Succeed())
		g.Expect(string(secret.Data["a"])).To(Equal("of the file"))
		meta := &metav1.PartialObjectMetadata{}
		meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		g.Expect(f.Get(t.Context(), at("shop", "keys"), meta)).To(Succeed())
		g.Expect(apierrors.IsNotFound(f.Get(t.Context(), at("other", "stripe"), pp))).To(BeTrue())
	}
}

// Files go before the cluster, but for Secrets, which may be encrypted there.
func TestFilesAndTheCluster(t *testing.T) {
	g := NewWithT(t)
	there := metav1.ObjectMeta{Namespace: "shop", Name: "stripe"}
	f, err := read(t, manifests, "-")
	g.Expect(err).NotTo(HaveOccurred())
	f.Cluster = fake.NewClientBuilder().WithScheme(kubectl.Scheme()).WithObjects(
		&v1alpha1.PaymentProvider{ObjectMeta: there, Spec: v1alpha1.PaymentProviderSpec{Mode: v1alpha1.ModeLive}},
		&v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "paddle"}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "keys"},
			Data:       map[string][]byte{"a": []byte("of the cluster")},
		},
	).Build()
	pp, secret := &v1alpha1.PaymentProvider{}, &corev1.Secret{}
	g.Expect(f.Get(t.Context(), at("shop", "stripe"), pp)).To(Succeed())
	g.Expect(pp.Spec.Mode).To(Equal(v1alpha1.ModeTest))
	g.Expect(f.Get(t.Context(), at("shop", "paddle"), pp)).To(Succeed())
	g.Expect(f.Get(t.Context(), at("shop", "keys"), secret)).To(Succeed())
	g.Expect(string(secret.Data["a"])).To(Equal("of the cluster"))
}

// What the API server would refuse to read is no Plan, and what is wrong with a Secret is not quoted.
func TestFilesThatCannotBeRead(t *testing.T) {
	g := NewWithT(t)
	f, err := read(t, strings.Replace(manifests, "displayName: Pro", "displayname: Pro", 1), "-")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = f.Plans()
	g.Expect(err).To(MatchError(And(ContainSubstring("other/pro"), ContainSubstring(`unknown field "spec.displayname"`))))
	f, err = read(t, strings.Replace(manifests, "a: of the file", "a: [hush]", 1), "-")
	g.Expect(err).NotTo(HaveOccurred())
	err = f.Get(t.Context(), at("shop", "keys"), &corev1.Secret{})
	g.Expect(err).To(MatchError(Not(ContainSubstring("hush"))))
	_, err = read(t, "", filepath.Join(t.TempDir(), "none.yaml"))
	g.Expect(err).To(HaveOccurred())
}
