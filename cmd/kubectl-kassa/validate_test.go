package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

// run runs the plugin and returns what it printed, and its exit code.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	streams, in, out, errOut := genericiooptions.NewTestIOStreams()
	in.WriteString(stdin)
	cmd := newCommand(streams)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), kubectl.ExitCode(err)
}

const (
	warned = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {dsn: \"postgres://kassa@db.acme.com/a\"}\n"
	wrong  = "apiVersion: billing.kassa.dev/v1alpha1\nkind: Plan\nmetadata: {name: pro}\nspec: {}\n"
)

func TestValidateExitCodes(t *testing.T) {
	for _, c := range []struct {
		why, stdin string
		args       []string
		code       int
		out        string
	}{
		{"nothing", "", []string{"-"}, 0, "nothing found in 0 objects of 1 file\n"},
		{"a warning", warned, []string{"-"}, 0, "1 warning in 1 object of 1 file\n"},
		{"a warning that counts", warned, []string{"--fail-on=warning", "-"}, 1, "1 warning in 1 object of 1 file\n"},
		{"an error", wrong, []string{"-"}, 1, " in 1 object of 1 file\n"},
		{"an error in JSON", wrong, []string{"-o", "json", "-"}, 1, "}\n"},
		{"no file", "", []string{"missing.yaml"}, 2, ""},
		{"no format", "", []string{"-o", "xml", "-"}, 2, ""},
		{"no severity", "", []string{"--fail-on=note", "-"}, 2, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			g := NewWithT(t)
			out, _, code := run(t, c.stdin, append([]string{"validate"}, c.args...)...)
			g.Expect(code).To(Equal(c.code))
			g.Expect(out).To(HaveSuffix(c.out))
		})
	}
}

// TestValidateNeedsNoCluster: a kubeconfig that leads nowhere, or cannot be read, is not looked at.
func TestValidateNeedsNoCluster(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("KUBECONFIG", t.TempDir())
	t.Chdir("../../config/samples")
	out, stderr, code := run(t, "", "validate")
	g.Expect(code).To(BeZero())
	g.Expect(out).To(HavePrefix("nothing found in "))
	g.Expect(stderr).To(BeEmpty())
}

func TestValidateNotices(t *testing.T) {
	g := NewWithT(t)
	t.Chdir("../..")
	out, stderr, code := run(t, "", "validate", "charts")
	g.Expect(code).To(BeZero())
	g.Expect(out).To(HavePrefix("nothing found in "))
	g.Expect(stderr).To(ContainSubstring("run helm template charts/kassa | kubectl kassa validate -"))
}

func TestValidateListsRules(t *testing.T) {
	g := NewWithT(t)
	out, _, code := run(t, "", "validate", "--list-rules")
	g.Expect(code).To(BeZero())
	g.Expect(out).To(MatchRegexp(`(?m)^ID +SEVERITY +NAME +WHAT IS WRONG\nKASSA001 +error +unreadable +`))
	out, _, _ = run(t, "", "validate", "--list-rules", "-o", "json")
	var list []map[string]string
	g.Expect(json.Unmarshal([]byte(out), &list)).To(Succeed())
	g.Expect(len(list)).To(BeNumerically(">", 30))
}

// TestValidateNamespace: objects without a namespace are in the one of the flag.
func TestValidateNamespace(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile("../../internal/validate/testdata/bad/live-key-in-dev.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	stdin := strings.Replace(string(text), "  namespace: dev\n", "", 1)
	out, _, _ := run(t, stdin, "validate", "-")
	g.Expect(out).NotTo(ContainSubstring("KASSA031"))
	out, _, _ = run(t, stdin, "validate", "--namespace=qa", "-")
	g.Expect(out).To(ContainSubstring(`is in namespace "qa"`))
}
