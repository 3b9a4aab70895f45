package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

// window is how long idle pods are watched.
const window = 15 * time.Second

// summary is the part of a kubelet's stats/summary that is printed.
type summary struct {
	Pods []struct {
		PodRef     struct{ Name, Namespace string }
		Containers []struct {
			Memory struct{ WorkingSetBytes, RSSBytes uint64 }
			CPU    use
		}
	}
}

// use of CPU since the container's start.
type use struct {
	Time                 time.Time
	UsageCoreNanoSeconds uint64
}

// tellFigures prints what nothing is asserted of: the size of the image, and what idle pods use, as the kubelets say.
func (b *bench) tellFigures() {
	b.t.Helper()
	if image, err := os.Stat(filepath.Join(os.Getenv("E2E_IMAGES"), "kassa-"+os.Getenv("E2E_TAG")+".tar")); err == nil {
		b.sayf("figure: the image has %.1f MB", float64(image.Size())/1e6)
	}
	nodes := &corev1.NodeList{}
	b.Expect(b.client.List(b.t.Context(), nodes)).To(Succeed())
	first := map[string]use{}
	b.Eventually(func(g Gomega) {
		var all []string
		watched := true
		for _, n := range nodes.Items {
			var s summary
			out, err := b.run("", os.Getenv("E2E_KUBECTL"), "get", "--raw", "/api/v1/nodes/"+n.Name+"/proxy/stats/summary")
			if err != nil { // clusters of others may not let their kubelets be asked
				all, watched = []string{"the kubelet of " + n.Name + " does not say: " + strings.TrimSpace(out)}, true
				break
			}
			g.Expect(json.Unmarshal([]byte(out), &s)).To(Succeed())
			lines, complete := s.lines(first)
			watched = watched && complete
			all = append(all, lines...)
		}
		g.Expect(watched).To(BeTrue(), "a second look at every pod, after %s", window)
		for _, line := range all {
			b.sayf("figure: idle: %s", line)
		}
	}).Should(Succeed())
}

// lines are complete when every pod was looked at before.
func (s *summary) lines(first map[string]use) (lines []string, complete bool) {
	complete = true
	for _, p := range s.Pods {
		if p.PodRef.Namespace != system && p.PodRef.Namespace != shop {
			continue
		}
		for _, c := range p.Containers {
			began, known := first[p.PodRef.Name]
			if !known {
				first[p.PodRef.Name] = c.CPU
			}
			passed := c.CPU.Time.Sub(began.Time)
			if !known || passed < window {
				complete = false
				continue
			}
			used := float64(c.CPU.UsageCoreNanoSeconds-began.UsageCoreNanoSeconds) / float64(passed)
			lines = append(lines, fmt.Sprintf("%s, %.1f MB working set, %.1f MB resident, %.1f millicores", p.PodRef.Name,
				float64(c.Memory.WorkingSetBytes)/1e6, float64(c.Memory.RSSBytes)/1e6, used*1e3))
		}
	}
	return lines, complete
}
