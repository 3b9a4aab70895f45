package workload

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
)

// deployment leaves the number of replicas out where an autoscaler sets it.
func (s Server) deployment() *appsac.DeploymentApplyConfiguration {
	podLabels := maps.Clone(s.Workload.PodLabels)
	if podLabels == nil {
		podLabels = map[string]string{}
	}
	maps.Copy(podLabels, s.labels())
	spec := appsac.DeploymentSpec().
		WithSelector(s.pods()).
		// A new pod is ready before an old one goes: a roll never takes capacity away.
		WithStrategy(appsac.DeploymentStrategy().WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(appsac.RollingUpdateDeployment().WithMaxUnavailable(intstr.FromInt32(0)).
				WithMaxSurge(intstr.FromInt32(1)))).
		WithTemplate(coreac.PodTemplateSpec().WithLabels(podLabels).WithAnnotations(s.Workload.PodAnnotations).
			WithSpec(s.pod()))
	if s.Workload.Autoscaling == nil {
		spec.WithReplicas(s.replicas())
	}
	return appsac.Deployment(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).WithSpec(spec)
}

// replicas to begin with, and without an autoscaler to stay with.
func (s Server) replicas() int32 {
	if s.Workload.Autoscaling != nil {
		minimum, _ := s.scale()
		return minimum
	}
	if s.Workload.Replicas != nil {
		return *s.Workload.Replicas
	}
	return DefaultReplicas
}

func (s Server) pod() *coreac.PodSpecApplyConfiguration {
	spec := coreac.PodSpec().WithServiceAccountName(s.Name()).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		// No preStop hook: told to stop, the server itself goes on accepting until it is out of its Service.
		WithTerminationGracePeriodSeconds(GraceSeconds).
		WithNodeSelector(s.Workload.NodeSelector).
		WithSecurityContext(coreac.PodSecurityContext().WithRunAsNonRoot(true).
			WithSeccompProfile(coreac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithTopologySpreadConstraints(s.spreadOverZones()).
		WithAffinity(coreac.Affinity().WithPodAntiAffinity(s.apartOnNodes())).
		WithContainers(s.container())
	if s.Workload.PriorityClassName != "" {
		spec.WithPriorityClassName(s.Workload.PriorityClassName)
	}
	for _, name := range s.pullSecrets() {
		spec.WithImagePullSecrets(coreac.LocalObjectReference().WithName(name))
	}
	for i := range s.Workload.Tolerations {
		spec.WithTolerations(toleration(&s.Workload.Tolerations[i]))
	}
	return spec
}

func (s Server) pullSecrets() []string {
	var names []string
	for _, secret := range s.Workload.ImagePullSecrets {
		names = append(names, secret.Name)
	}
	if len(names) == 0 {
		return s.PullSecrets
	}
	return names
}

// spreadOverZones and apartOnNodes keep replicas apart where there is a choice; on one node all of them run. The pods
// of a rollout are counted by themselves, or those that are about to go would push the new ones together.
func (s Server) spreadOverZones() *coreac.TopologySpreadConstraintApplyConfiguration {
	return coreac.TopologySpreadConstraint().WithMaxSkew(1).WithTopologyKey(corev1.LabelTopologyZone).
		WithWhenUnsatisfiable(corev1.ScheduleAnyway).WithLabelSelector(s.pods()).
		WithMatchLabelKeys(appsv1.DefaultDeploymentUniqueLabelKey)
}

// apartOnNodes is no second constraint of that kind: the scheduler heeds none of several on nodes without the labels of
// all of them, and many clusters have no zones.
func (s Server) apartOnNodes() *coreac.PodAntiAffinityApplyConfiguration {
	return coreac.PodAntiAffinity().WithPreferredDuringSchedulingIgnoredDuringExecution(
		coreac.WeightedPodAffinityTerm().WithWeight(100).WithPodAffinityTerm(coreac.PodAffinityTerm().
			WithTopologyKey(corev1.LabelHostname).WithLabelSelector(s.pods()).
			WithMatchLabelKeys(appsv1.DefaultDeploymentUniqueLabelKey)))
}

func toleration(t *corev1.Toleration) *coreac.TolerationApplyConfiguration {
	ac := coreac.Toleration().WithKey(t.Key).WithOperator(t.Operator).WithValue(t.Value).WithEffect(t.Effect)
	if t.TolerationSeconds != nil {
		ac.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return ac
}
