package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

const elsewhere = "http://elsewhere.example"

func lemon(url, secret string) *v1alpha1.PaymentProvider {
	return &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "lemon"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: url,
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				StoreID: "1", APIKeySecretRef: v1alpha1.SecretKeyReference{Name: secret, Key: "key"},
			},
		},
	}
}

// Who writes a file must not get to choose which Secret is sent where.
func TestNoKeyGoesWhereOnlyAFileSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lemon.yaml")
	text := "apiVersion: billing.kassa.dev/v1alpha1\nkind: PaymentProvider\nmetadata: {name: lemon, namespace: shop}\n" +
		"spec:\n  mode: Test\n  baseURL: " + elsewhere + "\n" +
		"  lemonSqueezy: {storeID: '1', apiKeySecretRef: {name: db, key: key}}\n"
	NewWithT(t).Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
	for name, c := range map[string]struct {
		there  *v1alpha1.PaymentProvider
		typed  string
		inFile bool
		opened bool
	}{
		"a new PaymentProvider":              {inFile: true},
		"another address":                    {there: lemon("", "db"), inFile: true},
		"another Secret":                     {there: lemon(elsewhere, "lemon-key"), inFile: true},
		"what the cluster has":               {there: lemon(elsewhere, "db"), inFile: true, opened: true},
		"an address that was typed":          {typed: "lemon=" + elsewhere, inFile: true, opened: true},
		"another's address that was typed":   {typed: "other=" + elsewhere, inFile: true},
		"the cluster's own, not from a file": {there: lemon(elsewhere, "db"), opened: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := fake.NewClientBuilder().WithScheme(kubectl.Scheme())
			if c.there != nil {
				b = b.WithObjects(c.there)
			}
			d := &diff{Options: kubectl.NewOptions(genericiooptions.NewTestIOStreamsDiscard(), nil)}
			if c.typed != "" {
				d.access.URLs = []string{c.typed}
			}
			files := &kubectl.Files{}
			if c.inFile {
				var err error
				files, err = d.ReadFiles([]string{file}, false, "shop")
				g.Expect(err).NotTo(HaveOccurred())
			}
			opened := false
			next := func(context.Context, *v1alpha1.PaymentProvider) (*accounts.Account, error) {
				opened = true
				return nil, nil
			}
			var cluster client.Reader = b.Build()
			_, err := d.trusting(files, cluster, next)(t.Context(), lemon(elsewhere, "db"))
			g.Expect(opened).To(Equal(c.opened))
			if !c.opened {
				g.Expect(err).To(MatchError(ContainSubstring("--provider-url lemon=" + elsewhere)))
			}
		})
	}
}
