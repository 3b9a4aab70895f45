package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// inbox remembers what it got, and answers with a status.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []delivered
}

type delivered struct {
	header http.Header
	body   []byte
}

func newInbox(t *testing.T, status int) *inbox {
	t.Helper()
	in := &inbox{status: status}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, delivered{r.Header.Clone(), body})
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) all() []delivered {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]delivered{}, in.got...)
}

func (in *inbox) answer(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status = status
}

// event is a delivery's body.
type event struct {
	Meta struct {
		EventName  string         `json:"event_name"`
		TestMode   bool           `json:"test_mode"`
		WebhookID  string         `json:"webhook_id"`
		CustomData map[string]any `json:"custom_data"`
	} `json:"meta"`
	Data object `json:"data"`
}

func eventIn(t *testing.T, d delivered) event {
	t.Helper()
	var e event
	NewWithT(t).Expect(json.Unmarshal(d.body, &e)).To(Succeed(), string(d.body))
	return e
}

// emit sends an event through the door, and returns the status.
func (w *world) emit(body string) int {
	w.t.Helper()
	status, _ := w.dashboard("POST", "/events", body)
	return status
}

// A delivery has LemonSqueezy's headers and meta. Anything but 200 is a failure; after four attempts the event is lost,
// unless somebody sends it again.
func TestDeliveries(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store, other := w.store("Shop", "EUR"), w.store("Other", "EUR")
	in, deaf := newInbox(t, http.StatusNoContent), newInbox(t, http.StatusOK)
	id := w.hook(store, in.URL, "subscription_created", "order_created")
	w.hook(other, deaf.URL, "subscription_created")
	w.hook(store, deaf.URL, "order_created")
	_, variants := w.product(store, 1, "")

	w.g.Expect(w.emit(`{"type":"subscription_created","custom_data":{"user":"<7>"}}`)).To(Equal(http.StatusOK))
	for n, wait := range []time.Duration{5 * time.Second, 25 * time.Second, 125 * time.Second, time.Hour} {
		w.g.Eventually(in.all).Should(HaveLen(n + 1))
		w.g.Eventually(func() int { return len(w.Deliveries()) }).Should(Equal(n + 1))
		w.g.Eventually(func() bool { return w.Webhooks().Totals()[0].Attempts == int64(n+1) }).Should(BeTrue())
		w.Clock().Advance(wait)
	}
	w.g.Expect(w.Webhooks().Totals()[0].GivenUp).To(Equal(int64(1)))
	first := eventIn(t, in.all()[0])
	w.g.Expect([]any{first.Meta.EventName, first.Meta.TestMode, first.Meta.CustomData["user"]}).
		To(Equal([]any{"subscription_created", true, "<7>"}))
	w.g.Expect(first.Meta.WebhookID).To(MatchRegexp(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`))
	w.g.Expect(first.Data.Type).To(Equal("subscriptions"))
	w.g.Expect(first.Data.Attributes).To(And(HaveKeyWithValue("store_id", numeric(w, store)),
		HaveKeyWithValue("variant_id", numeric(w, variants[0])), HaveKeyWithValue("status", "active")))
	for _, d := range in.all() {
		w.g.Expect(d.body).To(Equal(in.all()[0].body), "the same at every attempt")
		w.g.Expect(d.header.Get("X-Event-Name")).To(Equal("subscription_created"))
		w.g.Expect(d.header.Get("Content-Type")).To(Equal("application/json"))
		w.g.Expect(d.header.Get("X-Signature")).To(Equal(lemonsqueezy.Sign(signingSecret, d.body)))
	}
	w.g.Expect(deaf.all()).To(BeEmpty())
	w.g.Expect(w.one(w.get("/v1/webhooks/" + id)).Attributes["last_sent_at"]).NotTo(BeNil())

	in.answer(http.StatusOK)
	w.send("PATCH", "/v1/webhooks/"+id, webhookBody(id, `"secret":"another one"`, ""))
	w.g.Expect(w.Webhooks().Repeat(first.Meta.WebhookID, id)).To(Equal(1))
	w.g.Eventually(in.all).Should(HaveLen(5))
	last := in.all()[4]
	w.g.Expect(eventIn(t, last).Meta.WebhookID).To(Equal(first.Meta.WebhookID))
	w.g.Expect(last.header.Get("X-Signature")).To(Equal(lemonsqueezy.Sign("another one", last.body)),
		"signed with the secret of now")
}

// Every event that a webhook can ask for can be made without a buyer, of either mode.
func TestEveryEventCanBeMade(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "EUR")
	in := newInbox(t, http.StatusOK)
	kinds := map[string]string{ // what each is about, with its status
		"order_created": "orders paid", "order_refunded": "orders refunded",
		"subscription_created": "subscriptions active", "subscription_updated": "subscriptions active",
		"subscription_cancelled": "subscriptions cancelled", "subscription_resumed": "subscriptions active",
		"subscription_expired": "subscriptions expired", "subscription_paused": "subscriptions paused",
		"subscription_unpaused":          "subscriptions active",
		"subscription_payment_success":   "subscription-invoices paid",
		"subscription_payment_failed":    "subscription-invoices pending",
		"subscription_payment_recovered": "subscription-invoices paid",
		"subscription_payment_refunded":  "subscription-invoices refunded",
		"license_key_created":            "license-keys inactive", "license_key_updated": "license-keys inactive",
	}
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	w.hook(store, in.URL, names...)
	for i, name := range names {
		w.g.Expect(w.emit(fmt.Sprintf(`{"type":%q}`, name))).To(Equal(http.StatusOK))
		w.g.Expect(w.emit(fmt.Sprintf(`{"type":%q,"live":true}`, name))).To(Equal(http.StatusOK))
		w.g.Eventually(in.all).Should(HaveLen(i+1), "the webhook is of test mode")
		e := eventIn(t, in.all()[i])
		w.g.Expect(e.Meta.EventName).To(Equal(name))
		w.g.Expect(fmt.Sprint(e.Data.Type, " ", e.Data.Attributes["status"])).To(Equal(kinds[name]))
		w.g.Expect(e.Data.ID).NotTo(BeEmpty())
		w.g.Expect(e.Data.Attributes).To(And(HaveKeyWithValue("test_mode", true), HaveKey("user_email"),
			HaveKey("customer_id"), HaveKey("updated_at")))
	}
	w.g.Expect(w.emit(`{"type":"order_created","data":{"type":"orders","id":"7","attributes":{"store_id":5}}}`)).
		To(Equal(http.StatusOK))
	w.g.Expect(w.emit(`{"type":"order_created","data":{"type":"orders","id":"8","attributes":{}}}`)).
		To(Equal(http.StatusOK))
	w.g.Eventually(in.all).Should(HaveLen(len(names) + 1))
	w.g.Expect(eventIn(t, in.all()[len(names)]).Data.ID).To(Equal("8"), "7 is of another store")
	w.g.Expect(w.emit(`{"type":"subscription_plan_changed"}`)).To(Equal(http.StatusBadRequest))
	w.g.Expect(w.emit(`{"type":"order_created","data":1}`)).To(Equal(http.StatusBadRequest))
}

// recorded is a file of recorded deliveries, on machines that have them.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	root := os.Getenv("KASSA_PROVIDER_SAMPLES")
	if root == "" {
		t.Skip("KASSA_PROVIDER_SAMPLES names no folder with the providers' published samples")
	}
	text, err := os.ReadFile(filepath.Join(root, name))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return text
}

// What is made up has every attribute that recorded deliveries have.
func TestMadeUpEventsHaveTheRecordedAttributes(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.store("Shop", "EUR")
	for file, name := range map[string]string{
		"order_created": "order_created", "subscription_created": "subscription_created",
		"subscription_payment_success": "subscription_payment_success", "subscription_cancelled": "subscription_cancelled",
	} {
		var deliveries struct{ Data, Made map[string]any }
		w.g.Expect(json.Unmarshal(recorded(t, "lemonsqueezy/"+file+".json"), &deliveries)).To(Succeed())
		data, _, err := w.LemonSqueezy().Emit(lemonsqueezy.Notice{Type: name})
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(json.Unmarshal(data, &deliveries.Made)).To(Succeed())
		w.g.Expect(strings.Join(missing("", deliveries.Data, deliveries.Made), "\n")).To(BeEmpty(), name)
	}
}

// The signature of a known body, made elsewhere.
func TestSignatureOfAKnownBody(t *testing.T) {
	body := []byte(`{"meta":{"event_name":"order_created"}}`)
	NewWithT(t).Expect(lemonsqueezy.Sign("secret", body)).To(
		Equal("f55997a5a27ec6aa445833430e34c2aab6520c68dfb7700b5de85bde250bc8d3"))
}

// missing are the members that made lacks, without the recorded links.
func missing(at string, recorded, made map[string]any) []string {
	var out []string
	for name, value := range recorded {
		there, ok := made[name]
		if !ok {
			out = append(out, at+name)
			continue
		}
		deep, isMap := value.(map[string]any)
		madeDeep, _ := there.(map[string]any)
		if isMap {
			out = append(out, missing(at+name+".", deep, madeDeep)...)
		}
	}
	return out
}
