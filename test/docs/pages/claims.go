package pages

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Who runs commands. All but the first two are read by TestEveryCommandIsRun, which looks whether they do.
const (
	// Shop is a reader's shop on processes of this machine, in every make test.
	Shop = "test/docs/run"
	// Nodes are those of make e2e.
	Nodes = "test/e2e"
	// CI runs targets of the Makefile.
	CI = ".ci/run"
	// Rebuild is what a release is built twice by.
	Rebuild = "hack/reproducible"
)

// claims say who runs the commands of a page. A command that is not alone on its page is named by what it begins with.
var claims = map[string]map[string]string{
	"README.md":                 {"": Shop, "make": CI},
	"CONTRIBUTING.md":           {"": CI},
	"charts/kassa/README.md":    {"": Nodes},
	"docs/checkout.md":          {"": Shop},
	"docs/disaster-recovery.md": {"": Shop, "   helm install": Nodes},
	"docs/dunning.md":           {"": Shop},
	"docs/events.md":            {"": Shop},
	"docs/getting-started.md":   {"": Nodes, "kubectl -n shop create secret generic stripe-offline": Shop},
	"docs/gitops.md":            {"": Shop},
	"docs/install.md":           {"": Nodes},
	"docs/integrate.md":         {"": Shop},
	"docs/kubectl.md":           {"": Shop},
	"docs/kubectl-events.md":    {"": Shop},
	"docs/kubectl-import.md":    {"": Shop},
	"docs/migrate.md":           {"": Shop},
	"docs/observability.md":     {"": Shop},
	"docs/plans.md":             {"": Shop},
	"docs/providers.md":         {"": Shop},
	"docs/receivers.md":         {"": Shop},
	"docs/recovery.md":          {"": Shop},
	"docs/rotation.md":          {"": Shop},
	"docs/sandbox.md":           {"": Shop},
	"docs/sql.md":               {"": Nodes},
	"docs/supply-chain.md":      {"": Rebuild},
	"docs/troubleshooting.md":   {"": Shop, "kubectl logs": Nodes},
}

// Claimed is who runs the command; it is empty where nobody is named.
func Claimed(c *Command) string {
	by := claims[c.Page]
	for _, begins := range slices.Sorted(maps.Keys(by)) {
		if begins != "" && strings.HasPrefix(c.Text, begins) {
			return by[begins]
		}
	}
	return by[""]
}

var (
	target   = regexp.MustCompile(`^([a-z0-9-]+):([^=#]*)`)
	makes    = regexp.MustCompile(`\bmake ([a-z0-9-]+)|\$\(MAKE\) ([a-z0-9-]+)`)
	makeLine = regexp.MustCompile(`^make ([a-z0-9-]+)(?: [A-Z_]+=\S+)*\s*(?:#.*)?$`)
)

// made are the targets that CI makes, with those that they need or make themselves.
func made(root string) (map[string]bool, error) {
	ci, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(CI)))
	if err != nil {
		return nil, err
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return nil, err
	}
	needs, of := map[string][]string{}, ""
	for line := range strings.Lines(string(makefile)) {
		if found := target.FindStringSubmatch(line); found != nil {
			of = found[1]
			needs[of] = append(needs[of], strings.Fields(found[2])...)
		} else if strings.HasPrefix(line, "\t") {
			needs[of] = append(needs[of], named(line)...)
		}
	}
	reached, next := map[string]bool{}, []string{}
	for line := range strings.Lines(string(ci)) {
		if strings.HasPrefix(line, "step ") {
			next = append(next, named(line)...)
		}
	}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if !reached[name] {
			reached[name] = true
			next = append(next, needs[name]...)
		}
	}
	return reached, nil
}

func named(line string) []string {
	var names []string
	for _, found := range makes.FindAllStringSubmatch(line, -1) {
		names = append(names, found[1]+found[2])
	}
	return names
}

// unmade says which line CI does not make.
func unmade(c *Command, made map[string]bool) error {
	for line := range strings.Lines(c.Text) {
		found := makeLine.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			return fmt.Errorf("%q is no target of the Makefile", line)
		}
		if !made[found[1]] {
			return fmt.Errorf("no step of %s makes %s", CI, found[1])
		}
	}
	return nil
}
