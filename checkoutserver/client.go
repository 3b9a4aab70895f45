package checkoutserver

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
)

// NewClient makes a client of exactly the kinds that a checkout server reads; see serving.NewClient.
func NewClient(config *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return serving.NewClient(config, "kassa-checkout", scheme,
		v1alpha1.GroupVersion.WithKind("CheckoutEndpoint"), corev1.SchemeGroupVersion.WithKind("Secret"))
}
