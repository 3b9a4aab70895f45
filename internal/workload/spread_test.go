package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

// The scheduler heeds none of several soft constraints on a node that lacks the label of one of them.
func TestReplicasAreKeptApartWithoutZones(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	pod := receiver().Server().pod()
	g.Expect(pod.TopologySpreadConstraints).To(HaveLen(1))
	g.Expect(*pod.TopologySpreadConstraints[0].TopologyKey).To(Equal(corev1.LabelTopologyZone))
	apart := pod.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	g.Expect(apart).To(HaveLen(1))
	g.Expect(*apart[0].PodAffinityTerm.TopologyKey).To(Equal(corev1.LabelHostname))
}
