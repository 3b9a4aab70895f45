package telemetry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

func TestObjects(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	condition := func(kind, status, reason string, age time.Duration) metav1.Condition {
		return metav1.Condition{
			Type: kind, Status: metav1.ConditionStatus(status), Reason: reason,
			LastTransitionTime: metav1.NewTime(now.Add(-age)),
		}
	}
	plan := func(name string, conditions ...metav1.Condition) *v1alpha1.Plan {
		return &v1alpha1.Plan{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(now.Add(-time.Hour))},
			Status:     v1alpha1.PlanStatus{Conditions: conditions},
		}
	}
	drifted := plan("team", condition("Ready", "False", "Drifted", 10*time.Minute))
	drifted.Status.Providers = []v1alpha1.PlanProviderStatus{{Drift: []v1alpha1.Drift{{}}}}
	scheme := runtime.NewScheme()
	g.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	objects := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		plan("new"), drifted,
		plan("pro", condition("Ready", "False", "Drifted", 20*time.Minute)),
		&v1alpha1.WebhookReceiver{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks"},
			Status: v1alpha1.WebhookReceiverStatus{Conditions: []metav1.Condition{
				condition("Ready", "True", "Succeeded", 0), condition("Exposed", "False", "NotAllowedByListeners", 0),
			}},
		},
	).Build()
	elected := make(chan struct{})
	r := prometheus.NewRegistry()
	r.MustRegister(&Objects{Cache: objects, Working: elected})
	g.Expect(values(t, r)).To(BeEmpty(), "an operator that waits for its turn tells nothing")
	close(elected)
	got := values(t, r)
	g.Expect(got).To(HaveKeyWithValue("kassa_objects Ready Plan Drifted False", 2.0))
	g.Expect(got).To(HaveKeyWithValue("kassa_objects Ready Plan Progressing Unknown", 1.0))
	g.Expect(got).To(HaveKeyWithValue("kassa_objects Ready WebhookReceiver Succeeded True", 1.0))
	g.Expect(got).To(HaveKeyWithValue("kassa_objects Exposed WebhookReceiver Other False", 1.0))
	g.Expect(got).To(HaveKeyWithValue("kassa_plans_drifted", 1.0))
	g.Expect(got["kassa_objects_oldest_seconds Ready Plan Drifted False"]).To(BeNumerically("~", 1200, 10))
	g.Expect(got["kassa_objects_oldest_seconds Ready Plan Progressing Unknown"]).To(BeNumerically("~", 3600, 10))
}

func values(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			words := []string{f.GetName()}
			for _, l := range m.GetLabel() {
				words = append(words, l.GetValue())
			}
			out[strings.Join(words, " ")] = m.GetGauge().GetValue()
		}
	}
	return out
}

func TestEveryReasonIsKnown(t *testing.T) {
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(knownReason(value)).To(Equal(value), spec.Names[0].String())
		found++
		return true
	})
	g.Expect(found).To(Equal(len(reasons)))
}
