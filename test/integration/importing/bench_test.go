package importing

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/test/stack"
)

// BenchmarkAThousandProducts imports an account of two prices a product, at the rate that is the plugin's by default,
// and then compares the Plans that came of it.
func BenchmarkAThousandProducts(b *testing.B) {
	s := stack.New(b, stack.Options{})
	key := s.APIKey()
	for i := range 1000 {
		product := form(b, s, key, "products", query(b, "name=Product+"+strconv.Itoa(i)))
		for _, price := range []string{"month\nunit_amount=2900", "year\nunit_amount=29000"} {
			form(b, s, key, "prices", query(b, "currency=usd\nproduct="+product+"\nrecurring[interval]="+price))
		}
	}
	env := []string{"KUBECONFIG=/dev/null", "KASSA_API_KEY=" + key}
	dir := filepath.Join(b.TempDir(), "out")
	importing := []string{
		"import", "--provider", "stripe", "--mode", "Test", "--base-url", s.SandboxURL, "--output-dir", dir,
	}
	kassa(b, s, env, "--version") // built before the clock runs
	run := func(what string, args ...string) {
		before, began := s.Sandbox.Counts(), time.Now()
		out, problems, code := kassa(b, s, env, args...)
		if code != 0 || !strings.Contains(out+problems, "1000 Plans") {
			b.Fatal(code, out, problems)
		}
		b.ReportMetric(time.Since(began).Seconds(), what+"-s")
		b.ReportMetric(float64(s.Sandbox.Counts().Reads-before.Reads), what+"-calls")
	}
	for b.Loop() {
		run("import", importing...)
		run("diff", "diff", "--offline", "-n", "shop", "-f", dir, "--provider-url", s.SandboxURL)
	}
}
