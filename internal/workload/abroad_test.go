package workload

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// Whoever has an account of the server's name may not read the keys of other namespaces by that.
func TestReachIsForTheServersOwnAccount(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	server := receiver().Server()
	c := fake.NewClientBuilder().Build()
	a := Applier{Client: c, Live: c}
	abroad := types.NamespacedName{Namespace: "billing", Name: server.nameAbroad()}
	rights := func() (n int) {
		var roles rbacv1.RoleList
		var bindings rbacv1.RoleBindingList
		g.Expect(c.List(t.Context(), &roles)).To(Succeed())
		g.Expect(c.List(t.Context(), &bindings)).To(Succeed())
		return len(roles.Items) + len(bindings.Items)
	}
	secrets := map[string][]string{abroad.Namespace: {"stripe-api"}}
	g.Expect(a.Reach(t.Context(), server, secrets)).To(Succeed(), "before there is an account")
	g.Expect(rights()).To(Equal(2))
	g.Expect(a.Reach(t.Context(), server, nil)).To(Succeed())
	g.Expect(rights()).To(BeZero())
	g.Expect(a.Reach(t.Context(), server, secrets)).To(Succeed())

	foreign := &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: server.Owner.Namespace, Name: server.Name()},
	}
	g.Expect(c.Create(t.Context(), foreign)).To(Succeed())
	var refused *ForeignError
	g.Expect(errors.As(a.Reach(t.Context(), server, secrets), &refused)).To(BeTrue())
	g.Expect(refused.Kind).To(Equal("ServiceAccount"))
	g.Expect(rights()).To(BeZero())
}
