package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
)

// The kernel takes no process of the cluster that hack/cluster/with makes for more important than what nobody gave a
// rank on this machine, which is what they ask for by default. What starts this test may have a rank.
func TestMachineIsNotTheClusters(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("the nodes are not on this machine")
	}
	g := NewWithT(t)
	found := map[string]bool{}
	processes, err := filepath.Glob("/proc/[0-9]*")
	g.Expect(err).NotTo(HaveOccurred())
	for _, process := range processes {
		name, _ := os.ReadFile(filepath.Join(process, "comm"))
		switch name := string(bytes.TrimSpace(name)); name {
		case "kubelet", "kube-proxy":
			found[name] = true
			rank, err := os.ReadFile(filepath.Join(process, "oom_score_adj"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(strconv.Atoi(string(bytes.TrimSpace(rank)))).To(BeNumerically(">=", 0), name)
		}
	}
	g.Expect(found).To(HaveLen(2))
}
