package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// elsewhere are programs whose flags are not the project's to check, and why they are in the documentation.
var elsewhere = map[string]string{
	"curl":      "asks a server's HTTP API",
	"openssl":   "makes a random secret, or a certificate",
	"base64":    "reads a Secret",
	"grep":      "narrows another command's output",
	"xargs":     "hands names to kubectl, which is checked by itself",
	"jq":        "reads JSON",
	"date":      "tells the time",
	"git":       "fetches the source",
	"sleep":     "waits",
	"printf":    "is the shell's",
	"sha256sum": "is of GNU's core utilities",
	"cut":       "shortens another command's output",
	"node":      "runs an example, which a test of docs/examples does",
	"python3":   "runs an example, which a test of docs/examples does",
	"pg_dump":   "is PostgreSQL's own",
	"psql":      "is PostgreSQL's own",
	"flux":      "is Flux's own, and needs a cluster with it",
	"argocd":    "is Argo CD's own, and needs a cluster with it",
	"kustomize": "is kustomize's own",
	"stripe":    "is Stripe's own, and needs an account",
	"ngrok":     "is a tunnel's own, and needs an account",
	"go":        "is Go's own",
	"for":       "is the shell's", "do": "is the shell's", "done": "is the shell's", "cd": "is the shell's",
}

// Programs of the project take every flag that the documentation gives them, and kubectl and helm, too. What is
// neither is named above.
func TestCommandsTakeTheirFlags(t *testing.T) {
	h := &helps{t: t, programs: programs(t), kinds: kinds(t), known: map[string]string{}}
	for command, bad := range map[string]bool{
		"kubectl get planz": true, "kubectl get plans --nope": true, "kassa sandbox --nope": true, "make nope": true,
		"helm install x --nope": true, "frobnicate": true, "kubectl kassa validate --nope": true,
		"kubectl -n shop get plans,secrets -o yaml": false, "kubectl kassa validate -o json": false, "make test": false,
	} {
		if got := h.check(commands(command)[0]); (got != "") != bad {
			t.Errorf("%s: %q", command, got)
		}
	}
	for _, p := range all(t) {
		for _, typed := range p.Commands() {
			for _, c := range commands(input.ReplaceAllStringFunc(typed.Text, firstLine)) {
				if problem := h.check(c); problem != "" {
					t.Errorf("%s: %s: %s", typed.At(), strings.Join(c, " "), problem)
				}
			}
		}
		p.Spans(func(at, code string) {
			first, _, _ := strings.Cut(code, " ")
			if h.programs[first] == "" || !strings.Contains(code, " ") || strings.Contains(code, "…") {
				return
			}
			for _, c := range commands(code) {
				if problem := h.check(c); problem != "" {
					t.Errorf("%s: %s: %s", at, code, problem)
				}
			}
		})
	}
}

// input is a command with what it reads.
var input = regexp.MustCompile(`(?s)[^\n]*<<'?EOF'?\n.*?\nEOF\n`)

func firstLine(command string) string { return strings.SplitN(command, "\n", 2)[0] + "\n" }

// programs are those whose --help is asked.
func programs(t *testing.T) map[string]string {
	t.Helper()
	g, bin, dir := NewWithT(t), t.TempDir(), root(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/...")
	build.Dir = dir
	out, err := build.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	helm := exec.CommandContext(t.Context(), filepath.Join(dir, "hack", "tools", "ensure"), "helm")
	helm.Stderr = os.Stderr
	path, err := helm.Output()
	g.Expect(err).NotTo(HaveOccurred())
	return map[string]string{
		"kubectl": controlplane.Shared(t).KubectlPath(), "kassa": filepath.Join(bin, "kassa"),
		"kubectl-kassa": filepath.Join(bin, "kubectl-kassa"), "helm": strings.TrimSpace(string(path)),
	}
}

// kinds are the words for kinds of objects that kubectl takes.
func kinds(t *testing.T) map[string]bool {
	t.Helper()
	cp := controlplane.Shared(t)
	out, err := exec.CommandContext(t.Context(), cp.KubectlPath(),
		"--kubeconfig", cp.KubeconfigPath(), "api-resources", "--no-headers").Output()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	// Words of kubectl's own, and of APIs that a test's API server does not have.
	found := map[string]bool{"kassa": true, "all": true, "httproute": true, "application": true, "kustomization": true}
	for _, l := range strings.Split(string(out), "\n") {
		f := strings.Fields(l)
		for i, word := range f {
			if i < len(f)-3 || i == len(f)-1 { // names, short names and the kind
				for _, w := range strings.Split(strings.ToLower(word), ",") {
					found[w], found[strings.TrimSuffix(w, "s")] = true, true
				}
			}
		}
	}
	return found
}

type helps struct {
	t        *testing.T
	programs map[string]string
	kinds    map[string]bool
	known    map[string]string // help by command
}

// withKinds are kubectl's commands whose next word is a kind, or KIND/NAME.
var withKinds = []string{"get", "delete", "annotate", "label", "describe", "edit", "patch", "wait", "scale"}

func (h *helps) check(words []string) string {
	if words[0] == "make" {
		return h.make(words[1:])
	}
	path, ours := h.programs[words[0]]
	if !ours {
		if elsewhere[words[0]] == "" {
			return "is a program that this test does not know"
		}
		return ""
	}
	args := words[1:]
	if words[0] == "kubectl" && len(args) > 0 && args[0] == "kassa" {
		path, args = h.programs["kubectl-kassa"], args[1:]
	}
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	verbs, flags := split(args)
	help := h.help(path, verbs)
	for _, flag := range flags {
		if !regexp.MustCompile(`(?m)(^|[\s,])` + regexp.QuoteMeta(flag) + `([\s=,:]|$)`).MatchString(help) {
			return "has no flag " + flag
		}
	}
	if words[0] == "kubectl" && len(verbs) > 1 && slices.Contains(withKinds, verbs[0]) {
		kind, _, _ := strings.Cut(verbs[1], "/")
		for _, k := range strings.Split(kind, ",") {
			if k != "KIND" && !h.kinds[strings.ToLower(strings.SplitN(k, ".", 2)[0])] {
				return "there is no kind " + k
			}
		}
	}
	return ""
}

// separate are flags whose value is the next word.
var separate = []string{
	"-n", "--namespace", "-f", "-k", "-o", "-l", "--selector", "--set", "--listen", "-p", "--type", "--for", "-c",
	"--from", "--context", "--field-selector", "--sort-by", "--version",
}

// split are the words that are no flags, without what follows a flag, and the flags.
func split(args []string) (verbs, flags []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			verbs = append(verbs, arg)
			continue
		}
		name, _, joined := strings.Cut(arg, "=")
		flags = append(flags, name)
		if !joined && slices.Contains(separate, name) {
			i++
		}
	}
	return verbs, flags
}

// help is that of the longest chain of subcommands. A kubectl without a configuration asks no server.
func (h *helps) help(path string, verbs []string) string {
	chain := verbs[:min(len(verbs), 3)]
	chain = chain[:len(chain)-len(trailing(chain))]
	help := h.ask(path, append(slices.Clone(chain), "--help"))
	if path == h.programs["kubectl"] {
		help += h.ask(path, []string{"options"}) // what every command takes
	}
	return help
}

func (h *helps) ask(path string, args []string) string {
	key := path + " " + strings.Join(args, " ")
	if _, asked := h.known[key]; !asked {
		out, _ := exec.CommandContext(h.t.Context(), path, args...).CombinedOutput()
		h.known[key] = string(out)
	}
	return h.known[key]
}

// trailing are words that cannot be a subcommand's name.
func trailing(words []string) []string {
	for i, w := range words {
		if i > 0 && !slices.Contains([]string{"secret", "generic", "tls", "status", "restart", "replay"}, w) ||
			strings.ContainsAny(w, "/.=,$") {
			return words[i:]
		}
	}
	return nil
}

func (h *helps) make(args []string) string {
	known := targets(h.t)
	for _, a := range args {
		if !strings.Contains(a, "=") && !known[a] {
			return "the Makefile has no target " + a
		}
	}
	return ""
}

var assignment = regexp.MustCompile(`^[A-Za-z_]+=`)

// commands are those of a piece of shell, in words without quotes. Substitutions count as commands of their own.
func commands(text string) [][]string {
	var found [][]string
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, l := range strings.Split(text, "\n") {
		for _, words := range pipeline(l) {
			for len(words) > 0 && assignment.MatchString(words[0]) {
				words = words[1:]
			}
			if len(words) > 0 {
				found = append(found, words)
			}
		}
	}
	return found
}
