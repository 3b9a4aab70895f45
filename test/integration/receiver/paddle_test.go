package receiver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// A receiver at Paddle: registered once with what it needs, called, its events told under the names that all providers
// have, and taken away with the receiver.
func TestPaddle(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
	key := peer.Key(s.Namespace)
	peer.ByHand(t, s.SandboxURL, key)
	s.Create(stack.Secret("paddle", "key", key), peer.Provider("paddle", s.SandboxURL))
	sink := stack.NewSink(t)
	hooks := s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) { r.Spec.ProviderRef.Name = "paddle" })
	hooks.AwaitReady(workload.DefaultReplicas)

	account := s.Sandbox.Paddle().Account(key)
	g.Expect(account.Settings()).To(HaveLen(1))
	setting := account.Settings()[0]
	g.Expect(setting.Destination).To(Equal(hooks.URL()))
	g.Expect(setting.Description).To(ContainSubstring("kassa_receiver=" + s.Namespace + "/hooks"))
	g.Expect(setting.APIVersion).To(Equal(1))
	g.Expect(hooks.EndpointID()).To(Equal(setting.ID))
	g.Expect(hooks.SigningSecret()).To(Equal(setting.Secret))

	id := func(event string) string {
		return "paddle:" + hooks.Object().Status.Provider.AccountID + ":" + event
	}
	for native, data := range map[string]string{
		"transaction.completed": "", "subscription.canceled": "",
		"adjustment.updated": `{"id":"adj_1","action":"refund","status":"approved","type":"full","transaction_id":"txn_1",` +
			`"totals":{"total":"100","currency_code":"USD"}}`,
	} {
		event, err := account.Emit(native, json.RawMessage(data))
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(sink.Taken, stack.Patience, often).Should(HaveKeyWithValue(id(event.EventID), 1), native)
	}
	types := func() []string {
		var all []string
		for _, e := range hooks.Object().Status.RecentEvents {
			all = append(all, e.Type)
		}
		return all
	}
	g.Eventually(types, stack.Patience, often).
		Should(ConsistOf("checkout.completed", "subscription.canceled", "payment.refunded"))

	// A pending refund has no name: it is acknowledged, and nobody is told of it.
	pending, err := account.Emit("adjustment.created", json.RawMessage(`{"id":"adj_2","action":"refund",`+
		`"status":"pending_approval","transaction_id":"txn_1","totals":{"total":"100","currency_code":"USD"}}`))
	g.Expect(err).NotTo(HaveOccurred())
	body, err := json.Marshal(pending)
	g.Expect(err).NotTo(HaveOccurred())
	answers := map[string]int{setting.Secret: http.StatusOK, "pdl_ntfset_" + "other": http.StatusBadRequest}
	for secret, status := range answers {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hooks.URL(), bytes.NewReader(body))
		g.Expect(err).NotTo(HaveOccurred())
		req.Header.Set("Paddle-Signature", paddle.Sign(secret, time.Now(), body))
		answer, err := hooks.Do(req)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer.Status).To(Equal(status), answer.Body)
	}
	g.Expect(sink.Tried()).NotTo(HaveKey(id(pending.EventID)))

	g.Expect(s.Client.Delete(t.Context(), hooks.Object())).To(Succeed())
	g.Eventually(account.Settings, stack.Patience, often).Should(BeEmpty())
}
