package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/validate"
	"github.com/kassa-dev/kassa/internal/validate/report"
)

// validation are the flags of kubectl kassa validate.
type validation struct {
	*kubectl.Options
	output    kubectl.Output
	failOn    string
	listRules bool
}

func validateCommand(o *kubectl.Options) *cobra.Command {
	v := &validation{
		Options: o, output: kubectl.Output{Formats: []string{report.JSON, report.SARIF, report.GitHub}},
	}
	cmd := &cobra.Command{
		Use:   "validate [FILE|DIR|-]...",
		Short: "Find defects in manifests, without a cluster",
		Long: "Validate finds what the API server would refuse, and what is unsafe for payments: keys in plain text, " +
			"missing HTTPS, providers without a receiver, and so on. It needs no cluster. Folders are read with all that is " +
			"below them; without arguments, the current one. Validate together what is applied together.\n\n" +
			"The exit code is 0 if nothing was found that is as grave as --fail-on, 1 if something was, and 2 if validate " +
			"could not do its work.",
		Example: "  kubectl kassa validate deploy/\n" +
			"  kustomize build overlays/prod | kubectl kassa validate --fail-on warning -\n" +
			"  kubectl kassa validate -o sarif deploy/ > kassa.sarif",
		RunE: v.run,
	}
	v.output.AddFlag(cmd)
	cmd.Flags().StringVar(&v.failOn, "fail-on", string(validate.Error), "the mildest severity that fails: error|warning")
	cmd.Flags().BoolVar(&v.listRules, "list-rules", false, "list what is looked for, and nothing else")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(
		[]string{string(validate.Error), string(validate.Warning)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (v *validation) run(cmd *cobra.Command, paths []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	if v.failOn != string(validate.Error) && v.failOn != string(validate.Warning) {
		return fmt.Errorf("unknown severity %q of --fail-on: use error or warning", v.failOn)
	}
	if v.listRules {
		return v.rules()
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	progress := newProgress(v.Streams.ErrOut)
	reader := manifests.Reader{Stdin: v.Streams.In, Progress: progress.file}
	set, err := reader.Read(paths)
	progress.end()
	if err != nil {
		return err
	}
	findings, err := validate.Check(cmd.Context(), set, validate.Options{
		Registry: v.Registry, Namespace: *v.Cluster.Namespace,
	})
	if err != nil {
		return err
	}
	r := report.Of(set, findings)
	if err := v.print(r); err != nil {
		return err
	}
	if r.Fails(validate.Severity(v.failOn)) {
		return kubectl.ErrFound
	}
	return nil
}

func (v *validation) print(r *report.Report) error {
	switch v.output.Format {
	case report.JSON:
		return r.JSON(v.Streams.Out)
	case report.SARIF:
		return r.SARIF(v.Streams.Out, version)
	}
	for _, notice := range r.Notices {
		v.Warnf("%s", notice)
	}
	if v.output.Format == report.GitHub {
		return r.GitHub(v.Streams.Out)
	}
	return r.People(v.Streams.Out, colorful(v.Streams.Out))
}

// rules lists what is looked for.
func (v *validation) rules() error {
	if v.output.Format == report.JSON {
		type rule struct {
			ID       string            `json:"id"`
			Name     string            `json:"name"`
			Severity validate.Severity `json:"severity"`
			Summary  string            `json:"summary"`
			Help     string            `json:"help"`
			Docs     string            `json:"docs"`
		}
		list := []rule{}
		for _, r := range validate.Rules() {
			list = append(list, rule{r.ID, r.Name, r.Severity, r.Summary, r.Help, r.URL()})
		}
		e := json.NewEncoder(v.Streams.Out)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	var rows [][]string
	for _, r := range validate.Rules() {
		rows = append(rows, []string{r.ID, string(r.Severity), r.Name, r.Summary})
	}
	return kubectl.Table(v.Streams.Out, []string{"ID", "SEVERITY", "NAME", "WHAT IS WRONG"}, rows)
}

// colorful says whether output is painted: on a terminal, unless NO_COLOR is set (https://no-color.org).
func colorful(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress counts files on a terminal, where there are so many that somebody waits.
type progress struct {
	w     io.Writer
	shown bool
	files int
}

// fewFiles are read before anybody wonders.
const fewFiles = 200

func newProgress(w io.Writer) *progress {
	if !terminal(w) {
		w = nil
	}
	return &progress{w: w}
}

func (p *progress) file(string) {
	p.files++
	if p.w != nil && p.files%fewFiles == 0 {
		p.shown = true
		_, _ = fmt.Fprintf(p.w, "\r%d files read", p.files)
	}
}

func (p *progress) end() {
	if p.shown {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
