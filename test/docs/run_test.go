package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// unrunnable are commands that an API server alone cannot answer, and why.
var unrunnable = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`^kubectl .*\b(wait|rollout)\b`), "waits for an operator with an account at Stripe"},
	{regexp.MustCompile(`^kubectl .*\bport-forward\b`), "needs a pod"},
	{regexp.MustCompile(`^curl `), "asks a deployed server"},
}

// The page that a stranger follows first can be followed: its commands are run in their order, with the names that they
// give to each other's objects.
func TestGettingStartedCanBeFollowed(t *testing.T) {
	cp := controlplane.Shared(t)
	ran := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if p.path != "docs/getting-started.md" || b.language != "sh" {
				continue
			}
			script := runnable(t, b.text)
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
			cmd.Dir = root(t)
			cmd.Env = append(os.Environ(), "KUBECONFIG="+cp.KubeconfigPath(),
				"PATH="+filepath.Dir(cp.KubectlPath())+string(os.PathListSeparator)+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", b.at(), err, out)
			}
			ran += strings.Count(script, "kubectl")
		}
	}
	NewWithT(t).Expect(ran).To(BeNumerically(">", 12))
}

// runnable leaves out what cannot be run, whole lines at a time.
func runnable(t *testing.T, text string) string {
	t.Helper()
	var kept []string
	for _, l := range strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		skip := false
		for _, u := range unrunnable {
			if u.pattern.MatchString(l) {
				skip = true
				t.Logf("left out, as it %s: %s", u.reason, l)
			}
		}
		if !skip {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}
