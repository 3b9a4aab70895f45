package receiver

import (
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// installGatewayAPI makes the kind HTTPRoute with as much of the Gateway API's schema (v1, standard channel) as routes
// of Kassa use; a field that it does not have would be refused, as there. The returned function takes the kind away, as
// the test's end does.
func installGatewayAPI(t *testing.T, s *stack.Stack) (remove func()) {
	t.Helper()
	g := NewWithT(t)
	scheme := runtime.NewScheme()
	g.Expect(apiextensionsv1.AddToScheme(scheme)).To(Succeed())
	c, err := client.New(s.Plane.Config(), client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{
			Name: "httproutes." + workload.HTTPRoute.Group,
			// The API server admits this group's kinds only with the word of the project.
			Annotations: map[string]string{"api-approved.kubernetes.io": "unapproved, a part for tests"},
		},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: workload.HTTPRoute.Group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: "httproutes", Singular: "httproute", Kind: "HTTPRoute", ListKind: "HTTPRouteList",
			},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{
					Status: &apiextensionsv1.CustomResourceSubresourceStatus{},
				},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: routeSchema()},
			}},
		},
	}
	g.Expect(c.Create(t.Context(), crd)).To(Succeed())
	remove = func() {
		NewWithT(t).Expect(client.IgnoreNotFound(c.Delete(contextOf(t), crd))).To(Succeed())
		NewWithT(t).Eventually(func() error {
			return c.Get(contextOf(t), client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{})
		}, stack.Patience, often).ShouldNot(Succeed())
	}
	t.Cleanup(remove)
	return remove
}

type schema = apiextensionsv1.JSONSchemaProps

func routeSchema() *schema {
	word := schema{Type: "string", MaxLength: ptr.To[int64](253)}
	port := schema{Type: "integer", Format: "int32"}
	object := func(required []string, properties map[string]schema) schema {
		return schema{Type: "object", Required: required, Properties: properties}
	}
	list := func(of schema) schema {
		return schema{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &of}}
	}
	reference := object([]string{"name"}, map[string]schema{
		"group": word, "kind": word, "name": word, "namespace": word, "sectionName": word, "port": port,
	})
	path := object(nil, map[string]schema{
		"type":  {Type: "string", Enum: []apiextensionsv1.JSON{{Raw: []byte(`"Exact"`)}, {Raw: []byte(`"PathPrefix"`)}}},
		"value": {Type: "string", MaxLength: ptr.To[int64](1024)},
	})
	backend := object([]string{"name"}, map[string]schema{
		"group": word, "kind": word, "name": word, "namespace": word, "port": port,
		"weight": {Type: "integer", Format: "int32", Default: &apiextensionsv1.JSON{Raw: []byte("1")}},
	})
	condition := object([]string{"lastTransitionTime", "message", "reason", "status", "type"}, map[string]schema{
		"lastTransitionTime": {Type: "string", Format: "date-time"}, "message": {Type: "string"},
		"observedGeneration": {Type: "integer", Format: "int64"}, "reason": word, "status": word, "type": word,
	})
	rule := object(nil, map[string]schema{
		"matches":     list(object(nil, map[string]schema{"path": path})),
		"backendRefs": list(backend),
	})
	root := object([]string{"spec"}, map[string]schema{
		"apiVersion": {Type: "string"}, "kind": {Type: "string"}, "metadata": {Type: "object"},
		"spec": object(nil, map[string]schema{
			"hostnames": list(word), "parentRefs": list(reference), "rules": list(rule),
		}),
		"status": object([]string{"parents"}, map[string]schema{
			"parents": list(object([]string{"parentRef", "controllerName"}, map[string]schema{
				"parentRef": reference, "controllerName": word, "conditions": list(condition),
			})),
		}),
	})
	return &root
}
