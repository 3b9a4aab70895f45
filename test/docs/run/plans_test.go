package run

import (
	"strings"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

// previewed has the pages' change of a price be a preview meanwhile.
func (w *world) previewed(look func()) {
	w.t.Helper()
	defer func() {
		w.run("kubectl apply -f config/samples/30-plans.yaml")
		w.run(`kubectl patch plan pro --type=merge -p '{"spec":{"management":null}}'`)
		w.ready()
	}()
	w.run("%s", `kubectl patch plan pro --type=json -p '[{"op": "add", "path": "/spec/management", "value": "Preview"},
		{"op": "replace", "path": "/spec/prices/0/amount", "value": "39.00"}]'`)
	look()
}

// plans shows what a change of a price would do, before it is made.
func plans(w *world) {
	p := w.open("docs/plans.md")
	pending := p.Next("kubectl get plan pro -o jsonpath='{range .status.providers[*].pending[*]}")
	w.previewed(func() {
		shape := strings.NewReplacer("1Nx…", "…", "0b2f…", "…").Replace(pending.Output)
		w.says(pending.Text, pages.Shows(shape).String())
	})

	p.Expect(p.Type("kubectl get plan pro -o jsonpath='{range .status.providers[*].prices[*]}")).To(
		MatchRegexp(`(?m)^monthly=price_\S+\nyearly=price_\S+\nmonthly=pri_\S+\nyearly=pri_\S+$`))
	w.renamedIsPutRight("sk_test_sandbox", func() {
		p.Type("kubectl annotate paymentprovider stripe kassa.dev/reconcile-at")
	})

	p = w.open("docs/migrate.md")
	p.Expect(p.Type("kubectl get plans")).To(MatchRegexp(`pro +stripe: InSync, paddle: InSync`))
}
