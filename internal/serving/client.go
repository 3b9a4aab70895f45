package serving

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NewClient makes a client of exactly these namespaced kinds, whose types are in the scheme. It asks the API server for
// no discovery and limits no rate: the API server's own fairness does.
func NewClient(
	config *rest.Config, userAgent string, scheme *runtime.Scheme, kinds ...schema.GroupVersionKind,
) (client.WithWatch, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = userAgent
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range kinds {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return c, nil
}
