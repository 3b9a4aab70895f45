package e2e

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/yaml"
)

// newField is of WebhookReceivers, and missing in the chart from which is upgraded, where that is made of this one.
const newField = "priorityClassName"

// before is the tree of the previous version, or this one where there is none.
func (b *bench) before() string {
	return cmp.Or(os.Getenv("E2E_PREVIOUS_TREE"), b.root)
}

// previousChart is the chart of the previous version or, where there is none, this one as an older version may have
// been: with another version, and a CRD without a field.
func (b *bench) previousChart() string {
	b.t.Helper()
	chart := filepath.Join(b.before(), "charts", "kassa")
	if b.before() != b.root {
		return chart
	}
	dir := filepath.Join(os.Getenv("E2E_WORK"), "older")
	b.Expect(os.CopyFS(dir, os.DirFS(chart))).To(Succeed())
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

// install installs the previous version, with everything that can be looked at.
func (b *bench) install(chart string) {
	b.t.Helper()
	values := filepath.Join(b.root, "test", "e2e", "values.yaml")
	b.helm("install", "kassa", chart, "--wait", "--timeout", "4m", "--values", values,
		"--set", "image.repository="+os.Getenv("E2E_REGISTRY")+"/kassa", "--set", "image.tag="+previousTag())
	b.sayf("helm installed %s", chart)
}

func previousTag() string { return os.Getenv("E2E_TAG") + "-previous" }

// upgrade goes from the previous chart to this one, back, and here again, under load, in the ways that are documented.
func (b *bench) upgrade(l *load) {
	b.t.Helper()
	to := func(tag string, crds bool, args ...string) {
		b.t.Helper()
		before := b.identity()
		b.helm(append(args, "--wait", "--timeout", "4m")...)
		b.expectImage(tag)
		b.awaitReady()
		b.Expect(b.identity()).To(Equal(before), "objects, and what they are at the providers")
		if b.before() == b.root || crds { // two versions may have the same CRDs
			b.Expect(b.crdsOfChart()).To(Equal(crds), "the CRDs are those of this chart")
		}
		l.repeat(10)
		l.goesOn(40)
	}
	tag := os.Getenv("E2E_TAG")
	upgrade := []string{
		"upgrade", "kassa", filepath.Join(b.root, "charts", "kassa"), "--reset-then-reuse-values",
		"--set", "image.tag=" + tag,
	}
	to(tag, true, upgrade...)
	b.sayf("after the upgrade all objects are the same, at the providers as well, the CRDs are new, and old events known")
	to(previousTag(), false, "rollback", "kassa")
	to(tag, true, upgrade...)
	b.sayf("so it was after a rollback, and after another upgrade")
}

// expectImage waits until the servers have it, which the operator brings.
func (b *bench) expectImage(tag string) {
	b.t.Helper()
	b.Eventually(func(g Gomega) {
		images := b.kubectl("-n", shop, "get", "deployments", "-l", "app.kubernetes.io/managed-by=kassa", "-o",
			"jsonpath={.items[*].spec.template.spec.containers[0].image}")
		g.Expect(strings.Fields(images)).To(HaveEach(HaveSuffix(":" + tag)))
	}).Should(Succeed())
}

// crdsOfChart says whether the cluster's CRDs are those of this chart.
func (b *bench) crdsOfChart() bool {
	b.t.Helper()
	paths, err := filepath.Glob(filepath.Join(b.root, "charts", "kassa", "files", "crds", "*.yaml"))
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(paths).NotTo(BeEmpty())
	for _, path := range paths {
		text, err := os.ReadFile(path)
		b.Expect(err).NotTo(HaveOccurred())
		var want, have apiextensionsv1.CustomResourceDefinition
		b.Expect(yaml.Unmarshal(text, &want)).To(Succeed())
		b.Expect(yaml.Unmarshal([]byte(b.kubectl("get", "crd", want.Name, "-o", "json")), &have)).To(Succeed())
		if !equality.Semantic.DeepEqual(want.Spec.Versions, have.Spec.Versions) {
			return false
		}
	}
	return true
}

// refusesAnother has Helm refuse a second operator of all namespaces: two would write to one account.
func (b *bench) refusesAnother() {
	b.t.Helper()
	out, err := b.run("", os.Getenv("E2E_HELM"), "install", "another", filepath.Join(b.root, "charts", "kassa"),
		"--namespace", own, "--set", "crds.install=false")
	b.Expect(err).To(HaveOccurred(), out)
	b.Expect(out).To(ContainSubstring(`"kassa:all-namespaces" in namespace "" exists`))
	b.sayf("Helm refused a second operator of all namespaces")
}
