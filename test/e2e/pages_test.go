package e2e

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

// desk is where somebody follows the documentation's pages that need nodes: a checkout, and programs.
type desk struct {
	*bench
	*pages.Terminal
}

// newDesk copies what is applied, with the image of this run, as somebody has it who builds one of a checkout.
func (b *bench) newDesk() *desk {
	b.t.Helper()
	terminal, err := pages.NewTerminal(b.t.TempDir(), map[string]string{
		"helm": os.Getenv("E2E_HELM"), "kubectl": os.Getenv("E2E_KUBECTL"),
	})
	b.Expect(err).NotTo(HaveOccurred())
	d := &desk{b, terminal}
	for _, folder := range []string{"config", "charts"} {
		b.Expect(os.CopyFS(filepath.Join(d.Dir, folder), os.DirFS(filepath.Join(b.root, folder)))).To(Succeed())
	}
	name, tag := registry()+"/kassa", builtTag()
	d.edit("config/default/kustomization.yaml", "newTag: latest", "newName: "+name+"\n  newTag: "+tag)
	d.edit("charts/kassa/values.yaml", "repository: ghcr.io/kassa-dev/kassa", "repository: "+name, `tag: ""`, "tag: "+tag)
	return d
}

// registry and builtTag are of the images of this run.
func registry() string { return cmp.Or(os.Getenv("E2E_REGISTRY"), "ghcr.io/kassa-dev") }

func builtTag() string { return cmp.Or(os.Getenv("E2E_TAG"), "e2e") }

// edit swaps texts of a file, each of which is there.
func (d *desk) edit(path string, swaps ...string) {
	d.t.Helper()
	path = filepath.Join(d.Dir, path)
	text, err := os.ReadFile(path)
	d.Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(swaps); i += 2 {
		d.Expect(string(text)).To(ContainSubstring(swaps[i]))
	}
	d.Expect(os.WriteFile(path, []byte(strings.NewReplacer(swaps...).Replace(string(text))), 0o600)).To(Succeed())
}

// open opens a page.
func (d *desk) open(path string) *pages.Reader {
	d.t.Helper()
	return pages.Open(d.t, d.root, path, pages.Nodes, d.Shell)
}

// do is what a test does besides.
func (d *desk) do(script string) string {
	d.t.Helper()
	out, err := d.Shell(script)
	d.Expect(err).NotTo(HaveOccurred(), "%s\n%s", script, out)
	return out
}

// says waits until a command prints something like that.
func (d *desk) says(script, pattern string) {
	d.t.Helper()
	d.Eventually(func() (string, error) { return d.Shell(script) }).Should(MatchRegexp(pattern), script)
}

// beside keeps a command running, as in a terminal of its own, and returns once a port takes connections.
func (d *desk) beside(c pages.Command, port string) (end func()) {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.t.Context()))
	cmd := d.Command(ctx, "exec "+c.Text)
	d.Expect(cmd.Start()).To(Succeed())
	end = func() {
		cancel()
		_ = cmd.Wait()
	}
	d.t.Cleanup(end)
	d.says("(: </dev/tcp/127.0.0.1/"+port+") && echo open", "open")
	return end
}
