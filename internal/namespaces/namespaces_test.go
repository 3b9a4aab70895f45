package namespaces_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/kassa-dev/kassa/internal/namespaces"
)

func there() client.Client {
	in := func(namespace string) client.Object {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "one"}}
	}
	return fake.NewClientBuilder().WithObjects(in("a"), in("b"), in("c"),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "c"}}).Build()
}

func found(list *corev1.ConfigMapList) []string {
	var in []string
	for i := range list.Items {
		in = append(in, list.Items[i].Namespace)
	}
	return in
}

func TestParse(t *testing.T) {
	g := NewWithT(t)
	g.Expect(namespaces.Parse(nil)).To(BeEmpty())
	g.Expect(namespaces.Parse([]string{"b", "a", "b"})).To(Equal(namespaces.Set{"b", "a"}))
	for _, wrong := range []string{"", "A", "a/b", "*"} {
		_, err := namespaces.Parse([]string{"a", wrong})
		g.Expect(err).To(MatchError(ContainSubstring("is no name of a namespace")), "%q", wrong)
	}
}

func TestEverywhere(t *testing.T) {
	g := NewWithT(t)
	var all namespaces.Set
	c := there()
	g.Expect(all.Has("anything")).To(BeTrue())
	g.Expect(all.Cache()).To(BeNil())
	g.Expect(all.Client(c)).To(BeIdenticalTo(c))
	g.Expect(all.Reader(c)).To(BeIdenticalTo(c))
}

func TestClientStaysInside(t *testing.T) {
	g := NewWithT(t)
	set := namespaces.Set{"a", "b"}
	g.Expect(set.Cache()).To(And(HaveLen(2), HaveKey("a"), HaveKey("b")))
	c := set.Client(there())
	cm := &corev1.ConfigMap{}
	g.Expect(c.Get(t.Context(), client.ObjectKey{Namespace: "a", Name: "one"}, cm)).To(Succeed())
	err := c.Get(t.Context(), client.ObjectKey{Namespace: "c", Name: "one"}, cm)
	g.Expect(err).To(Equal(&namespaces.OutsideError{Namespace: "c"}))
	g.Expect(c.Get(t.Context(), client.ObjectKey{Name: "c"}, &corev1.Namespace{})).To(Succeed(), "it is in no namespace")

	list := &corev1.ConfigMapList{}
	g.Expect(c.List(t.Context(), list, client.InNamespace("b"))).To(Succeed())
	g.Expect(found(list)).To(Equal([]string{"b"}))
	g.Expect(c.List(t.Context(), list, client.InNamespace("c"))).To(Succeed())
	g.Expect(found(list)).To(BeEmpty())
}

func TestReaderListsEach(t *testing.T) {
	g := NewWithT(t)
	r := namespaces.Set{"b", "a"}.Reader(there())
	list := &corev1.ConfigMapList{}
	g.Expect(r.List(t.Context(), list)).To(Succeed())
	g.Expect(found(list)).To(Equal([]string{"b", "a"}))
	g.Expect(r.List(t.Context(), list, client.InNamespace("a"))).To(Succeed())
	g.Expect(found(list)).To(Equal([]string{"a"}))
}
