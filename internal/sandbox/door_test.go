package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// ask sends a request to the door, and returns the status; the answer goes into out unless that is nil.
func (w *world) ask(method, path, body string, out any) int {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, httptest.NewRequest(method, "/_kassa/"+path, strings.NewReader(body)))
	if out != nil {
		w.g.Expect(json.Unmarshal(answer.Body.Bytes(), out)).To(Succeed(), answer.Body.String())
	}
	return answer.Code
}

// The clock is one for everything but signatures, which receivers compare with their own.
func TestTheDoorDrivesTheClock(t *testing.T) {
	w := newWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{48 * time.Hour}})
	g, in := w.g, newInbox(t)
	in.fail = 1
	w.endpoint(in.URL, "*")
	w.product("A")
	g.Eventually(w.Deliveries).Should(HaveLen(1))
	var clock struct {
		Now  time.Time
		Rate float64
	}
	g.Expect(w.ask("POST", "clock", `{"advance":"48h"}`, &clock)).To(Equal(http.StatusOK))
	g.Expect(clock.Now).To(BeTemporally("~", time.Now().Add(48*time.Hour), time.Minute))
	g.Eventually(in.all).Should(HaveLen(2), "the advance wakes what waits")
	var stamp int64
	_, err := fmt.Sscanf(in.all()[1].header.Get("Stripe-Signature"), "t=%d,", &stamp)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(time.Unix(stamp, 0)).To(BeTemporally("~", time.Now(), time.Minute), "the time outside")
	g.Expect(w.product("B").Created).To(BeNumerically("~", clock.Now.Unix(), 60))
	g.Expect(w.Deliveries()[1].Time).To(BeTemporally("~", clock.Now, time.Minute))

	g.Expect(w.ask("POST", "clock", `{"rate":3600}`, &clock)).To(Equal(http.StatusOK))
	before := clock.Now
	g.Expect(w.ask("GET", "clock", "", &clock)).To(Equal(http.StatusOK))
	g.Expect(clock.Rate).To(Equal(3600.0))
	g.Eventually(func() time.Time { return w.Clock().Now() }).Should(BeTemporally(">", before.Add(time.Minute)))
	for _, body := range []string{
		`{"advance":"-1h"}`, `{"advance":"soon"}`, `{"rate":-1}`, `{"advance":"999999h"}`, `{"to":1}`,
	} {
		g.Expect(w.ask("POST", "clock", body, nil)).To(Equal(http.StatusBadRequest), body)
	}
	g.Expect(w.ask("DELETE", "state", "", nil)).To(Equal(http.StatusNoContent))
	g.Expect(w.ask("GET", "clock", "", &clock)).To(Equal(http.StatusOK))
	g.Expect(clock.Rate).To(Equal(1.0))
	g.Expect(clock.Now).To(BeTemporally("~", time.Now(), time.Minute))
}

// Duplicates and other orders are made at the door.
func TestTheDoorRepeatsAndReorders(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g, in := w.g, newInbox(t)
	e := w.endpoint(in.URL, "product.created", "product.updated", "product.deleted")
	g.Expect(w.ask("POST", "deliveries/hold", "", nil)).To(Equal(http.StatusNoContent))
	events := map[string]string{}
	for _, kind := range []string{"product.created", "product.updated", "product.deleted"} {
		var event struct{ ID string }
		g.Expect(w.ask("POST", "stripe/events", `{"type":"`+kind+`"}`, &event)).To(Equal(http.StatusOK))
		events[kind] = event.ID
	}
	var sent struct{ Sent int }
	g.Expect(w.ask("POST", "deliveries/release", `{"order":"sorted"}`, nil)).To(Equal(http.StatusBadRequest))
	g.Expect(w.ask("POST", "deliveries/release", `{"order":"reversed"}`, &sent)).To(Equal(http.StatusOK))
	g.Expect(sent.Sent).To(Equal(3))
	g.Eventually(in.types).Should(Equal([]string{"product.deleted", "product.updated", "product.created"}))

	g.Expect(w.ask("POST", "deliveries/repeat",
		fmt.Sprintf(`{"message":%q,"endpoint":%q,"times":3}`, events["product.updated"], e.ID), &sent)).To(Equal(200))
	g.Expect(sent.Sent).To(Equal(3))
	g.Eventually(in.types).Should(HaveLen(6))
	g.Expect(in.types()[3:]).To(HaveEach("product.updated"))
	g.Expect(w.ask("POST", "deliveries/repeat", `{"message":"evt_none"}`, nil)).To(Equal(http.StatusNotFound))
	g.Expect(w.ask("POST", "deliveries/repeat", `{"message":"evt_none","times":0}`, nil)).To(Equal(http.StatusBadRequest))

	g.Eventually(func() int64 { return w.Webhooks().Totals()[0].Delivered }).Should(Equal(int64(6)))
	var totals []delivery.Totals
	g.Expect(w.ask("GET", "deliveries/endpoints", "", &totals)).To(Equal(http.StatusOK))
	g.Expect(totals).To(Equal([]delivery.Totals{{
		Provider: "stripe", Endpoint: e.ID, Messages: 3, Attempts: 6, Delivered: 6, Statuses: map[int]int64{200: 6},
	}}))
	for query, want := range map[string]int{
		"": 6, "?provider=stripe": 6, "?provider=paddle": 0, "?type=product.updated": 4,
		"?message=" + events["product.created"]: 1, "?endpoint=" + e.ID + "&type=product.deleted": 1,
	} {
		var attempts []delivery.Attempt
		g.Expect(w.ask("GET", "deliveries"+query, "", &attempts)).To(Equal(http.StatusOK))
		g.Expect(attempts).To(HaveLen(want), query)
	}
}

// What the door loses does not come, and what happens afterwards does. Stripe's list has both.
func TestTheDoorLoses(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g, in := w.g, newInbox(t)
	w.endpoint(in.URL, "product.created", "product.updated")
	emit := func(kind string) {
		g.Expect(w.ask("POST", "stripe/events", `{"type":"`+kind+`"}`, nil)).To(Equal(http.StatusOK))
	}
	g.Expect(w.ask("POST", "deliveries/hold", "", nil)).To(Equal(http.StatusNoContent))
	emit("product.created")
	emit("product.created")
	var lost struct{ Lost int }
	g.Expect(w.ask("POST", "deliveries/lose", "", &lost)).To(Equal(http.StatusOK))
	g.Expect(lost.Lost).To(Equal(2))
	emit("product.updated")
	g.Eventually(in.types).Should(Equal([]string{"product.updated"}))
	pending := map[string]int{}
	for _, e := range w.Stripe().Accounts()[0].Events() {
		pending[e.Type] += e.PendingWebhooks
	}
	g.Expect(pending).To(HaveKeyWithValue("product.created", 2))
}

// The door announces Paddle's events in the name of the account that is in use.
func TestTheDoorAnnouncesPaddlesEvents(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g, in := w.g, newInbox(t)
	plain := &world{Sandbox: w.Sandbox, g: w.g, t: t}
	g.Expect(plain.ask("POST", "paddle/events", `{"type":"subscription.created"}`, nil)).To(Equal(404), "no account yet")
	w.destination(in.URL, "", "subscription.created", "transaction.completed")
	price := w.price(w.product("Pro"), "")
	g.Expect(plain.ask("POST", "paddle/events", `{"type":"subscription.created"}`, nil)).To(Equal(200))
	const paid = `{"type":"transaction.completed","data":{"id":"txn_7"}}`
	g.Expect(plain.ask("POST", "paddle/events", paid, nil)).To(Equal(200))
	g.Eventually(in.all).Should(HaveLen(2))
	data := map[string]string{}
	for _, d := range in.all() {
		e := envelopeIn(t, d)
		data[e.EventType] = string(e.Data)
	}
	g.Expect(data).To(And(HaveKeyWithValue("subscription.created", ContainSubstring(price)),
		HaveKeyWithValue("transaction.completed", Equal(`{"id":"txn_7"}`))))
	for _, body := range []string{
		`{"type":"subscription.deleted"}`, `{"type":"subscription.created","data":[]}`, `{"kind":""}`,
	} {
		g.Expect(plain.ask("POST", "paddle/events", body, nil)).To(Equal(http.StatusBadRequest), body)
	}
	g.Expect(plain.ask("PATCH", "paddle/prices/pri_none", `{"name":"x"}`, nil)).To(Equal(http.StatusNotFound))
	g.Expect(plain.ask("PATCH", "paddle/prices/"+price, `{"name":1}`, nil)).To(Equal(http.StatusBadRequest))
}
