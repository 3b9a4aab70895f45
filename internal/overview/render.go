package overview

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

// Empty says that there is nothing of Kassa's, but for its operator.
func (r *Report) Empty() bool {
	return len(r.Providers)+r.Plans.Total+len(r.Checkouts)+len(r.Receivers) == 0
}

// Render prints a report for people, on one screen where not much is wrong. With namespaces, objects are named by
// them.
func (r *Report) Render(w io.Writer, namespaces bool) error {
	p := &page{report: r, namespaces: namespaces}
	p.problems()
	p.operators()
	p.plans()
	p.table("PROVIDERS", []string{"NAME", "TYPE", "MODE", "ACCOUNT", "READY", "CAN"}, p.providers())
	p.table("CHECKOUTS", []string{"NAME", "READY", "REPLICAS", "PLANS", "SELLS AT", "URL"}, p.checkouts())
	p.table("RECEIVERS", []string{
		"NAME", "READY", "REPLICAS", "RATE", "LAST", "PENDING", "OLDEST", "DEAD", "RECOVERY", "DUNNING", "STORE",
	}, p.receivers())
	if p.err != nil {
		return p.err
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

type page struct {
	report     *Report
	namespaces bool
	text       strings.Builder
	err        error
}

func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

func (p *page) problems() {
	r := p.report
	switch n := len(r.Problems); {
	case n == 1:
		p.printf("1 problem:\n")
	case n > 1:
		p.printf("%d problems:\n", n)
	case r.Empty():
		p.printf("There is nothing of Kassa's here.\n")
	default:
		p.printf("Everything is well.\n")
	}
	for i := range r.Problems {
		p.problem(&r.Problems[i])
	}
	for _, n := range r.Notices {
		p.printf("\n%s\n", n)
	}
}

func (p *page) problem(x *Problem) {
	p.printf("\n  %s %s: ", x.Kind, p.name(x.Named))
	if x.Condition != "" && x.Condition != "Ready" {
		p.printf("%s ", x.Condition)
	}
	p.printf("%s", x.Reason)
	if x.Since != nil {
		p.printf(", %s", p.ago(x.Since))
	}
	p.printf("\n%s", wrapped(x.Message, "    ", "    "))
	if x.Advice != "" {
		p.printf("%s", wrapped(x.Advice, "    -> ", "       "))
	}
}

// width is that of the text in a report, in bytes: nearly all of it is ASCII.
const width = 110

// wrapped is a text in lines, each begun with something.
func wrapped(text, first, next string) string {
	var out strings.Builder
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > width:
			out.WriteString(line + "\n")
			line = next + word
		default:
			line += " " + word
		}
	}
	return out.String() + line + "\n"
}

func (p *page) operators() {
	p.printf("\n")
	for _, o := range p.report.Operators {
		p.printf("Operator %s %s: %d of %d replicas available\n", o.Named, o.Version, o.Available, o.Replicas)
	}
	if len(p.report.Operators) == 0 {
		p.printf("Operator: not seen from here\n")
	}
}

func (p *page) plans() {
	s := p.report.Plans
	if s.Total == 0 {
		return
	}
	p.printf("Plans: %d of %d ready, %d drifted, %d with changes to be made\n", s.Ready, s.Total, s.Drifted, s.Pending)
}

func (p *page) table(title string, header []string, rows [][]string) {
	if len(rows) == 0 || p.err != nil {
		return
	}
	p.printf("\n%s\n", title)
	p.err = kubectl.Table(&p.text, header, rows)
}

func (p *page) providers() [][]string {
	var out [][]string
	for i := range p.report.Providers {
		x := &p.report.Providers[i]
		account := x.Account
		if x.AccountName != "" {
			account += " (" + x.AccountName + ")"
		}
		out = append(out, []string{
			p.name(x.Named), dash(x.Type), x.Mode, dash(account), x.Ready, dash(strings.Join(x.Capabilities, ", ")),
		})
	}
	return out
}

func (p *page) checkouts() [][]string {
	var out [][]string
	for i := range p.report.Checkouts {
		x := &p.report.Checkouts[i]
		out = append(out, []string{
			p.name(x.Named), x.Ready, strconv.Itoa(int(x.Replicas)), strconv.Itoa(int(x.Plans)),
			dash(strings.Join(x.Providers, ", ")), x.URL,
		})
	}
	return out
}

func (p *page) receivers() [][]string {
	var out [][]string
	for i := range p.report.Receivers {
		x := &p.report.Receivers[i]
		store := "objects"
		if x.Database {
			store = "PostgreSQL"
		}
		out = append(out, []string{
			p.name(x.Named), x.Ready, strconv.Itoa(int(x.Replicas)), rate(x.PerHour), p.ago(x.LastEvent),
			strconv.Itoa(int(x.Pending)), p.ago(x.Oldest), strconv.Itoa(int(x.Dead)), p.recovery(&x.Recovery),
			dunning(x.Dunning), store,
		})
	}
	return out
}

func (p *page) recovery(s *Recovery) string {
	text := "-"
	switch {
	case s.Reason != "":
		text = s.Reason
	case s.SweptUntil != nil:
		text = "until " + p.ago(s.SweptUntil)
	case s.Disabled:
		text = "off"
	}
	if s.Recovered > 0 {
		text += fmt.Sprintf(", %d fetched", s.Recovered)
	}
	return text
}

func dunning(d *Dunning) string {
	if d == nil {
		return "off"
	}
	return fmt.Sprintf("%s after %d, %d done", d.Action, d.After, d.Actions)
}

// rate is in the unit of time in which there is at least one event.
func rate(perHour float64) string {
	switch {
	case perHour == 0:
		return "-"
	case perHour >= 3600:
		return fmt.Sprintf("%.0f/s", perHour/3600)
	case perHour >= 60:
		return fmt.Sprintf("%.0f/min", perHour/60)
	case perHour >= 1:
		return fmt.Sprintf("%.0f/h", perHour)
	case perHour >= 1.0/24:
		return fmt.Sprintf("%.0f/d", perHour*24)
	default:
		return "<1/d"
	}
}

func (p *page) name(n Named) string {
	if p.namespaces {
		return n.String()
	}
	return n.Name
}

func (p *page) ago(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return duration.HumanDuration(p.report.Now.Sub(*at)) + " ago"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
