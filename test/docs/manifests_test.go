package docs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/docs/pages"
)

const billing = "billing.kassa.dev/v1alpha1"

// least are objects of each kind that an API server takes, which a fragment is put into.
var least = map[string]string{
	"PaymentProvider": `{mode: Test, stripe: {apiKeySecretRef: {name: stripe-api, key: api-key}}}`,
	"Plan": `{providers: [{name: stripe}], displayName: Pro,
		prices: [{name: monthly, amount: "29.00", currency: USD, recurring: {interval: Month}},
		{name: yearly, amount: "290.00", currency: USD, recurring: {interval: Year}}]}`,
	"WebhookReceiver": `{providerRef: {name: stripe}, url: "https://hooks.example.com/stripe",
		registration: {managed: {}}}`,
	"CheckoutEndpoint": `{plans: [{name: pro}], url: "https://pay.example.com",
		auth: {bearerToken: {secretRef: {name: shop-token}}}, successURL: "https://app.example.com/done"}`,
}

// about is the kind whose fragments a page shows.
var about = map[string]string{
	"docs/adopt.md": "Plan", "docs/plans.md": "Plan", "docs/migrate.md": "Plan", "docs/kubectl.md": "Plan",
	"docs/providers.md": "PaymentProvider",
	"docs/checkout.md":  "CheckoutEndpoint", "docs/pricing-page.md": "CheckoutEndpoint",
	"docs/subscriptions.md": "CheckoutEndpoint",
	"docs/receivers.md":     "WebhookReceiver", "docs/events.md": "WebhookReceiver", "docs/dunning.md": "WebhookReceiver",
	"docs/recovery.md": "WebhookReceiver", "docs/sql.md": "WebhookReceiver", "docs/rotation.md": "WebhookReceiver",
	"docs/scaling.md": "WebhookReceiver", "docs/integrate.md": "WebhookReceiver",
}

// foreign are the groups of manifests whose API no API server of the tests has, and files that are no manifests, by
// their first line. What is in them is only read as YAML.
var foreign = []string{
	"apiVersion: kustomize.toolkit.fluxcd.io/", "apiVersion: source.toolkit.fluxcd.io/",
	"apiVersion: helm.toolkit.fluxcd.io/", "apiVersion: argoproj.io/", "apiVersion: external-secrets.io/",
	"apiVersion: monitoring.coreos.com/",
	"# GitHub Actions", "repos:", "# values", "# kustomization.yaml",
}

// Every manifest of the documentation is taken by an API server, which knows all fields and rules.
func TestManifestsAreTaken(t *testing.T) {
	cp := controlplane.Shared(t)
	namespace := cp.Namespace(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, p := range all(t) {
		for _, b := range manifests(p.Blocks) {
			for _, problem := range try(t, c, namespace, b) {
				t.Errorf("%s: %s", b.At(), problem)
			}
		}
	}
}

var heredoc = regexp.MustCompile(`(?s)kubectl [^\n]*<<'?EOF'?\n(.*?\n)EOF\n`)

// manifests are the blocks of YAML, and what shell blocks hand to kubectl.
func manifests(blocks []pages.Block) []pages.Block {
	found := []pages.Block{}
	for _, b := range blocks {
		if b.Language == "yaml" {
			found = append(found, b)
		}
		if b.Language != "sh" {
			continue
		}
		for _, at := range heredoc.FindAllStringSubmatchIndex(b.Text, -1) {
			inner := b
			inner.Number += strings.Count(b.Text[:at[2]], "\n")
			inner.Text = b.Text[at[2]:at[3]]
			found = append(found, inner)
		}
	}
	return found
}

func try(t *testing.T, c client.Client, namespace string, b pages.Block) (problems []string) {
	t.Helper()
	for _, prefix := range foreign {
		if strings.HasPrefix(b.Text, prefix) {
			if err := yaml.Unmarshal([]byte(strings.Split(b.Text, "\n---\n")[0]), new(any)); err != nil {
				return []string{err.Error()}
			}
			return nil
		}
	}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(b.Text)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return problems
		}
		var content any
		if err == nil {
			err = yaml.UnmarshalStrict(doc, &content)
		}
		if err != nil {
			return append(problems, err.Error())
		}
		if err := tryOne(t, c, namespace, b.Page, content); err != nil {
			problems = append(problems, err.Error())
		}
	}
}

func tryOne(t *testing.T, c client.Client, namespace, page string, content any) error {
	t.Helper()
	fields, isObject := content.(map[string]any)
	if !isObject {
		return errors.New("is no object")
	}
	if fields["apiVersion"] != nil {
		return dryRun(t, c, namespace, &unstructured.Unstructured{Object: fields})
	}
	kind, named := fields["kind"].(string)
	if !named {
		kind = about[page]
	}
	if kind == "" {
		return errors.New("is of no kind: begin it with kind: or apiVersion:, or name the page's kind in this test")
	}
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(least[kind], "\t", " ")), &spec); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	metadata, has := fields["metadata"].(map[string]any)
	if !has {
		metadata = map[string]any{}
	}
	delete(fields, "metadata")
	delete(fields, "kind")
	metadata["name"] = "x"
	return dryRun(t, c, namespace, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": billing, "kind": kind, "metadata": metadata, "spec": merged(kind, spec, fields),
	}})
}

// merged puts a fragment where its fields belong: it is of spec, or of its delivery.
func merged(kind string, spec, fragment map[string]any) map[string]any {
	if inner, ok := fragment["spec"].(map[string]any); ok {
		fragment = inner
	}
	if kind == "WebhookReceiver" && (fragment["sinks"] != nil || fragment["retry"] != nil) {
		fragment = map[string]any{"delivery": fragment}
	}
	maps.Copy(spec, fragment)
	// One account is one of these, and a fragment that has its own replaces it.
	if kind == "PaymentProvider" && (fragment["paddle"] != nil || fragment["lemonSqueezy"] != nil) {
		delete(spec, "stripe")
	}
	return spec
}

func dryRun(t *testing.T, c client.Client, namespace string, o *unstructured.Unstructured) error {
	t.Helper()
	mapping, err := c.RESTMapper().RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	if err != nil {
		return fmt.Errorf("%s: %w", o.GetKind(), err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		o.SetNamespace(namespace)
	}
	if o.GetName() == "NAME" {
		o.SetName("name")
	}
	err = c.Create(t.Context(), o, client.DryRunAll, client.FieldValidation("Strict"))
	if apierrors.IsAlreadyExists(err) {
		return nil // such as the namespace default
	}
	return err
}

// Fragments fail for a field or a value that is not there, and not for what they leave out.
func TestWhatManifestsAreRefusedFor(t *testing.T) {
	cp := controlplane.Shared(t)
	c, err := client.New(cp.Config(), client.Options{})
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	namespace := cp.Namespace(t)
	for text, want := range map[string]string{
		"registration: {managed: {rotation: {interval: 2160h}}}": "",
		"registration: {managed: {rotate: {interval: 2160h}}}":   "rotate",
		"dunning: {afterFailedPayments: 11, action: Notify}":     "10",
		"sinks: [{name: app, http: {url: https://x.example}}]":   "url",
		"a: 1\na: 2": "already",
	} {
		problems := try(t, c, namespace, pages.Block{Page: "docs/receivers.md", Text: text})
		if want == "" {
			g.Expect(problems).To(BeEmpty(), text)
		} else {
			g.Expect(strings.Join(problems, "\n")).To(ContainSubstring(want), text)
		}
	}
	shell := pages.Block{Language: "sh", Number: 7, Text: "x\nkubectl apply -f - <<EOF\nkind: Plan\nEOF\n"}
	g.Expect(manifests([]pages.Block{shell})).To(Equal([]pages.Block{{Language: "sh", Number: 9, Text: "kind: Plan\n"}}))
}
