package kubectl

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

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
		var text strings.Builder
		if err := people(&text); err != nil {
			return err
		}
		_, err := io.WriteString(w, Shown(text.String()))
		return err
	}
}

// Shown is a text for people without what makes a terminal show something else than what is written: its commands, and
// what turns the direction. Providers' words are in much of what is printed, and anybody may have written those.
func Shown(text string) string {
	if !strings.ContainsFunc(text, misleads) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if misleads(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func misleads(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// Table prints rows under a header, aligned as kubectl does.
func Table(w io.Writer, header []string, rows [][]string) error {
	t := printers.GetNewTabWriter(w)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(t, Shown(strings.Join(row, "\t"))); err != nil {
			return err
		}
	}
	return t.Flush()
}
