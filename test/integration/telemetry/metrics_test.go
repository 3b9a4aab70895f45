package telemetry

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const root = "../../.."

// metric is what the reference says of one.
type metric struct{ kind, labels string }

var row = regexp.MustCompile("(?m)^\\| `(kassa_[a-z0-9_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|")

func reference(t *testing.T) map[string]metric {
	t.Helper()
	text, err := os.ReadFile(root + "/docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]metric{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		labels := strings.Fields(strings.NewReplacer("`", "", ",", " ").Replace(m[3]))
		slices.Sort(labels)
		out[m[1]] = metric{m[2], strings.Join(labels, " ")}
	}
	return out
}

// metrics: what the processes tell is what the reference says, letter by letter.
func (d *deployed) metrics(t *testing.T) {
	g := NewWithT(t)
	want, seen := reference(t), map[string]bool{}
	for _, text := range d.scrapes(t) {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(text))
		g.Expect(err).NotTo(HaveOccurred())
		for name, family := range families {
			if !strings.HasPrefix(name, "kassa_") {
				continue
			}
			seen[name] = true
			for _, m := range family.GetMetric() {
				var labels []string
				for _, l := range m.GetLabel() {
					labels = append(labels, l.GetName())
					g.Expect(l.GetValue()).NotTo(Or(Equal(d.Namespace), Equal("pro"), Equal("hooks"), Equal("shop")),
						"%s has the name of an object", name)
				}
				slices.Sort(labels)
				got := metric{strings.ToLower(family.GetType().String()), strings.Join(labels, " ")}
				g.Expect(got).To(Equal(want[name]), name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !seen[name] {
			g.Expect(elsewhere).To(ContainElement(name), "nobody tells it")
		}
	}
}

// elsewhere are metrics of what does not happen here: a database, dunning, a sink's retirement.
var elsewhere = []string{
	"kassa_dunning_actions_total", "kassa_store_batch_size", "kassa_store_commit_seconds", "kassa_store_commits_total",
	"kassa_store_failures_total", "kassa_store_pruned_events_total", "kassa_receiver_revenue_minor_units_total",
	"kassa_receiver_refused_total", "kassa_checkout_subscription_operations_total", "kassa_recovery_events_total",
	"kassa_recovery_sweeps_total", "kassa_recovery_rereads_total", "kassa_recovery_doubt_looks_total",
	"kassa_ledger_commits_total",
}

var named = regexp.MustCompile(`(?:Name:\s+|NewDesc\()"(kassa_[a-z0-9_]+)"`)

// No metric is in the code and not in the reference, or the other way round.
func TestReferenceIsWhole(t *testing.T) {
	g := NewWithT(t)
	found := map[string]bool{}
	for _, folder := range []string{"checkoutserver", "cmd", "controllers", "internal", "webhookserver"} {
		g.Expect(filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range named.FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = true
			}
			return err
		})).To(Succeed())
	}
	g.Expect(slices.Sorted(maps.Keys(reference(t)))).To(Equal(slices.Sorted(maps.Keys(found))))
}
