package stack

import (
	"context"
	"fmt"
	"reflect"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// State is an object as kubectl wait, Argo CD and Flux see it: "<kstatus> <Ready's status> <Ready's reason>", such as
// "Current True InSync", or "NotFound". Conditions that contradict each other or speak of an older generation than the
// object's status does are said instead.
func (s *Stack) State(object client.Object) string {
	s.T.Helper()
	err := s.read(object)
	if client.IgnoreNotFound(err) != nil {
		return err.Error()
	}
	if err != nil {
		return "NotFound"
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	must(s.T, err)
	u := &unstructured.Unstructured{Object: content}
	result, err := status.Compute(u)
	if err != nil {
		return err.Error()
	}
	conditions := Conditions(object)
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return result.Status.String()
	}
	for _, c := range conditions {
		if c.ObservedGeneration != ready.ObservedGeneration {
			return fmt.Sprintf("%s is of generation %d, Ready of %d", c.Type, c.ObservedGeneration, ready.ObservedGeneration)
		}
		marks := c.Type == v1alpha1.ConditionStalled || c.Type == v1alpha1.ConditionReconciling
		if marks && (c.Status != metav1.ConditionTrue || ready.Status == metav1.ConditionTrue) {
			return fmt.Sprintf("%s is %s while Ready is %s", c.Type, c.Status, ready.Status)
		}
	}
	stalled := meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled)
	if stalled == meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReconciling) &&
		ready.Status != metav1.ConditionTrue {
		return fmt.Sprintf("Ready is %s while both or none of Stalled and Reconciling are True", ready.Status)
	}
	return fmt.Sprintf("%s %s %s", result.Status, ready.Status, ready.Reason)
}

// read replaces all of the object: decoding alone would leave what the answer does not mention. An object without a
// namespace is one of the stack's.
func (s *Stack) read(object client.Object) error {
	key := client.ObjectKeyFromObject(object)
	if key.Namespace == "" {
		key = s.Key(key.Name)
	}
	reflect.ValueOf(object).Elem().SetZero()
	err := s.Client.Get(context.Background(), key, object)
	if err != nil {
		object.SetName(key.Name)
		object.SetNamespace(key.Namespace)
	}
	return err
}

// Conditions of one of Kassa's objects.
func Conditions(object client.Object) []metav1.Condition {
	switch o := object.(type) {
	case *v1alpha1.Plan:
		return o.Status.Conditions
	case *v1alpha1.PaymentProvider:
		return o.Status.Conditions
	case *v1alpha1.WebhookReceiver:
		return o.Status.Conditions
	case *v1alpha1.CheckoutEndpoint:
		return o.Status.Conditions
	default:
		return nil
	}
}

// Message is that of Ready, when State last read the object.
func Message(object client.Object) string {
	if c := meta.FindStatusCondition(Conditions(object), v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}

// AwaitState waits until the object's State is one of those.
func (s *Stack) AwaitState(object client.Object, states ...string) {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() string { return s.State(object) }, Patience, often).Should(BeElementOf(states),
		"%s", object.GetName())
}

// Change updates an object, again after a conflict.
func (s *Stack) Change(object client.Object, how func()) {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() error {
		if err := s.read(object); err != nil {
			return err
		}
		how()
		return s.Client.Update(context.Background(), object)
	}, Patience, often).Should(Succeed())
}
