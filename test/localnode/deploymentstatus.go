package localnode

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// replicasOf is the wanted number of pods.
func replicasOf(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// deploymentStatus sums up the pods that are not being deleted. A pod counts as available once it is ready;
// minReadySeconds and progressDeadlineSeconds are not looked at.
func deploymentStatus(
	d *appsv1.Deployment, replicas []replica, terminating int32, failure error, now metav1.Time,
) appsv1.DeploymentStatus {
	status := *d.Status.DeepCopy()
	fresh, _ := split(replicas)
	want := replicasOf(d)
	status.ObservedGeneration = d.Generation
	status.Replicas = count(len(replicas))
	status.UpdatedReplicas = count(len(fresh))
	status.ReadyReplicas = count(readyCount(replicas))
	status.AvailableReplicas = status.ReadyReplicas
	status.UnavailableReplicas = max(0, max(want, status.Replicas)-status.AvailableReplicas)
	status.TerminatingReplicas = &terminating

	available := newCondition(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable",
		"Deployment does not have minimum availability.")
	if status.AvailableReplicas >= want-maxUnavailable(d, want) {
		available = newCondition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable",
			"Deployment has minimum availability.")
	}
	progressing := newCondition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "ReplicaSetUpdated",
		fmt.Sprintf("%d of %d pods are up to date and ready.", readyCount(fresh), want))
	if status.Replicas == want && status.UpdatedReplicas == want && status.AvailableReplicas == want {
		progressing = newCondition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "NewReplicaSetAvailable",
			"All pods are up to date and ready.")
	}
	conditions := []appsv1.DeploymentCondition{available, progressing}
	if failure != nil {
		conditions = append(conditions, newCondition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue,
			"FailedCreate", failure.Error()))
	}
	status.Conditions = keepTimes(conditions, d.Status.Conditions, now)
	return status
}

func newCondition(
	t appsv1.DeploymentConditionType, s corev1.ConditionStatus, reason, message string,
) appsv1.DeploymentCondition {
	return appsv1.DeploymentCondition{Type: t, Status: s, Reason: reason, Message: message}
}

// keepTimes gives conditions that did not change the times that they have, and now to the others.
func keepTimes(conditions, before []appsv1.DeploymentCondition, now metav1.Time) []appsv1.DeploymentCondition {
	for i := range conditions {
		c := &conditions[i]
		c.LastUpdateTime, c.LastTransitionTime = now, now
		for _, b := range before {
			if b.Type != c.Type {
				continue
			}
			if b.Status == c.Status {
				c.LastTransitionTime = b.LastTransitionTime
			}
			if b.Status == c.Status && b.Reason == c.Reason && b.Message == c.Message {
				c.LastUpdateTime = b.LastUpdateTime
			}
		}
	}
	return conditions
}

// maxUnavailable is the Deployment's own, by default a quarter of the wanted pods, rounded down; none with Recreate.
func maxUnavailable(d *appsv1.Deployment, want int32) int32 {
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return 0
	}
	value := intstr.FromString("25%")
	if r := d.Spec.Strategy.RollingUpdate; r != nil && r.MaxUnavailable != nil {
		value = *r.MaxUnavailable
	}
	scaled, err := intstr.GetScaledValueFromIntOrPercent(&value, int(want), false)
	if err != nil {
		return 0
	}
	return count(scaled)
}

// count is a number of pods as the API has it.
func count(pods int) int32 { return int32(pods) } //nolint:gosec // far fewer pods than that
