// Package workload describes the servers that Kassa deploys, as server-side apply configurations.
package workload

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyac "k8s.io/client-go/applyconfigurations/policy/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Managed are labels that every object of a deployed server has.
func Managed() map[string]string { return map[string]string{"app.kubernetes.io/managed-by": "kassa"} }

// Kinds are the kinds of the objects of deployed servers.
func Kinds() []client.Object {
	return []client.Object{
		&corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &appsv1.Deployment{}, &corev1.Service{},
		&policyv1.PodDisruptionBudget{},
	}
}

// DefaultReplicas of a deployed server.
const DefaultReplicas = 2

// Ports of a deployed server.
const (
	PortHTTP   = 8080
	PortHealth = 8081
)

// drainSeconds is how long a pod may take to finish its requests and settle its claims.
const drainSeconds = 30

// Receiver is the server of one WebhookReceiver.
type Receiver struct {
	Object        *v1alpha1.WebhookReceiver
	Image         string
	SigningSecret string
	Cluster       string          // UID of the kube-system namespace
	Env           []corev1.EnvVar // added to the server's container
}

// Name of the Deployment, Service, ServiceAccount, Role, RoleBinding and PodDisruptionBudget.
func (r Receiver) Name() string { return r.Object.Name + "-receiver" }

// Objects are everything to apply, in order.
func (r Receiver) Objects() []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		r.serviceAccount(), r.role(), r.roleBinding(), r.deployment(), r.service(), r.disruptionBudget(),
	}
}

func (r Receiver) selector() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "kassa-receiver", "app.kubernetes.io/instance": r.Object.Name,
	}
}

func (r Receiver) labels() map[string]string {
	l := r.selector()
	maps.Copy(l, Managed())
	l[v1alpha1.LabelReceiver] = r.Object.Name
	return l
}

func (r Receiver) ownerReference() *metaac.OwnerReferenceApplyConfiguration {
	return metaac.OwnerReference().WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("WebhookReceiver").
		WithName(r.Object.Name).WithUID(r.Object.UID).WithController(true).WithBlockOwnerDeletion(true)
}

func (r Receiver) serviceAccount() *coreac.ServiceAccountApplyConfiguration {
	return coreac.ServiceAccount(r.Name(), r.Object.Namespace).WithLabels(r.labels()).
		WithOwnerReferences(r.ownerReference())
}

// role is what the server may do, and no more: read its own receiver and Secret by name, read the Plans of its
// namespace, and keep the ledger and the inbox there. Segments and inbox objects get their names as they are made, so
// those rights cannot be bound to names.
func (r Receiver) role() *rbacac.RoleApplyConfiguration {
	group := v1alpha1.GroupVersion.Group
	return rbacac.Role(r.Name(), r.Object.Namespace).WithLabels(r.labels()).WithOwnerReferences(r.ownerReference()).
		WithRules(
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("webhookreceivers").
				WithResourceNames(r.Object.Name).WithVerbs("get", "list", "watch"),
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("webhookreceivers/status").
				WithResourceNames(r.Object.Name).WithVerbs("patch"),
			rbacac.PolicyRule().WithAPIGroups("").WithResources("secrets").
				WithResourceNames(r.SigningSecret).WithVerbs("get", "list", "watch"),
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("eventledgers").
				WithVerbs("get", "list", "watch", "create", "update", "delete"),
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("webhookevents").
				WithVerbs("get", "list", "watch", "create", "delete"),
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("webhookevents/status").WithVerbs("patch"),
			rbacac.PolicyRule().WithAPIGroups(group).WithResources("plans").WithVerbs("list", "watch"),
		)
}

func (r Receiver) roleBinding() *rbacac.RoleBindingApplyConfiguration {
	return rbacac.RoleBinding(r.Name(), r.Object.Namespace).WithLabels(r.labels()).
		WithOwnerReferences(r.ownerReference()).
		WithRoleRef(rbacac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(r.Name())).
		WithSubjects(rbacac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(r.Name()).
			WithNamespace(r.Object.Namespace))
}

func (r Receiver) service() *coreac.ServiceApplyConfiguration {
	return coreac.Service(r.Name(), r.Object.Namespace).WithLabels(r.labels()).WithOwnerReferences(r.ownerReference()).
		WithSpec(coreac.ServiceSpec().WithSelector(r.selector()).WithPorts(
			coreac.ServicePort().WithName("http").WithPort(80).WithTargetPort(intstr.FromString("http")).
				WithProtocol(corev1.ProtocolTCP)))
}

func (r Receiver) disruptionBudget() *policyac.PodDisruptionBudgetApplyConfiguration {
	return policyac.PodDisruptionBudget(r.Name(), r.Object.Namespace).WithLabels(r.labels()).
		WithOwnerReferences(r.ownerReference()).
		WithSpec(policyac.PodDisruptionBudgetSpec().WithMaxUnavailable(intstr.FromInt32(1)).
			WithSelector(metaac.LabelSelector().WithMatchLabels(r.selector())))
}

func (r Receiver) workload() v1alpha1.Workload {
	if w := r.Object.Spec.Workload; w != nil {
		return *w
	}
	return v1alpha1.Workload{}
}

func (r Receiver) deployment() *appsac.DeploymentApplyConfiguration {
	w := r.workload()
	replicas := int32(DefaultReplicas)
	if w.Replicas != nil {
		replicas = *w.Replicas
	}
	podLabels := maps.Clone(w.PodLabels)
	if podLabels == nil {
		podLabels = map[string]string{}
	}
	maps.Copy(podLabels, r.labels())
	return appsac.Deployment(r.Name(), r.Object.Namespace).WithLabels(r.labels()).
		WithOwnerReferences(r.ownerReference()).
		WithSpec(appsac.DeploymentSpec().WithReplicas(replicas).
			WithSelector(metaac.LabelSelector().WithMatchLabels(r.selector())).
			// A new pod is ready before an old one goes: a roll never takes capacity away.
			WithStrategy(appsac.DeploymentStrategy().WithType("RollingUpdate").
				WithRollingUpdate(appsac.RollingUpdateDeployment().WithMaxUnavailable(intstr.FromInt32(0)).
					WithMaxSurge(intstr.FromInt32(1)))).
			WithTemplate(coreac.PodTemplateSpec().WithLabels(podLabels).WithAnnotations(w.PodAnnotations).
				WithSpec(r.pod(w))))
}

func (r Receiver) pod(w v1alpha1.Workload) *coreac.PodSpecApplyConfiguration {
	spec := coreac.PodSpec().WithServiceAccountName(r.Name()).
		WithTerminationGracePeriodSeconds(drainSeconds).
		WithNodeSelector(w.NodeSelector).
		WithSecurityContext(coreac.PodSecurityContext().WithRunAsNonRoot(true).
			WithSeccompProfile(coreac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithTopologySpreadConstraints(coreac.TopologySpreadConstraint().WithMaxSkew(1).
			WithTopologyKey("kubernetes.io/hostname").WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(metaac.LabelSelector().WithMatchLabels(r.selector()))).
		WithContainers(r.container(w))
	for i := range w.Tolerations {
		spec.WithTolerations(toleration(&w.Tolerations[i]))
	}
	return spec
}

func (r Receiver) container(w v1alpha1.Workload) *coreac.ContainerApplyConfiguration {
	return coreac.Container().WithName("receiver").WithImage(r.Image).
		WithArgs("receiver", "--namespace="+r.Object.Namespace, "--name="+r.Object.Name, "--cluster-id="+r.Cluster).
		WithEnv(r.env()...).
		WithPorts(
			coreac.ContainerPort().WithName("http").WithContainerPort(PortHTTP).WithProtocol(corev1.ProtocolTCP),
			coreac.ContainerPort().WithName("health").WithContainerPort(PortHealth).WithProtocol(corev1.ProtocolTCP)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(2)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(6)).
		WithResources(resources(w.Resources)).
		WithSecurityContext(coreac.SecurityContext().WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).WithRunAsNonRoot(true).
			WithCapabilities(coreac.Capabilities().WithDrop("ALL")))
}

func (r Receiver) env() []*coreac.EnvVarApplyConfiguration {
	env := []*coreac.EnvVarApplyConfiguration{
		coreac.EnvVar().WithName("POD_NAME").WithValueFrom(coreac.EnvVarSource().
			WithFieldRef(coreac.ObjectFieldSelector().WithFieldPath("metadata.name"))),
	}
	for _, e := range r.Env {
		env = append(env, coreac.EnvVar().WithName(e.Name).WithValue(e.Value))
	}
	return env
}

func probe(path string) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().WithTimeoutSeconds(2).
		WithHTTPGet(coreac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString("health")))
}

func resources(r *corev1.ResourceRequirements) *coreac.ResourceRequirementsApplyConfiguration {
	if r != nil {
		return coreac.ResourceRequirements().WithRequests(r.Requests).WithLimits(r.Limits)
	}
	return coreac.ResourceRequirements().
		WithRequests(corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
		}).
		WithLimits(corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")})
}

func toleration(t *corev1.Toleration) *coreac.TolerationApplyConfiguration {
	ac := coreac.Toleration().WithKey(t.Key).WithOperator(t.Operator).WithValue(t.Value).WithEffect(t.Effect)
	if t.TolerationSeconds != nil {
		ac.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return ac
}
