package kubewatch_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
)

// A Plan that somebody changed comes before those that are only looked at again.
func TestLaterComesAfterChanges(t *testing.T) {
	g := NewWithT(t)
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	request := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
	}
	later := kubewatch.Later(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{request("a"), request("b"), request("c")}
	})
	later.Generic(t.Context(), event.GenericEvent{Object: &v1alpha1.PaymentProvider{}}, q)
	q.Add(request("changed"))
	q.Add(request("c")) // one that is both
	var order []string
	for range 4 {
		item, _ := q.Get()
		order = append(order, item.Name)
		q.Done(item)
	}
	g.Expect(order[:2]).To(ConsistOf("changed", "c"))
	g.Expect(order[2:]).To(ConsistOf("a", "b"))
}
