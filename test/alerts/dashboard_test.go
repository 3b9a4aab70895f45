package alerts

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// dashboard is what is looked at of Grafana's model.
type dashboard struct {
	Panels []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct {
			Expr, LegendFormat string
			Datasource         struct{ UID string }
		}
		FieldConfig struct{ Defaults struct{ NoValue string } }
	}
	Templating struct{ List []struct{ Name, Type string } }
}

func read(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../../charts/kassa/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// grafana are the words that Grafana puts something in for, and here what stands for it.
var grafana = strings.NewReplacer(
	"$__rate_interval", "5m", "$__range", "1d", "$namespace", ".*", "$mode", "live",
)

// Every query can be read, and asks for metrics and labels that there are: those of the reference, which the processes
// are held to, and those that Prometheus adds.
func TestDashboard(t *testing.T) {
	g := NewWithT(t)
	d, known := read(t), reference(t)
	queries, ids := 0, map[int]bool{}
	for i, p := range d.Panels {
		g.Expect(ids[p.ID]).To(BeFalse(), p.Title)
		ids[p.ID] = true
		g.Expect(p.GridPos.X+p.GridPos.W).To(BeNumerically("<=", 24), p.Title)
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			apart := a.X+a.W <= b.X || b.X+b.W <= a.X || a.Y+a.H <= b.Y || b.Y+b.H <= a.Y
			g.Expect(apart).To(BeTrue(), "%s lies on %s", p.Title, other.Title)
		}
		for _, q := range p.Targets {
			queries++
			if p.FieldConfig.Defaults.NoValue != "" {
				g.Expect(q.Expr).To(ContainSubstring("increase("), "%s: a gauge that nobody has is not scraped", p.Title)
			}
			g.Expect(q.Datasource.UID).To(Equal("${datasource}"))
			expr := grafana.Replace(q.Expr)
			g.Expect(expr).NotTo(ContainSubstring("$"))
			check(t, expr, known)
			for _, m := range legend.FindAllStringSubmatch(q.LegendFormat, -1) {
				g.Expect(q.Expr).To(MatchRegexp(`by \([^)]*\b`+m[1]+`\b`), "%s: nothing is known of %s", p.Title, m[1])
			}
		}
	}
	g.Expect(queries).To(BeNumerically(">", 30))
	var rows []string
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
	}
	g.Expect(rows).To(Equal([]string{"Business", "Webhooks", "Checkout", "Catalogue", "Provider calls", "Resources"}))
}

var legend = regexp.MustCompile(`{{(\w+)}}`)

// The rules ask for nothing else either.
func TestRulesAskForWhatThereIs(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(rulesFile)
	g.Expect(err).NotTo(HaveOccurred())
	var file rulefmt.RuleGroups
	g.Expect(yaml.Unmarshal(text, &file)).To(Succeed())
	known := reference(t)
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			check(t, r.Expr, known)
		}
	}
}

// targetLabels are Prometheus' own, by the chart's PodMonitor.
var targetLabels = []string{"namespace", "pod", "billing_kassa_dev_receiver", "billing_kassa_dev_checkout_endpoint"}

var row = regexp.MustCompile("(?m)^\\| `(kassa_[a-z0-9_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|")

// reference has the labels of each series.
func reference(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{"process_cpu_seconds_total": nil, "process_resident_memory_bytes": nil}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		own := strings.Fields(strings.NewReplacer("`", "", ",", " ").Replace(m[3]))
		if m[2] == "histogram" {
			out[m[1]+"_bucket"], out[m[1]+"_sum"], out[m[1]+"_count"] = append(own, "le"), own, own
			continue
		}
		out[m[1]] = own
	}
	return out
}

func check(t *testing.T, expr string, known map[string][]string) {
	t.Helper()
	g := NewWithT(t)
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	g.Expect(err).NotTo(HaveOccurred(), expr)
	var here []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		for _, m := range v.LabelMatchers {
			if m.Name == labels.MetricName {
				found := false
				for name, own := range known {
					if m.Matches(name) {
						found, here = true, append(here, own...)
					}
				}
				g.Expect(found).To(BeTrue(), "no metric %s: %s", m.Value, expr)
			}
		}
		for _, m := range v.LabelMatchers {
			if m.Name != labels.MetricName {
				g.Expect(slices.Concat(here, targetLabels)).To(ContainElement(m.Name), expr)
			}
		}
		return nil
	})
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, name := range a.Grouping {
				g.Expect(slices.Concat(here, targetLabels)).To(ContainElement(name), expr)
			}
		}
		return nil
	})
}
