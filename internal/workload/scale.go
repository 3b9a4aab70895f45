package workload

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	autoscalingac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	policyac "k8s.io/client-go/applyconfigurations/policy/v1"
)

const defaultTargetCPU = 70

// disruptionBudget lets one pod at a time be evicted. minAvailable would keep the node of a single replica from ever
// being drained; providers repeat what they could not deliver meanwhile. A pod that is not ready is never in the way.
func (s Server) disruptionBudget() *policyac.PodDisruptionBudgetApplyConfiguration {
	return policyac.PodDisruptionBudget(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).
		WithSpec(policyac.PodDisruptionBudgetSpec().WithMaxUnavailable(intstr.FromInt32(1)).WithSelector(s.pods()).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow))
}

func (s Server) autoscaler() *autoscalingac.HorizontalPodAutoscalerApplyConfiguration {
	minimum, maximum := s.scale()
	target := int32(defaultTargetCPU)
	if t := s.Workload.Autoscaling.TargetCPUUtilizationPercentage; t != nil {
		target = *t
	}
	return autoscalingac.HorizontalPodAutoscaler(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).
		WithSpec(autoscalingac.HorizontalPodAutoscalerSpec().
			WithScaleTargetRef(autoscalingac.CrossVersionObjectReference().
				WithAPIVersion("apps/v1").WithKind("Deployment").WithName(s.Name())).
			WithMinReplicas(minimum).WithMaxReplicas(maximum).
			WithMetrics(autoscalingac.MetricSpec().WithType(autoscalingv2.ResourceMetricSourceType).
				WithResource(autoscalingac.ResourceMetricSource().WithName(corev1.ResourceCPU).
					WithTarget(autoscalingac.MetricTarget().WithType(autoscalingv2.UtilizationMetricType).
						WithAverageUtilization(target)))))
}

// scale are the autoscaler's bounds. There is one.
func (s Server) scale() (minimum, maximum int32) {
	a := s.Workload.Autoscaling
	if a.MinReplicas != nil {
		return *a.MinReplicas, a.MaxReplicas
	}
	return min(DefaultReplicas, a.MaxReplicas), a.MaxReplicas
}
