package overview_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/overview"
)

var now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 3}
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: ago(5 * time.Minute),
	}
}

func ready() metav1.Condition { return condition("Ready", metav1.ConditionTrue, "Succeeded", "") }

func well() overview.Objects {
	two := int32(2)
	oldest, until := ago(40*time.Second), ago(3*time.Minute)
	return overview.Objects{
		Now: now,
		Operators: []appsv1.Deployment{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kassa-system", Name: "kassa-operator"},
			Spec: appsv1.DeploymentSpec{Replicas: &two, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Image: "ghcr.io/kassa-dev/kassa:v0.3.0"}},
			}}},
			Status: appsv1.DeploymentStatus{AvailableReplicas: 2},
		}},
		Providers: []v1alpha1.PaymentProvider{{
			ObjectMeta: named("stripe"),
			Spec:       v1alpha1.PaymentProviderSpec{Mode: v1alpha1.ModeTest},
			Status: v1alpha1.PaymentProviderStatus{
				ObservedGeneration: 3, Type: v1alpha1.ProviderStripe, Conditions: []metav1.Condition{ready()},
				Account:      &v1alpha1.AccountStatus{ID: "acct_1", Name: "Shop"},
				Capabilities: []string{"Catalog", "CatalogWrite", "Checkouts", "Dunning", "Tiers", "WebhookEndpoints"},
			},
		}},
		Plans: []v1alpha1.Plan{{
			ObjectMeta: named("pro"),
			Status:     v1alpha1.PlanStatus{ObservedGeneration: 3, Conditions: []metav1.Condition{ready()}},
		}},
		Checkouts: []v1alpha1.CheckoutEndpoint{{
			ObjectMeta: named("shop"),
			Spec:       v1alpha1.CheckoutEndpointSpec{URL: "https://pay.example.com"},
			Status: v1alpha1.CheckoutEndpointStatus{
				ObservedGeneration: 3, ReadyReplicas: 2, PlansServed: 1, Conditions: []metav1.Condition{ready()},
				Providers: []v1alpha1.ServedProvider{{Name: "stripe"}},
			},
		}},
		Receivers: []v1alpha1.WebhookReceiver{{
			ObjectMeta: named("stripe"),
			Spec: v1alpha1.WebhookReceiverSpec{
				URL:     "https://hooks.example.com/stripe",
				Dunning: &v1alpha1.Dunning{AfterFailedPayments: 3, Action: v1alpha1.DunningCancel},
			},
			Status: v1alpha1.WebhookReceiverStatus{
				ObservedGeneration: 3, ReadyReplicas: 2, Conditions: []metav1.Condition{ready()},
				Events:  &v1alpha1.EventTotals{Received: 1234},
				Pending: &v1alpha1.PendingEvents{Count: 1, Oldest: &oldest},
				RecentEvents: []v1alpha1.RecentEvent{
					{ID: "evt_3", ReceivedAt: ago(time.Minute)}, {ID: "evt_2", ReceivedAt: ago(20 * time.Minute)},
					{ID: "evt_1", ReceivedAt: ago(30 * time.Minute)},
				},
				Recovery: &v1alpha1.RecoveryStatus{SweptUntil: &until, Recovered: 2},
				Dunning:  &v1alpha1.DunningStatus{Actions: 7},
			},
		}},
	}
}

func wrong() overview.Objects {
	o := well()
	o.Operators[0].Status.AvailableReplicas = 0
	o.Providers[0].Status.Conditions = []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "CredentialsInvalid", "Stripe refuses the key (401, req_1)"),
		condition("Stalled", metav1.ConditionTrue, "CredentialsInvalid", ""),
	}
	o.Plans[0].Status.Conditions = []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "Drifted", "1 difference at stripe"),
	}
	o.Plans[0].Status.Providers = []v1alpha1.PlanProviderStatus{{
		Name: "stripe", Drift: []v1alpha1.Drift{{Field: "description"}},
		Pending: []v1alpha1.PendingOperation{{Operation: "CreatePrice"}},
	}}
	o.Plans = append(o.Plans, v1alpha1.Plan{ObjectMeta: named("team")})
	o.Checkouts[0].Status.Conditions = []metav1.Condition{
		ready(), condition("PlansResolved", metav1.ConditionFalse, "PlanNotReady", "plan team"),
		condition("Stalled", metav1.ConditionTrue, "Suspended", ""),
	}
	r := &o.Receivers[0]
	r.Status.Conditions = []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "WorkloadUnavailable", "0 of 2 replicas are ready"),
		condition("WorkloadAvailable", metav1.ConditionFalse, "WorkloadUnavailable", "0 of 2 replicas are ready"),
		condition("DeliveryHealthy", metav1.ConditionFalse, "DeadLetters", "2 events were\ngiven up"),
	}
	swept := ago(time.Minute)
	r.Status.Recovery = &v1alpha1.RecoveryStatus{
		Reason: "ReceiverUnavailable", Message: "the receiver does not answer in time", LastSweep: &swept,
	}
	r.Status.Pending.Dead = 2
	return o
}

func render(t *testing.T, r *overview.Report, namespaces bool) string {
	t.Helper()
	var out strings.Builder
	NewWithT(t).Expect(r.Render(&out, namespaces)).To(Succeed())
	return out.String()
}

func TestRendering(t *testing.T) {
	for name, o := range map[string]overview.Objects{"well": well(), "wrong": wrong(), "nothing": {Now: now}} {
		t.Run(name, func(t *testing.T) {
			golden(t, "testdata/"+name+".txt", render(t, overview.Of(o), name == "wrong"))
		})
	}
}

func TestProblems(t *testing.T) {
	g := NewWithT(t)
	g.Expect(overview.Of(well()).Healthy).To(BeTrue())
	r := overview.Of(wrong())
	g.Expect(r.Healthy).To(BeFalse())
	var told []string
	for _, p := range r.Problems {
		told = append(told, p.Kind+" "+p.Name+" "+p.Condition+" "+p.Reason)
		g.Expect(p.Advice).NotTo(BeEmpty(), p.Reason)
	}
	g.Expect(told).To(Equal([]string{
		"Deployment kassa-operator  OperatorUnavailable",
		"PaymentProvider stripe Ready CredentialsInvalid",
		"Plan pro Ready Drifted",
		"Plan team  NotObserved",
		"WebhookReceiver stripe Ready WorkloadUnavailable", // once, also where another condition says the same
		"WebhookReceiver stripe DeliveryHealthy DeadLetters",
		"WebhookReceiver stripe recovery ReceiverUnavailable",
		"CheckoutEndpoint shop PlansResolved PlanNotReady",
	}))
	g.Expect(r.Notices).To(HaveLen(1), "what is suspended is no problem")
	g.Expect(r.Plans).To(Equal(overview.Plans{Total: 2, Drifted: 1, Pending: 1}))
}

// The operator says Ready=False of what is suspended, too.
func TestWhatIsSuspendedIsNoProblem(t *testing.T) {
	g := NewWithT(t)
	o := well()
	o.Plans[0].Status.Conditions = []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "Suspended", "spec.suspend is true"),
		condition("Stalled", metav1.ConditionTrue, "Suspended", "spec.suspend is true"),
	}
	r := overview.Of(o)
	g.Expect(r.Healthy).To(BeTrue())
	g.Expect(r.Problems).To(BeEmpty())
	g.Expect(r.Notices).To(ConsistOf(ContainSubstring("Plan shop/pro is suspended")))
}

// What the operator said of an earlier spec is no news.
func TestASpecThatNobodyLookedAt(t *testing.T) {
	g := NewWithT(t)
	o := well()
	o.Receivers[0].Generation = 4
	r := overview.Of(o)
	g.Expect(r.Problems).To(HaveLen(1))
	g.Expect(r.Problems[0].Reason).To(Equal("NotObserved"))
}
