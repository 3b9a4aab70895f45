package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{}) }

// memory of a process in MB of 10^6 bytes: what is resident now, and the most that ever was. Only Linux tells.
func memory(b *testing.B, pid int) (now, peak float64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Logf("no figures of memory: %v", err)
		return 0, 0
	}
	field := func(name string) float64 {
		_, after, _ := strings.Cut(string(status), name+":")
		line, _, _ := strings.Cut(after, "\n")
		kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 64)
		if err != nil {
			b.Fatalf("%s of process %d: %v", name, pid, err)
		}
		return kib * 1024 / 1e6
	}
	return field("VmRSS"), field("VmHWM")
}
