package browser_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/npm"
)

// axe is the script of axe-core, which finds what keeps people from using a page.
var axe = sync.OnceValues(func() (string, error) {
	modules, err := npm.Install("node", "browser")
	if err != nil {
		return "", err
	}
	script, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	return string(script), err
})

// judge is the script, or nothing where it may be missing.
func judge(t *testing.T) string {
	t.Helper()
	script, err := axe()
	switch {
	case err == nil:
		return script
	case os.Getenv("CI") != "" || os.Getenv("KASSA_REQUIRE_PEERS") == "1":
		t.Fatalf("axe-core is required here: %v", err)
	default:
		t.Logf("axe-core is not there, so nobody judged the pages: %v", err)
	}
	return ""
}

const verdict = `axe.run(document, {preload: false, resultTypes: ["violations"]}).then(result =>
	result.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html + " " + n.failureSummary)))`

// accessible asks axe-core about the page as it looks now.
func (b *tab) accessible(what string) {
	b.g.THelper()
	if b.axe == "" {
		return
	}
	if !ask(b, chromedp.Evaluate[bool]("typeof axe === 'object'")) {
		ask(b, chromedp.Evaluate[bool](b.axe+"; true"))
	}
	found := ask(b, chromedp.Evaluate[[]string](verdict, chromedp.EvalAwaitPromise))
	b.g.Expect(found).To(BeEmpty(), what+" keeps people from using it")
}
