package kubectl_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

// A provider's word, such as an account's name, must not clear the screen or write over a line.
func TestATableCommandsNoTerminal(t *testing.T) {
	g := NewWithT(t)
	var out strings.Builder
	g.Expect(kubectl.Table(&out, []string{"NAME"}, [][]string{{"Shop\x1b[2J\rEvil"}})).To(Succeed())
	g.Expect(out.String()).NotTo(ContainSubstring("\x1b"))
	g.Expect(out.String()).NotTo(ContainSubstring("\r"))
}
