package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// operator is an operator whose own metrics can be read.
type operator struct {
	process *child.Process
	metrics string // URL
}

func start(b *testing.B, s *stack.Stack) *operator {
	b.Helper()
	address := controlplane.FreeAddress(b)
	return &operator{process: s.Operator("--metrics-bind-address=" + address), metrics: "http://" + address + "/metrics"}
}

// reconciles of Plans that have ended, however they did.
func (o *operator) reconciles(b *testing.B) float64 {
	return o.sum(b, "controller_runtime_reconcile_total", `controller="plan"`)
}

// idle says that no Plan waits or is worked on.
func (o *operator) idle(b *testing.B) bool {
	return o.sum(b, "workqueue_depth", `name="plan"`)+
		o.sum(b, "controller_runtime_active_workers", `controller="plan"`) == 0
}

// cpu is the processor time that the operator took, in seconds.
func (o *operator) cpu(b *testing.B) float64 { return o.sum(b, "process_cpu_seconds_total", "") }

// sum adds up a metric's lines that have a label; 0 while the operator does not answer.
func (o *operator) sum(b *testing.B, name, label string) (total float64) {
	b.Helper()
	text, err := o.read()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(text) {
		metric, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		bare, labels, _ := strings.Cut(metric, "{")
		if bare != name || !strings.Contains(labels, label) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.Fatal(fmt.Errorf("metric %s: %w", name, err))
		}
		total += v
	}
	return total
}

func (o *operator) read() (text string, err error) {
	res, err := http.Get(o.metrics)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}
