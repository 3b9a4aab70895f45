package cel

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/internal/manifests"
	redact "github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/validate"
	"github.com/kassa-dev/kassa/test/controlplane"
)

// agrees holds what kubectl kassa validate says of an object against what the API server said: each sentence, and no
// more. Validate repeats no address of a person.
func agrees(t *testing.T, object *unstructured.Unstructured, err error) {
	t.Helper()
	g := NewWithT(t)
	var want []string
	var status *apierrors.StatusError
	if errors.As(err, &status) && status.ErrStatus.Details != nil {
		for _, cause := range status.ErrStatus.Details.Causes {
			if !strings.Contains(cause.Message, "some validation rules were not checked") {
				want = append(want, redact.Redact(cause.Field+": "+cause.Message))
			}
		}
	}
	g.Expect(offline(t, object)).To(ConsistOf(want), "without a cluster, compared with: %v", err)
}

func offline(t *testing.T, object *unstructured.Unstructured) []string {
	t.Helper()
	g := NewWithT(t)
	text, err := yaml.Marshal(object.Object)
	g.Expect(err).NotTo(HaveOccurred())
	set, err := (&manifests.Reader{Stdin: strings.NewReader(string(text))}).Read([]string{manifests.Stdin})
	g.Expect(err).NotTo(HaveOccurred())
	findings, err := validate.Check(t.Context(), set, validate.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	var said []string
	for i := range findings {
		if findings[i].Rule.ID == "KASSA002" && !strings.HasPrefix(findings[i].Message, "unknown field") {
			said = append(said, findings[i].Message)
		}
	}
	return said
}

// TestShapesAreRefusedOffline: types, metadata and what is missing, and not only the rules.
func TestShapesAreRefusedOffline(t *testing.T) {
	cp := controlplane.Shared(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	namespace := cp.Namespace(t)
	in := unstructured.SetNestedField
	for why, change := range map[string]func(o map[string]any){
		"a number":        func(o map[string]any) { _ = in(o, int64(1), "spec", "displayName") },
		"no spec":         func(o map[string]any) { delete(o, "spec") },
		"null":            func(o map[string]any) { o["spec"].(map[string]any)["displayName"] = nil },
		"a null to prune": func(o map[string]any) { o["spec"].(map[string]any)["taxCode"] = nil },
		"a name":          func(o map[string]any) { _ = in(o, "No Name", "metadata", "name") },
		"a label":         func(o map[string]any) { _ = in(o, "no label", "metadata", "labels", "a") },
		"an enum":         func(o map[string]any) { _ = in(o, "All", "spec", "management") },
		"too few":         func(o map[string]any) { _ = unstructured.SetNestedSlice(o, []any{}, "spec", "prices") },
		"twice in a list": func(o map[string]any) {
			_ = unstructured.SetNestedSlice(o, []any{named("a"), named("a")}, "spec", "providers")
		},
		"a status, ignored": func(o map[string]any) { o["status"] = map[string]any{"summary": "mine"} },
	} {
		t.Run(why, func(t *testing.T) {
			object := parse(NewWithT(t), plan, namespace)
			change(object.Object)
			err := c.Create(t.Context(), object.DeepCopy(), client.DryRunAll)
			agrees(t, object, err)
		})
	}
}

func named(name string) map[string]any { return map[string]any{"name": name} }

// TestUnknownFieldsAreRefusedOffline in the words of kubectl's strict validation.
func TestUnknownFieldsAreRefusedOffline(t *testing.T) {
	cp := controlplane.Shared(t)
	g := NewWithT(t)
	c, err := client.New(cp.Config(), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	object := parse(g, plan, cp.Namespace(t))
	g.Expect(unstructured.SetNestedField(object.Object, "x", "spec", "titel")).To(Succeed())
	g.Expect(unstructured.SetNestedField(object.Object, "x", "metadata", "label")).To(Succeed())
	object.Object["spec"].(map[string]any)["prices"].([]any)[0].(map[string]any)["amounts"] = "1"
	text, err := yaml.Marshal(object.Object)
	g.Expect(err).NotTo(HaveOccurred())
	err = c.Create(t.Context(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
	g.Expect(err).To(HaveOccurred())
	set, readErr := (&manifests.Reader{Stdin: strings.NewReader(string(text))}).Read([]string{manifests.Stdin})
	g.Expect(readErr).NotTo(HaveOccurred())
	findings, readErr := validate.Check(t.Context(), set, validate.Options{})
	g.Expect(readErr).NotTo(HaveOccurred())
	g.Expect(findings).To(HaveLen(3))
	for i := range findings {
		g.Expect(err.Error()).To(ContainSubstring(findings[i].Message))
	}
}
