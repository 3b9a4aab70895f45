package checkout

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/test/stack"
)

// Which address a provider's key is sent to is in a Secret, and there alone. What somebody writes there is put back,
// and a Secret that is gone is written anew.
func TestWhereKeysAreSentIsKeptInASecret(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	shop := endpoint("pro")
	s.Create(stack.Secret("shop-token", "token", "a token"), stack.Plan("pro"), shop)
	runs(s)
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	secret := &corev1.Secret{}
	g.Expect(s.Client.Get(t.Context(), s.Key("shop-storefront"), secret)).To(Succeed())
	g.Expect(secret.Type).To(Equal(corev1.SecretType(storefront.SecretType)))
	g.Expect(metav1.IsControlledBy(secret, shop)).To(BeTrue())
	err := s.Client.Get(t.Context(), s.Key("shop-storefront"), &corev1.ConfigMap{})
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)

	address := func() string {
		if d := sold(s); d != nil && len(d.Providers) == 1 {
			return d.Providers[0].BaseURL
		}
		return ""
	}
	right := address()
	g.Expect(right).NotTo(BeEmpty())
	text := string(secret.Data[storefront.DocumentKey])
	secret.Data[storefront.DocumentKey] = []byte(strings.ReplaceAll(text, right, "http://evil.example.com"))
	g.Expect(s.Client.Update(context.Background(), secret)).To(Succeed())
	g.Eventually(address, stack.Patience, often).Should(Equal(right))
	g.Expect(s.Client.Delete(t.Context(), secret)).To(Succeed())
	g.Eventually(address, stack.Patience, often).Should(Equal(right))
}
