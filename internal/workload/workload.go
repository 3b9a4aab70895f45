// Package workload describes the servers that Kassa deploys, as server-side apply configurations, and makes the cluster
// so. Server is any of them; Receiver says what a WebhookReceiver's is, Checkout what a CheckoutEndpoint's is.
package workload

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Managed are labels that every object of a deployed server has.
func Managed() map[string]string { return map[string]string{"app.kubernetes.io/managed-by": "kassa"} }

// Kinds are the kinds of the objects of deployed servers that every cluster has; HTTPRoute is the one that not every
// cluster has.
func Kinds() []client.Object {
	return append([]client.Object{
		&corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &appsv1.Deployment{}, &corev1.Service{},
		&policyv1.PodDisruptionBudget{}, &networkingv1.Ingress{},
	}, optional()...)
}

// optional are those of Server.Objects that a spec may ask for or not.
func optional() []client.Object {
	return []client.Object{&autoscalingv2.HorizontalPodAutoscaler{}, &networkingv1.NetworkPolicy{}}
}

// DefaultReplicas of a deployed server, with and without autoscaling.
const DefaultReplicas = 2

// Ports of a deployed server. Probes and metrics are plain HTTP also where the server speaks TLS.
const (
	PortHTTP   = 8080
	PortHTTPS  = 8443
	PortHealth = 8081
)

// GraceSeconds is how long a pod may take to finish its requests and settle its claims.
const GraceSeconds = 30

// Owner is the object that a server belongs to. What is deployed for it goes with it.
type Owner struct {
	Kind, Namespace, Name string
	UID                   types.UID
}

// Server is a server to deploy.
type Server struct {
	Owner Owner
	// Command is the binary's command, such as receiver. The names of the objects end with it.
	Command string
	// Args follow the command.
	Args  []string
	Image string
	// PullSecrets pull the image where the spec names none.
	PullSecrets []string
	// Labels are added to every object.
	Labels map[string]string
	// Env is added to the server's container.
	Env []corev1.EnvVar
	// Rules are what the server may do in its namespace.
	Rules    []*rbacac.PolicyRuleApplyConfiguration
	Workload v1alpha1.Workload
	// TLS: the server is started with --tls and speaks nothing else on its port.
	TLS bool
	// URL is where clients call; its host and path are what Expose exposes, and with Below everything below the path.
	URL    string
	Below  bool
	Expose *v1alpha1.Exposure
	// Asked: the operator has questions, which the Service leads to PortHealth.
	Asked bool
}

// Name of every object of the server.
func (s Server) Name() string { return s.Owner.Name + "-" + s.Command }

// Objects are what is to be applied, in order, without what exposes the server.
func (s Server) Objects() []runtime.ApplyConfiguration {
	objects := []runtime.ApplyConfiguration{
		s.serviceAccount(), s.role(), s.roleBinding(), s.deployment(), s.service(), s.disruptionBudget(),
	}
	if s.Workload.Autoscaling != nil {
		objects = append(objects, s.autoscaler())
	}
	if s.hasNetworkPolicy() {
		objects = append(objects, s.networkPolicy())
	}
	return objects
}

func (s Server) selector() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "kassa-" + s.Command, "app.kubernetes.io/instance": s.Owner.Name,
	}
}

func (s Server) labels() map[string]string {
	l := maps.Clone(s.Labels)
	if l == nil {
		l = map[string]string{}
	}
	maps.Copy(l, s.selector())
	maps.Copy(l, Managed())
	return l
}

func (s Server) pods() *metaac.LabelSelectorApplyConfiguration {
	return metaac.LabelSelector().WithMatchLabels(s.selector())
}

func (s Server) ownerReference() *metaac.OwnerReferenceApplyConfiguration {
	return metaac.OwnerReference().WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind(s.Owner.Kind).
		WithName(s.Owner.Name).WithUID(s.Owner.UID).WithController(true).WithBlockOwnerDeletion(true)
}

// port is the server's port: its name at pods and Service, its number at pods, and its number at the Service.
func (s Server) port() (name string, pod, service int32) {
	if s.TLS {
		return "https", PortHTTPS, 443
	}
	return "http", PortHTTP, 80
}
