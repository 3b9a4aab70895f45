package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// panel is what is looked at of one of Grafana's model.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ RefID, Expr, LegendFormat string }
}

func dashboard(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../charts/kassa/files/dashboard.json")
	must(t, err)
	return text
}

func panels(t testing.TB) []panel {
	t.Helper()
	var d struct{ Panels []panel }
	must(t, json.Unmarshal(dashboard(t), &d))
	return d.Panels
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	// pictureWidth is that of the browser's window in pixels, of which the dashboard has 24 columns.
	pictureWidth = 1400
	columns      = 24
	shown        = 24 * time.Hour
)

// interval is Grafana's $__interval: a point for each pixel of the panel's width, rounded.
func (p *panel) interval() time.Duration {
	exact := shown / time.Duration(pictureWidth*p.GridPos.W/columns)
	for _, step := range []struct{ below, is time.Duration }{
		{90 * time.Second, time.Minute}, {210 * time.Second, 2 * time.Minute}, {450 * time.Second, 5 * time.Minute},
		{750 * time.Second, 10 * time.Minute},
	} {
		if exact < step.below {
			return step.is
		}
	}
	return 15 * time.Minute
}

// expression puts in what Grafana does, with every namespace and the mode of the sandbox chosen.
func (p *panel) expression(expr string, scraped time.Duration) string {
	rate := max(p.interval()+scraped, 4*scraped)
	return strings.NewReplacer(
		"$__rate_interval", seconds(rate), "$__range", seconds(shown), "$namespace", ".*", "$mode", "test",
	).Replace(expr)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// line is a series as the page draws it.
type line struct {
	RefID  string            `json:"refId"`
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Times  []int64           `json:"times"`
	Values []*float64        `json:"values"` // null where there is none
}

var placeholder = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// named fills in a legend.
func named(legend string, by labels.Labels) string {
	return placeholder.ReplaceAllStringFunc(legend, func(m string) string {
		return by.Get(placeholder.FindStringSubmatch(m)[1])
	})
}

// ask evaluates a panel's queries over a day.
func (p *panel) ask(ctx context.Context, in storage.Queryable, from time.Time, scraped time.Duration) ([]line, error) {
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: math.MaxInt32, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	defer func() { _ = engine.Close() }()
	var out []line
	for _, target := range p.Targets {
		expr := p.expression(target.Expr, scraped)
		query, err := engine.NewRangeQuery(ctx, in, nil, expr, from, from.Add(shown), p.interval())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expr, err)
		}
		matrix, err := query.Exec(ctx).Matrix()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expr, err)
		}
		for _, series := range matrix {
			l := line{RefID: target.RefID, Name: named(target.LegendFormat, series.Metric), Labels: series.Metric.Map()}
			l.fill(series.Floats, from, p.interval())
			if l.Values != nil {
				out = append(out, l)
			}
		}
		query.Close()
	}
	return out, nil
}

// fill puts points where Grafana has them: every step, with a gap where there is none. What has no number at all, such
// as a share of nothing, is left empty.
func (l *line) fill(points []promql.FPoint, from time.Time, step time.Duration) {
	at, found := map[int64]float64{}, false
	for _, p := range points {
		if !math.IsNaN(p.F) && !math.IsInf(p.F, 0) {
			at[p.T], found = p.F, true
		}
	}
	if !found {
		return
	}
	for t := from; !t.After(from.Add(shown)); t = t.Add(step) {
		l.Times = append(l.Times, t.UnixMilli())
		if v, ok := at[t.UnixMilli()]; ok {
			l.Values = append(l.Values, &v)
		} else {
			l.Values = append(l.Values, nil)
		}
	}
}
