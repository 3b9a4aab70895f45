package kubectl_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

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

// Nor must it in what is no table: a refusal of diff names the owner that a product's metadata tells.
func TestWhatPeopleReadCommandsNoTerminal(t *testing.T) {
	g := NewWithT(t)
	const owner, shown = "shop/Größe\x1b[1A\r\u009b2K\u202etfihs", `shop/Größe\x1b[1A\r\u009b2K\u202etfihs`
	streams, _, out, problems := genericiooptions.NewTestIOStreams()
	output := kubectl.Output{}
	g.Expect(output.Print(out, nil, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "refused:\tit belongs to\n%s\n", owner)
		return err
	})).To(Succeed())
	g.Expect(out.String()).To(Equal("refused:\tit belongs to\n" + shown + "\n"))

	(&kubectl.Options{Streams: streams}).Warnf("left out: it belongs to %s", owner)
	g.Expect(problems.String()).To(Equal("left out: it belongs to " + shown + "\n"))
}
