package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// try shows what kubectl says, also that it fails.
func (b *bench) try(args ...string) {
	out, _ := b.run("", os.Getenv("E2E_KUBECTL"), args...)
	fmt.Printf("\n$ kubectl %s\n%s", strings.Join(args, " "), out)
}

// tellWhatFailed shows how everything is, and the ends of the logs. Secrets are in neither.
func (b *bench) tellWhatFailed() {
	if !b.t.Failed() {
		return
	}
	b.try("get", "nodes,pods,poddisruptionbudgets", "-A", "-o", "wide")
	b.try("-n", shop, "get", "kassa", "-o", "wide")
	b.try("get", "events", "-A", "--field-selector=type=Warning", "--sort-by=.lastTimestamp")
	for _, namespace := range []string{system, shop, own} {
		pods := &corev1.PodList{}
		out, err := b.run("", os.Getenv("E2E_KUBECTL"), "-n", namespace, "get", "pods", "-o", "json")
		if err != nil || json.Unmarshal([]byte(out), pods) != nil {
			continue
		}
		for _, p := range pods.Items {
			if !isReady(&p) {
				b.try("-n", namespace, "describe", "pod", p.Name)
			}
			b.try("-n", namespace, "logs", p.Name, "--tail=15")
		}
	}
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// leave removes everything that the test made: the cluster may be somebody's.
func (b *bench) leave() {
	kubectl := func(args ...string) {
		_, _ = b.run("", os.Getenv("E2E_KUBECTL"), append(args, "--ignore-not-found", "--timeout=2m")...)
	}
	_, _ = b.run("", os.Getenv("E2E_HELM"), "uninstall", "kassa", "--namespace", system)
	// Nobody is left who would answer finalizers.
	for _, kind := range []string{"checkoutendpoint", "webhookreceiver", "plan", "paymentprovider", "webhookevent"} {
		out, _ := b.run("", os.Getenv("E2E_KUBECTL"), "-n", shop, "get", kind, "-o", "name")
		for _, name := range strings.Fields(out) {
			_, _ = b.run("", os.Getenv("E2E_KUBECTL"), "-n", shop, "patch", name, "--type=merge", "-p",
				`{"metadata":{"finalizers":null}}`)
		}
	}
	kubectl("delete", "namespace", shop, system, own)
	out, _ := b.run("", os.Getenv("E2E_KUBECTL"), "get", "crd", "-o", "name")
	for _, name := range strings.Fields(out) {
		if strings.HasSuffix(name, ".billing.kassa.dev") {
			kubectl("delete", name)
		}
	}
	_, _ = b.run("", os.Getenv("E2E_KUBECTL"), "uncordon", "--selector=kassa.dev/e2e=drained")
	_, _ = b.run("", os.Getenv("E2E_KUBECTL"), "label", "nodes", "--all", "kassa.dev/e2e-")
}
