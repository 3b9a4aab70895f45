package kubectl

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// Output is the flag -o. Empty means for people.
type Output struct {
	Format string
	// Formats that a command knows beside those for people.
	Formats []string
}

// The formats of most commands.
const (
	JSON = "json"
	YAML = "yaml"
)

// AddFlag adds -o, with its completion.
func (o *Output) AddFlag(cmd *cobra.Command) {
	if o.Formats == nil {
		o.Formats = []string{JSON, YAML}
	}
	cmd.Flags().StringVarP(&o.Format, "output", "o", "", "format: "+strings.Join(o.Formats, "|"))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(o.Formats, cobra.ShellCompDirectiveNoFileComp))
}

// Check refuses formats that the command does not know.
func (o *Output) Check() error {
	if o.Format == "" || slices.Contains(o.Formats, o.Format) {
		return nil
	}
	return fmt.Errorf("unknown output format %q: use %s", o.Format, strings.Join(o.Formats, " or "))
}

// Print writes a value in the format that was asked for, or has people print it for people.
func (o *Output) Print(w io.Writer, value any, people func(w io.Writer) error) error {
	switch o.Format {
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(value)
	case YAML:
		text, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	default:
		return people(w)
	}
}

// Table prints rows under a header, aligned as kubectl does, and without commands for the terminal.
func Table(w io.Writer, header []string, rows [][]string) error {
	t := printers.GetNewTabWriter(w)
	for _, row := range append([][]string{header}, rows...) {
		if err := printers.WriteEscaped(t, strings.Join(row, "\t")+"\n"); err != nil {
			return err
		}
	}
	return t.Flush()
}
