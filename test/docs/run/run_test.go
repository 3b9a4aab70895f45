package run

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Pages are followed one after the other in one shop, which each leaves as it was.
func TestPagesCanBeFollowed(t *testing.T) {
	w := newWorld(t)
	w.startNode()
	w.run("kubectl apply --server-side -k config/default")
	w.run("kubectl -n kassa-system rollout status deployment/kassa-operator --timeout=60s")
	t.Run("docs/providers.md", func(t *testing.T) { providers(w.in(t)) })
	late := offline(w)
	for _, p := range []struct {
		path   string
		follow func(w *world)
	}{
		{"README.md", readme},
		{"docs/gitops.md", gitops},
		{"docs/integrate.md", integrate},
		{"docs/plans.md", plans},
		{"docs/rotation.md", rotation},
		{"docs/receivers.md", receivers},
		{"docs/events.md", trust},
		{"docs/recovery.md", recovery},
		{"docs/observability.md", observability},
		{"docs/kubectl.md", validate},
		{"docs/kubectl-import.md", imports},
		{"docs/kubectl-events.md", looks},
		{"docs/troubleshooting.md", troubles},
	} {
		t.Run(p.path, func(t *testing.T) { p.follow(w.in(t)) })
	}
	t.Run("docs/getting-started.md", func(*testing.T) {
		w.Eventually(late.Taken).WithTimeout(3 * time.Minute).Should(HaveLen(1))
	})
	t.Run("docs/sandbox.md", func(t *testing.T) { sandbox(w.in(t)) })
}
