// Command licenses writes the licences of all modules that are linked into the packages it is given, on all platforms,
// with their texts, and fails where one of them is not known to allow that:
//
//	licenses ./cmd/... >THIRD_PARTY_LICENSES
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are licences that ask for no more than their text. Whatever is not here fails: copyleft, and the unknown.
var allowed = []string{
	"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "BSL-1.0", "Unlicense", "CC0-1.0", "0BSD", "MPL-2.0",
}

// systems are those that binaries are shipped for.
var systems = []string{"linux", "darwin", "windows"}

// recognised is the share of a text, in percent, that has to be that of a known licence.
const recognised = 75

type module struct{ path, version, dir string }

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, packages []string) error {
	found := map[string]module{}
	for _, system := range systems {
		if err := linked(system, packages, found); err != nil {
			return err
		}
	}
	texts, owners := []string{}, map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := found[path]
		of, err := read(m)
		if err != nil {
			return fmt.Errorf("%s@%s: %w", m.path, m.version, err)
		}
		for _, text := range of {
			if owners[text.content] == nil {
				texts = append(texts, text.content)
			}
			owners[text.content] = append(owners[text.content], fmt.Sprintf("%s %s (%s)", m.path, m.version, text.name))
		}
	}
	w := bufio.NewWriter(out)
	for _, text := range texts { // a text that modules share is there once
		line := strings.Repeat("=", 80)
		_, err := fmt.Fprintf(w, "%s\n%s\n%s\n\n%s\n\n", line, strings.Join(owners[text], "\n"), line, text)
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// linked adds the modules that the packages are built from on a system.
func linked(system string, packages []string, found map[string]module) error {
	const format = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"
	list := exec.Command("go", append([]string{"list", "-deps", "-f", format}, packages...)...)
	list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	lines, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list for %s: %w", system, err)
	}
	for line := range strings.Lines(string(lines)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			found[f[0]] = module{path: f[0], version: f[1], dir: f[2]}
		}
	}
	return nil
}

type text struct{ name, content string }

// read gives the texts of a module, named after what they were found to be.
func read(m module) ([]text, error) {
	files, err := files(m.dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no licence")
	}
	var all []text
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(m.dir, file))
		if err != nil {
			return nil, err
		}
		name := "notice"
		if !strings.HasPrefix(strings.ToUpper(file), "NOTICE") {
			if name, err = judge(content); err != nil {
				return nil, fmt.Errorf("%s %w", file, err)
			}
		}
		all = append(all, text{name, strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n"))})
	}
	return all, nil
}

// files are those of a module's root that say what its licence is.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		name, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if known := []string{"LICENSE", "LICENCE", "COPYING", "NOTICE"}; !e.IsDir() && slices.Contains(known, name) {
			found = append(found, e.Name())
		}
	}
	return found, nil
}

// judge names the licences of a text.
func judge(text []byte) (string, error) {
	coverage := licensecheck.Scan(text)
	if coverage.Percent < recognised {
		return "", fmt.Errorf("is no licence that is known (%.0f %% of it is)", coverage.Percent)
	}
	var names []string
	for _, match := range coverage.Match {
		if !slices.Contains(allowed, match.ID) {
			return "", fmt.Errorf("has %s, which is not among the allowed licences", match.ID)
		}
		names = append(names, match.ID)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", "), nil
}
