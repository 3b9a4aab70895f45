package telemetry

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

var (
	conditionLabels = []string{"kind", "condition", "status", "reason"}

	objectsDesc = prometheus.NewDesc("kassa_objects",
		"Objects by kind and by what each of their conditions says.", conditionLabels, nil)
	oldestDesc = prometheus.NewDesc("kassa_objects_oldest_seconds",
		"How long the condition has been so at the object where it has been so for longest.", conditionLabels, nil)
	driftedDesc = prometheus.NewDesc("kassa_plans_drifted",
		"Plans whose catalogue at a provider differs from the spec.", nil, nil)
)

// readLimit bounds how long a scrape waits for the cache, which is read before the operator works.
const readLimit = 5 * time.Second

// Objects tells how Kassa's objects are, as the operator's cache has them. Objects have no names in it: there may be
// thousands.
type Objects struct {
	Cache client.Reader
	// Working is closed once this operator is the one that works. The others tell nothing, so that nothing is counted
	// twice.
	Working <-chan struct{}
}

// Describe is a prometheus.Collector's.
func (o *Objects) Describe(out chan<- *prometheus.Desc) {
	out <- objectsDesc
	out <- oldestDesc
	out <- driftedDesc
}

// Collect is a prometheus.Collector's.
func (o *Objects) Collect(out chan<- prometheus.Metric) {
	select {
	case <-o.Working:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	count := tally{now: time.Now(), by: map[stand]*sum{}}
	for _, list := range []client.ObjectList{
		&v1alpha1.PaymentProviderList{}, &v1alpha1.PlanList{}, &v1alpha1.WebhookReceiverList{},
		&v1alpha1.CheckoutEndpointList{},
	} {
		if err := o.Cache.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return // an error would take every other metric of the process along
		}
		_ = meta.EachListItem(list, func(object runtime.Object) error {
			count.add(object)
			return nil
		})
	}
	count.tell(out)
}

// stand is what a condition of an object says.
type stand struct{ kind, condition, status, reason string }

type sum struct{ objects, oldest float64 }

type tally struct {
	now     time.Time
	by      map[stand]*sum
	drifted int
}

func (t *tally) add(object runtime.Object) {
	switch o := object.(type) {
	case *v1alpha1.PaymentProvider:
		t.conditions("PaymentProvider", o, o.Status.Conditions)
	case *v1alpha1.Plan:
		t.conditions("Plan", o, o.Status.Conditions)
		if slices.ContainsFunc(o.Status.Providers, func(at v1alpha1.PlanProviderStatus) bool { return len(at.Drift) > 0 }) {
			t.drifted++
		}
	case *v1alpha1.WebhookReceiver:
		t.conditions("WebhookReceiver", o, o.Status.Conditions)
	case *v1alpha1.CheckoutEndpoint:
		t.conditions("CheckoutEndpoint", o, o.Status.Conditions)
	}
}

// conditions counts an object. One that nobody has looked at yet is as little ready as one that says so.
func (t *tally) conditions(kind string, object metav1.Object, conditions []metav1.Condition) {
	if meta.FindStatusCondition(conditions, v1alpha1.ConditionReady) == nil {
		at := stand{kind, v1alpha1.ConditionReady, string(metav1.ConditionUnknown), v1alpha1.ReasonProgressing}
		t.note(at, object.GetCreationTimestamp().Time)
	}
	for i := range conditions {
		c := &conditions[i]
		t.note(stand{kind, c.Type, string(c.Status), knownReason(c.Reason)}, c.LastTransitionTime.Time)
	}
}

func (t *tally) note(at stand, since time.Time) {
	s := t.by[at]
	if s == nil {
		s = &sum{}
		t.by[at] = s
	}
	s.objects++
	s.oldest = max(s.oldest, t.now.Sub(since).Seconds())
}

func (t *tally) tell(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for at, s := range t.by {
		gauge(objectsDesc, s.objects, at.kind, at.condition, at.status, at.reason)
		gauge(oldestDesc, s.oldest, at.kind, at.condition, at.status, at.reason)
	}
	gauge(driftedDesc, float64(t.drifted))
}
