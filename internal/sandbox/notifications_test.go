package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	paddlesdk "github.com/PaddleHQ/paddle-go-sdk/v4"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// destination makes a notification setting, and returns it.
func (w *paddleWorld) destination(url, more string, events ...string) paddle.Setting {
	w.t.Helper()
	names, err := json.Marshal(events)
	w.g.Expect(err).NotTo(HaveOccurred())
	id := w.make("/paddle/notification-settings", fmt.Sprintf(
		`{"description":"d","type":"url","destination":%q,"subscribed_events":%s%s}`, url, names, more))
	for _, s := range w.Paddle().Account(w.key).Settings() {
		if s.ID == id {
			return s
		}
	}
	w.t.Fatal("the setting is not there")
	return paddle.Setting{}
}

// envelope is what a notification's body has.
type envelope struct {
	EventID        string          `json:"event_id"`
	EventType      string          `json:"event_type"`
	OccurredAt     string          `json:"occurred_at"`
	NotificationID string          `json:"notification_id"`
	Data           json.RawMessage `json:"data"`
}

func envelopeIn(t *testing.T, d delivered) envelope {
	t.Helper()
	var e envelope
	NewWithT(t).Expect(json.Unmarshal(d.body, &e)).To(Succeed(), string(d.body))
	return e
}

// genuine asks Paddle's own verifier.
func genuine(t *testing.T, d delivered, secret string) bool {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(d.body)))
	r.Header = d.header
	ok, err := paddlesdk.NewWebhookVerifier(secret, paddlesdk.VerifierWithTimestampTolerance(time.Minute)).Verify(r)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return ok
}

func (w *paddleWorld) notification(id string) paddle.Notification {
	w.t.Helper()
	var n paddle.Notification
	w.g.Expect(json.Unmarshal(w.send("GET", "/paddle/notifications/"+id, "").Data, &n)).To(Succeed())
	return n
}

// Changes of the catalogue, by requests and by hand, reach the destinations that ask for them, signed. Another status
// than 200 is a failure.
func TestPaddleNotifiesOfTheCatalogue(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{time.Millisecond, time.Hour}})
	g, in := w.g, newInbox(t)
	in.fail, in.status = 1, http.StatusAccepted
	to := w.destination(in.URL, "", "price.created", "price.updated", "product.updated")
	w.destination(in.URL+"/simulation", `,"traffic_source":"simulation"`, "price.created")
	product := w.product("Pro <&>")
	price := w.price(product, "")
	g.Eventually(in.all).Should(HaveLen(2))
	first, again := in.all()[0], in.all()[1]
	g.Expect(first.body).To(Equal(again.body), "the same at every attempt")
	for _, d := range in.all() {
		g.Expect(genuine(t, d, to.Secret)).To(BeTrue())
		g.Expect(genuine(t, d, to.Secret+"x")).To(BeFalse())
	}
	e := envelopeIn(t, first)
	g.Expect(e.EventType).To(Equal("price.created"))
	g.Expect(e.EventID).To(MatchRegexp(`^evt_[a-z\d]{26}$`))
	g.Expect(e.NotificationID).To(MatchRegexp(`^ntf_[a-z\d]{26}$`))
	g.Expect(string(e.Data)).To(ContainSubstring(price))
	g.Eventually(func() string { return w.notification(e.NotificationID).Status }).Should(Equal("delivered"))
	n := w.notification(e.NotificationID)
	g.Expect([]any{n.TimesAttempted, n.SettingID, n.Origin, n.Payload.EventID}).
		To(Equal([]any{2, to.ID, "event", e.EventID}))
	var logs []struct {
		Code int `json:"response_code"`
	}
	g.Expect(json.Unmarshal(w.send("GET", "/paddle/notifications/"+n.ID+"/logs", "").Data, &logs)).To(Succeed())
	g.Expect(logs).To(HaveLen(2))
	g.Expect([]int{logs[0].Code, logs[1].Code}).To(Equal([]int{200, 202}), "the latest first")

	w.door("PATCH", "/_kassa/paddle/prices/"+price, `{"unit_price":{"amount":"1"}}`)
	g.Expect(w.Paddle().Account(paddleKey).EditProduct(product, func(p *paddle.Product) { p.Name = "x" })).To(Succeed())
	g.Eventually(in.all).Should(HaveLen(4))
	g.Expect(w.Paddle().Account(paddleKey).Prices()[0].UnitPrice).To(Equal(paddle.Money{Amount: "1", CurrencyCode: "USD"}))
	types := map[string]string{}
	for _, d := range in.all()[2:] {
		e := envelopeIn(t, d)
		types[e.EventType] = string(e.Data)
	}
	g.Expect(types).To(And(HaveKeyWithValue("price.updated", ContainSubstring(`"amount":"1"`)),
		HaveKeyWithValue("product.updated", ContainSubstring(`"name":"x"`))))
	g.Expect(w.send("GET", "/paddle/events?per_page=3&order_by=id[ASC]", "").Meta.Pagination.EstimatedTotal).To(Equal(4),
		"events are kept whether anybody wants them or not")
}

// A notification that was delivered or has failed can be replayed, once, as a new one of the same event.
func TestPaddleReplays(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{time.Hour}})
	g, in := w.g, newInbox(t)
	in.fail = 2
	to := w.destination(in.URL, "", "product.created", "customer.created")
	w.product("Pro")
	g.Eventually(in.all).Should(HaveLen(1))
	e := envelopeIn(t, in.all()[0])
	status := func() string { return w.notification(e.NotificationID).Status }
	g.Eventually(status).Should(Equal("needs_retry"))
	g.Expect(w.notification(e.NotificationID).RetryAt).NotTo(BeNil())
	replay := func(id string) paddleAnswer { return w.send("POST", "/paddle/notifications/"+id+"/replay", "") }
	g.Expect(replay(e.NotificationID).verdict()).To(Equal("notification_cannot_replay"))
	w.door("POST", "/_kassa/clock", `{"advance":"1h"}`)
	g.Eventually(status).Should(Equal("failed"))

	a := replay(e.NotificationID)
	g.Expect(a.status).To(Equal(http.StatusAccepted))
	var made struct {
		ID string `json:"notification_id"`
	}
	g.Expect(json.Unmarshal(a.Data, &made)).To(Succeed())
	g.Eventually(func() string { return w.notification(made.ID).Status }).Should(Equal("delivered"))
	again := envelopeIn(t, in.all()[2])
	g.Expect([]string{again.EventID, again.NotificationID, again.OccurredAt}).
		To(Equal([]string{e.EventID, made.ID, e.OccurredAt}))
	g.Expect(w.notification(e.NotificationID).ReplayedAt).NotTo(BeNil())
	g.Expect(replay(made.ID).verdict()).To(Equal("notification_replay_invalid_origin_type"))
	g.Expect(replay("ntf_none").verdict()).To(Equal("not_found"))

	for query, want := range map[string]int{
		"": 2, "?status=delivered": 1, "?status=failed,delivered": 2, "?notification_setting_id=" + to.ID: 2,
		"?notification_setting_id=ntfset_none": 0, "?search=Pro": 0, "?search=product.c": 2, "?search=" + made.ID: 1,
		"?filter=txn_1": 0, "?to=2020-01-01T00:00:00": 0, "?from=2020-01-01T00:00:00Z": 2,
	} {
		g.Expect(w.send("GET", "/paddle/notifications"+query, "").ids()).To(HaveLen(want), query)
	}
	g.Expect(w.send("GET", "/paddle/notifications?from=yesterday", "").verdict()).To(Equal("invalid_field from"))
	g.Expect(w.send("DELETE", "/paddle/notification-settings/"+to.ID, "").status).To(Equal(http.StatusNoContent))
	g.Expect(w.send("GET", "/paddle/notifications", "").ids()).To(BeEmpty())
}

// A destination that was deactivated gets nothing, not even what waits for it.
func TestInactiveDestinationsGetNothing(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{time.Hour}})
	g, in := w.g, newInbox(t)
	in.fail = 1
	to := w.destination(in.URL, "", "product.created")
	w.product("A")
	g.Eventually(w.Deliveries).Should(HaveLen(1))
	w.send("PATCH", "/paddle/notification-settings/"+to.ID, `{"active":false}`)
	w.product("B")
	w.Clock().Advance(time.Hour)
	g.Eventually(func() string { return w.Paddle().Account(paddleKey).Notifications()[0].Status }).
		Should(Equal("failed"))
	g.Expect(in.all()).To(HaveLen(1))
	g.Expect(w.Paddle().Account(paddleKey).Notifications()).To(HaveLen(1))
}

// Each provider's own schedule, as many times faster as the options say.
func TestProvidersOwnSchedules(t *testing.T) {
	live := "pdl_" + "live_apikey_1"
	for key, want := range map[string]int{paddleKey: 3, live: 60} {
		w := newPaddleWorld(t, sandbox.Options{WebhookSpeed: 1})
		w.key = key
		in := newInbox(t)
		in.fail = 1000
		w.destination(in.URL, "", "product.created")
		w.product("A")
		for n := 1; n < want; n++ {
			w.g.Eventually(in.all).Should(HaveLen(n))
			w.g.Eventually(func() int { return w.Paddle().Account(key).Notifications()[0].TimesAttempted }).Should(Equal(n))
			w.Clock().Advance(2 * time.Hour)
		}
		w.g.Eventually(func() string { return w.Paddle().Account(key).Notifications()[0].Status }).Should(Equal("failed"))
		w.g.Expect(in.all()).To(HaveLen(want))
	}
}

func TestSchedulesAreAsLongAsTheProvidersSay(t *testing.T) {
	g := NewWithT(t)
	firstHour := time.Duration(0)
	for _, wait := range paddle.Retries(true)[:19] {
		firstHour += wait
	}
	g.Expect(firstHour).To(BeNumerically("<=", time.Hour))
	g.Expect(paddle.Retries(true)).To(HaveLen(59))
	g.Expect(paddle.Retries(true).Total()).To(And(BeNumerically(">", 70*time.Hour), BeNumerically("<=", 72*time.Hour)))
	g.Expect(paddle.Retries(false)).To(HaveLen(2))
	g.Expect(paddle.Retries(false).Total()).To(BeNumerically("<=", 15*time.Minute))
}
