package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// Every command of the documentation is run by somebody: a page that is opened by a test, which then has to run all of
// its commands, or a step of CI.
func TestEveryCommandIsRun(t *testing.T) {
	g := NewWithT(t)
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	read, err := Read(root)
	g.Expect(err).NotTo(HaveOccurred())
	known, err := made(root)
	g.Expect(err).NotTo(HaveOccurred())
	used, commands := map[string]bool{}, 0
	for _, p := range read {
		for _, c := range p.Commands() {
			commands++
			by := Claimed(&c)
			used[c.Page+": "+by] = true
			if err := check(root, &c, by, known); err != nil {
				t.Errorf("%s: %v:\n%s", c.At(), err, c.Text)
			}
		}
	}
	for page, of := range claims {
		for _, by := range of {
			g.Expect(used).To(HaveKey(page+": "+by), "what the page does not have needs nobody")
		}
	}
	t.Logf("%d commands", commands)
}

// check looks whether the one who is named does it.
func check(root string, c *Command, by string, made map[string]bool) error {
	switch by {
	case "":
		return fmt.Errorf("nobody runs this: name who does in claims, such as %s, and have a test there run it", Shop)
	case CI:
		return unmade(c, made)
	case Shop, Nodes:
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(by), "*_test.go"))
		if err != nil {
			return err
		}
		return anyHas(paths, fmt.Sprintf("open(%q", c.Page), fmt.Sprintf("no test in %s opens the page", by))
	}
	for line := range strings.Lines(c.Text) {
		program := strings.Fields(line)[0] + " "
		if err := anyHas([]string{filepath.Join(root, filepath.FromSlash(by))}, program, by+" has no "+program); err != nil {
			return err
		}
	}
	return nil
}

func anyHas(paths []string, text, otherwise string) error {
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(content), text) {
			return nil
		}
	}
	return fmt.Errorf("%s", otherwise)
}

func TestCommandsAreFound(t *testing.T) {
	p := Parse("x.md", strings.Join([]string{
		"Type `kubectl get plans`, or `kubectl apply`; `kubectl kassa diff` is a name, `kubectl kassa diff -A \\| cat` not.",
		"```sh", "make all", "```", "```", "$ kassa x", "y: 7", "$ kassa z", "```",
		"```", "no command", "```", "```yaml", "a: b", "```",
	}, "\n"))
	g := NewWithT(t)
	g.Expect(p.Commands()).To(Equal([]Command{
		{Page: "x.md", Line: 1, Text: "kubectl get plans"}, {Page: "x.md", Line: 1, Text: "kubectl kassa diff -A | cat"},
		{Page: "x.md", Line: 3, Text: "make all\n"}, {Page: "x.md", Line: 6, Text: "kassa x", Output: "y: 7\n"},
		{Page: "x.md", Line: 8, Text: "kassa z"},
	}))
	g.Expect(Shows(p.Commands()[3].Output).MatchString("y:    7")).To(BeTrue())
	g.Expect(Shows("a … c").MatchString("a b")).To(BeFalse())
}

func TestWhatNobodyRuns(t *testing.T) {
	g := NewWithT(t)
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	for want, c := range map[string]*Command{
		"nobody runs this":                   {Page: "docs/new.md", Text: "kubectl get plans"},
		"no step of .ci/run makes bench":     {Page: "CONTRIBUTING.md", Text: "make bench"},
		"hack/reproducible has no sleep":     {Page: "docs/supply-chain.md", Text: "git checkout COMMIT\nsleep 1"},
		"no test in test/e2e opens the page": {Page: "docs/new.md", Text: "kubectl get plans"},
	} {
		by := Claimed(c)
		if strings.Contains(want, Nodes) {
			by = Nodes
		}
		g.Expect(check(root, c, by, nil)).To(MatchError(ContainSubstring(want)))
	}
}

func TestWhatIsMade(t *testing.T) {
	g := NewWithT(t)
	makes := map[string]bool{"test": true}
	g.Expect(unmade(&Command{Text: "make test   # all\nmake test PKG=./...\n"}, makes)).To(Succeed())
	g.Expect(unmade(&Command{Text: "make test\nmake bench\n"}, makes)).To(MatchError(ContainSubstring("bench")))
	g.Expect(unmade(&Command{Text: "rm -rf x\n"}, makes)).NotTo(Succeed())
}
