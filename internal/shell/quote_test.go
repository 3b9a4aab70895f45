package shell_test

import (
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/shell"
)

// A shell takes a word as it was, whatever is in it.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"", "evt_1", "it's", "$HOME `id` \\ \"x\" *", "a\nb", "'", "--all"} {
		g := NewWithT(t)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shell.Quoted(word)).Output()
		g.Expect(err).NotTo(HaveOccurred(), word)
		g.Expect(string(out)).To(Equal(word))
	}
}
