package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// Pods that were refused are not there to say why.
func TestVerdictSaysWhyThereAreNoPods(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	server := receiver().Server()
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: server.Owner.Namespace, Name: server.Name()},
		Spec:       appsv1.DeploymentSpec{Replicas: ptr.To(int32(2))},
		Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse},
			{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota: small"},
		}},
	}
	a := Applier{Client: fake.NewClientBuilder().WithObjects(d).Build()}
	g.Expect(a.observe(t.Context(), server).Verdict().Message).
		To(Equal("0 of 2 replicas are ready; another pod was refused: exceeded quota: small"))
}

func TestVerdictTellsNothingDeployedFromNoReplicas(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	g.Expect(Rollout{}.Verdict().Message).To(Equal("nothing is deployed yet"))
	g.Expect(Rollout{observed: true}.Verdict().Message).To(Equal("spec.workload.replicas is 0"))
}
