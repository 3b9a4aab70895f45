package leaks

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// evidence is everything that was told, by who told it. Who comes to tell more is added to it.
type evidence map[string]string

func (e evidence) add(source, text string) { e[source] += text + "\n" }

// allowance is a place where a planted value may be.
type allowance struct{ source, what, why string }

// allowed are all of them: none so far.
var allowed []allowance

func (e evidence) judge(t testing.TB, values []planted) {
	t.Helper()
	s := newSearch(values)
	for _, source := range slices.Sorted(maps.Keys(e)) {
		for what, where := range s.find(e[source]) {
			at := slices.IndexFunc(allowed, func(a allowance) bool {
				return strings.HasPrefix(source, a.source) && a.what == what
			})
			if at < 0 {
				t.Errorf("%s tells %s", source, where)
			} else {
				t.Logf("%s tells %s: %s", source, what, allowed[at].why)
			}
		}
	}
}

// told reads what everybody has told so far: logs, objects and metrics.
func (l *life) told(stage string) {
	l.T.Helper()
	l.objects(stage)
	for _, name := range []string{"hooks-receiver", "books-receiver", "shop-checkout", "members-checkout"} {
		for _, p := range l.Node.Pods(l.Namespace, name) {
			l.pods[p.Name] = p
			l.metrics("metrics of "+name, fmt.Sprintf("http://%s:%d/metrics", p.IP, workload.PortHealth))
		}
	}
	l.metrics("metrics of the operator", "http://"+l.operatorMetrics+"/metrics")
	l.plugin()
}

// plugin looks at everything with kubectl kassa.
func (l *life) plugin() {
	l.T.Helper()
	for _, args := range [][]string{
		{"status"}, {"status", "-o", "yaml"}, {"events"}, {"events", "--dead"}, {"diff"}, {"import", "stripe"},
		{"import", "paddle"}, {"trigger", "hooks", "customer.subscription.deleted"},
	} {
		l.evidence.add("kubectl kassa "+args[0], l.run(l.Plugin(), append(args, "-n", l.Namespace)...))
	}
}

func (l *life) metrics(source, at string) {
	l.T.Helper()
	var text string
	l.g.Eventually(func() error {
		res, err := http.Get(at)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		text = string(body)
		return err
	}, stack.Patience, often).Should(Succeed())
	l.evidence.add(source, text)
}

// logs reads what the processes printed.
func (l *life) logs() {
	l.T.Helper()
	l.evidence.add("log of the operator", l.OperatorLog())
	for _, p := range l.pods {
		text, err := l.Node.Logs(p)
		l.g.Expect(err).NotTo(HaveOccurred())
		l.evidence.add("log of "+p.Name, text)
	}
}

// objects reads the whole cluster but for its Secrets, as a person with kubectl does.
func (l *life) objects(stage string) {
	l.T.Helper()
	var kinds []string
	for kind := range strings.FieldsSeq(l.kubectl("api-resources", "--verbs=list", "-o", "name")) {
		if kind != "secrets" && !strings.Contains(kind, "apiregistration") && !strings.Contains(kind, "customresource") {
			kinds = append(kinds, kind)
		}
	}
	all := strings.Join(kinds, ",")
	l.evidence.add("objects "+stage, l.kubectl("get", all, "-A", "-o", "json", "--show-managed-fields"))
	l.evidence.add("kubectl get "+stage, l.kubectl("get", "kassa,events,pods", "-n", l.Namespace, "-o", "wide"))
	l.evidence.add("kubectl describe "+stage, l.kubectl("describe", "kassa,events,pods,leases", "-n", l.Namespace))
}

func (l *life) kubectl(args ...string) string {
	l.T.Helper()
	return l.run(l.Plane.KubectlPath(), args...)
}

// run is the output of a program, whatever its exit code is.
func (l *life) run(program string, args ...string) string {
	l.T.Helper()
	cmd := exec.CommandContext(l.T.Context(), program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.Plane.KubeconfigPath())
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		l.T.Fatalf("%s %v: %v", program, args, err)
	}
	return string(out)
}

// answer keeps what a client was answered. It returns the body.
func (l *life) answer(source string, res *http.Response, err error) (status int, body string) {
	l.T.Helper()
	if err != nil {
		l.evidence.add(source, err.Error())
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	l.g.Expect(err).NotTo(HaveOccurred())
	var head strings.Builder
	_ = res.Header.Write(&head)
	l.evidence.add(source, fmt.Sprintf("%s\n%s\n%s", res.Status, head.String(), text))
	return res.StatusCode, string(text)
}

// dump has every process print its stacks and end.
func (l *life) dump() {
	l.T.Helper()
	for _, p := range l.pods {
		if process, err := os.FindProcess(p.PID); err == nil && p.PID > 0 {
			_ = process.Signal(syscall.SIGQUIT)
		}
		l.g.Eventually(func() (string, error) { return l.Node.Logs(p) }, stack.Patience, often).
			Should(ContainSubstring("SIGQUIT"))
	}
	l.g.Expect(l.operator.Signal(syscall.SIGQUIT)).To(Succeed())
	l.g.Eventually(l.operator.Running, stack.Patience, often).Should(BeFalse())
	l.startOperator()
}

// heard expects of every source what it is known to tell: what was not collected would prove nothing.
func (l *life) heard() {
	l.T.Helper()
	for source, word := range map[string]string{
		"log of the operator": "SIGQUIT", "metrics of the operator": "kassa_", "metrics of hooks-receiver": "kassa_receiver",
		"metrics of shop-checkout": "kassa_", "answers of shop": "provider", "answers of members": "provider",
		"answers of hooks": "signature", "answers of books": "signature", "kassa erase": "erased:",
		"objects after a good life": "managedFields", "kubectl describe with dead events": "Dead",
		"kubectl kassa status": "NAME", "kubectl kassa diff": "pro", "kubectl kassa import": "kind: PaymentProvider",
		"traces of kassa-operator": "spans", "traces of kassa-receiver": "status",
		"traces of kassa-checkout": "/v1/checkouts",
	} {
		l.g.Expect(l.evidence[source]).To(ContainSubstring(word), source)
	}
}
