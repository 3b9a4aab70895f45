package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// The kernel takes no process of the cluster that hack/cluster/with makes for more important than the machine's own,
// which is what they ask for by default.
func TestMachineIsNotTheClusters(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("the nodes are not on this machine")
	}
	g := NewWithT(t)
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	g.Expect(err).NotTo(HaveOccurred())
	found := map[string]bool{}
	processes, err := filepath.Glob("/proc/[0-9]*")
	g.Expect(err).NotTo(HaveOccurred())
	for _, process := range processes {
		name, _ := os.ReadFile(filepath.Join(process, "comm"))
		switch name := string(bytes.TrimSpace(name)); name {
		case "kubelet", "kube-proxy":
			found[name] = true
			g.Expect(os.ReadFile(filepath.Join(process, "oom_score_adj"))).To(Equal(own), name)
		}
	}
	g.Expect(found).To(HaveLen(2))
}
