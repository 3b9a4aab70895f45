package e2e

import (
	"os"
	"path/filepath"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// newField is of WebhookReceivers, and missing in the chart from which is upgraded.
const newField = "priorityClassName"

// previousChart is the chart as an older version may have been: with another version, and a CRD without a field.
func (b *bench) previousChart() string {
	b.t.Helper()
	dir := filepath.Join(os.Getenv("E2E_WORK"), "previous")
	b.Expect(os.CopyFS(dir, os.DirFS(filepath.Join(b.root, "charts", "kassa")))).To(Succeed())
	path := filepath.Join(dir, "files", "crds", "billing.kassa.dev_webhookreceivers.yaml")
	text, err := os.ReadFile(path)
	b.Expect(err).NotTo(HaveOccurred())
	var crd map[string]any
	b.Expect(yaml.Unmarshal(text, &crd)).To(Succeed())
	b.Expect(removeField(crd, newField)).To(BeTrue(), "the CRD has the field")
	text, err = yaml.Marshal(crd)
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(os.WriteFile(path, append([]byte("---\n"), text...), 0o600)).To(Succeed())
	b.helm("package", dir, "--version", "0.0.1-previous", "--destination", filepath.Dir(dir))
	return filepath.Join(filepath.Dir(dir), "kassa-0.0.1-previous.tgz")
}

// removeField removes a property of that name wherever in the schema it is.
func removeField(from any, name string) (removed bool) {
	switch node := from.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			_, removed = properties[name]
			delete(properties, name)
		}
		for _, child := range node {
			removed = removeField(child, name) || removed
		}
	case []any:
		for _, child := range node {
			removed = removeField(child, name) || removed
		}
	}
	return removed
}

// install installs or upgrades the release, with everything that can be looked at.
func (b *bench) install(chart, tag string) {
	b.t.Helper()
	b.helm("upgrade", "--install", "kassa", chart, "--wait", "--timeout", "4m",
		"--set", "image.tag="+tag, "--set", "replicas=2", "--set", "networkPolicy.enabled=true",
		"--set", "sandbox.enabled=true")
	b.sayf("helm installed %s with the image %s", filepath.Base(chart), tag)
}

// upgrade goes from the previous chart to this one, under load.
func (b *bench) upgrade(l *load) {
	b.t.Helper()
	b.Expect(b.hasNewField()).To(BeFalse(), "the previous chart's CRD has the field")
	before := b.identity()
	b.install(filepath.Join(b.root, "charts", "kassa"), "e2e")
	b.Expect(b.hasNewField()).To(BeTrue(), "the CRD was not upgraded")
	b.Eventually(func(g Gomega) {
		image := b.kubectl("-n", shop, "get", "deployment", "stripe-receiver", "-o",
			"jsonpath={.spec.template.spec.containers[0].image}")
		g.Expect(image).To(HaveSuffix(":e2e"))
	}).Should(Succeed())
	b.awaitReady()
	b.Expect(b.identity()).To(Equal(before), "objects, and what they are at the providers")
	l.goesOn(40)
	b.sayf("after the upgrade all objects are the same, at the providers as well, and the CRD has its new field")
}

func (b *bench) hasNewField() bool {
	b.t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	text := b.kubectl("get", "crd", "webhookreceivers.billing.kassa.dev", "-o", "json")
	b.Expect(yaml.Unmarshal([]byte(text), &crd)).To(Succeed())
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	_, has := spec.Properties["workload"].Properties[newField]
	return has
}
