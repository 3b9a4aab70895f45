// Package argocd runs the script by which Argo CD judges Kassa's objects. It is a module of its own: Lua is for nothing
// else.
package argocd

import (
	"bytes"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

const script = "../../docs/examples/argocd/health.lua"

func TestHealth(t *testing.T) {
	for name, tc := range map[string]struct{ object, status, message string }{
		"new": {`kind: Plan
metadata: {generation: 1}`, "Progressing", "Waiting for Kassa"},
		"ready": {`kind: Plan
metadata: {generation: 2}
status:
  conditions: [{type: Ready, status: "True", reason: InSync, message: "stripe: InSync", observedGeneration: 2}]`,
			"Healthy", "stripe: InSync"},
		"changed since": {`kind: CheckoutEndpoint
metadata: {generation: 3}
status:
  conditions: [{type: Ready, status: "True", reason: Succeeded, message: "", observedGeneration: 2}]`,
			"Progressing", "Waiting for Kassa to see the change"},
		"going on": {`kind: Plan
metadata: {generation: 1}
status:
  conditions:
  - {type: Ready, status: "False", reason: Unreachable, message: no answer, observedGeneration: 1}
  - {type: Reconciling, status: "True", reason: Unreachable, message: no answer, observedGeneration: 1}`,
			"Progressing", "no answer"},
		"stalled": {`kind: PaymentProvider
metadata: {generation: 1}
status:
  conditions:
  - {type: Ready, status: "False", reason: ModeMismatch, message: the key is of Live mode, observedGeneration: 1}
  - {type: Stalled, status: "True", reason: ModeMismatch, message: the key is of Live mode, observedGeneration: 1}`,
			"Degraded", "the key is of Live mode"},
		"suspended": {`kind: WebhookReceiver
metadata: {generation: 1}
status:
  conditions:
  - {type: Ready, status: "False", reason: Suspended, message: spec.suspend, observedGeneration: 1}
  - {type: Stalled, status: "True", reason: Suspended, message: spec.suspend, observedGeneration: 1}`,
			"Suspended", "spec.suspend"},
		"given up": {"kind: WebhookEvent\nmetadata: {}\nstatus: {phase: Dead}", "Degraded",
			"The event was given up: see status.sinks"},
		"waiting event": {"kind: WebhookEvent\nmetadata: {}\nstatus: {phase: Pending}", "Healthy", ""},
		"new event":     {"kind: WebhookEvent\nmetadata: {}", "Healthy", ""},
		"ledger":        {"kind: EventLedger\nmetadata: {}", "Healthy", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			status, message := judge(t, tc.object)
			g.Expect(status).To(Equal(tc.status))
			g.Expect(message).To(Equal(tc.message))
		})
	}
}

// judge runs the script as Argo CD does: the object is the global obj, and the answer a table.
func judge(t *testing.T, object string) (status, message string) {
	t.Helper()
	g := NewWithT(t)
	code, err := os.ReadFile(script)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bytes.ContainsAny(code, "\t")).To(BeFalse(), "tabs cannot stand in YAML's indentation")
	var content map[string]any
	g.Expect(yaml.Unmarshal([]byte(object), &content)).To(Succeed())
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", value(l, content))
	g.Expect(l.DoString(string(code))).To(Succeed())
	answer, ok := l.Get(-1).(*lua.LTable)
	g.Expect(ok).To(BeTrue(), "the script gives back no table")
	return l.GetField(answer, "status").String(), l.GetField(answer, "message").String()
}

func value(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		t := l.NewTable()
		for key, field := range v {
			t.RawSetString(key, value(l, field))
		}
		return t
	case []any:
		t := l.NewTable()
		for _, item := range v {
			t.Append(value(l, item))
		}
		return t
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case bool:
		return lua.LBool(v)
	}
	return lua.LNil
}
