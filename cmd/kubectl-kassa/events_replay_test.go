package main

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/provider"
)

// A receiver with a database has what it gave up in two places: there, and in the inbox, where dunning's is. The first
// is told of, and the second is replayed.
func TestReplayOfAReceiverWithADatabase(t *testing.T) {
	g := NewWithT(t)
	hooks := &v1alpha1.WebhookReceiver{}
	hooks.Namespace, hooks.Name, hooks.Spec.Store = "shop", "hooks", &v1alpha1.ReceiverStore{}
	owed := &v1alpha1.WebhookEvent{}
	owed.Namespace, owed.Name, owed.Labels = "shop", "hooks-1", map[string]string{v1alpha1.LabelReceiver: "hooks"}
	owed.Spec = v1alpha1.WebhookEventSpec{Receiver: "hooks", EventID: "evt_1", Sinks: []string{v1alpha1.SinkDunning}}
	owed.Status.Phase = v1alpha1.EventDead

	o := kubectl.NewOptions(genericiooptions.NewTestIOStreamsDiscard(), provider.Registry{})
	r := &replaying{Options: o, dead: true}
	*r.Cluster.Namespace = "shop"
	c := fake.NewClientBuilder().WithScheme(kubectl.Scheme()).WithObjects(hooks, owed).Build()
	events, err := r.ofReceiver(t.Context(), c, []string{"hooks"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(events).To(HaveExactElements(HaveField("Object", "hooks-1")))
	g.Expect(r.beside).To(MatchError(HaveSuffix("/kassa replay --namespace=shop --name=hooks --all")))

	g.Expect(c.Delete(t.Context(), owed)).To(Succeed())
	_, err = r.ofReceiver(t.Context(), c, []string{"hooks"})
	g.Expect(err).To(MatchError(HaveSuffix(" --all")))
}
