package kubectl

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/accounts/readonly"
)

// KeyVariable has an API key where neither a Secret nor a file does.
const KeyVariable = "KASSA_API_KEY"

// Access are the flags that say how providers are reached.
type Access struct {
	KeyFiles []string
	URLs     []string
}

// AddFlags adds them.
func (a *Access) AddFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&a.KeyFiles, "api-key-file", nil,
		"file with the API key, instead of the Secret, as FILE or PAYMENTPROVIDER=FILE; without any Secret, "+KeyVariable+
			" is used")
	f.StringArrayVar(&a.URLs, "provider-url", nil,
		"address of the provider's API, instead of spec.baseURL, as URL or PAYMENTPROVIDER=URL")
}

// URL is the address that was given for a PaymentProvider; empty if there is none.
func (a *Access) URL(name string) string {
	urls := map[string]string{}
	for _, flag := range a.URLs {
		of, url := split(flag)
		urls[of] = url
	}
	return cmp.Or(urls[name], urls[""])
}

// Desk opens accounts for reading. secrets and c are nil where there is no cluster; what is opened in the cluster stays
// so until ctx ends.
func (o *Options) Desk(ctx context.Context, a *Access, secrets client.Reader, c client.Client) (*readonly.Desk, error) {
	keys := map[string]string{}
	for _, flag := range a.KeyFiles {
		name, file := split(flag)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the API key: %w", err)
		}
		if keys[name] = strings.TrimSpace(string(text)); keys[name] == "" {
			return nil, fmt.Errorf("reading the API key: %s is empty", file) // the Secret's is not what was asked for
		}
	}
	options := readonly.Options{
		Registry: o.Registry, Secrets: secrets,
		Key: func(name string) (string, bool) {
			if key := cmp.Or(keys[name], keys[""]); key != "" {
				return key, true
			}
			return os.Getenv(KeyVariable), false
		},
		URL: a.URL,
	}
	if c != nil {
		options.Forward = func(service types.NamespacedName, port int32) (string, error) {
			return o.Forward(ctx, c, service, port)
		}
	}
	return readonly.New(options), nil
}

// split takes the name of a PaymentProvider off a flag's value, where it begins with one.
func split(flag string) (name, value string) {
	if name, value, ok := strings.Cut(flag, "="); ok && !strings.ContainsAny(name, "/.:") {
		return name, value
	}
	return "", flag
}

// ClusterID is what marks at providers tell this cluster by.
func ClusterID(ctx context.Context, c client.Reader) (string, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := c.Get(ctx, types.NamespacedName{Name: metav1.NamespaceSystem}, meta); err != nil {
		return "", fmt.Errorf("reading the cluster's id, which is the UID of namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(meta.UID), nil
}
