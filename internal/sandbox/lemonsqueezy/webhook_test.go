package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const signingSecret = "signing" + "_secret_1"

// webhookBody is the body of a request; id is empty for a create, and store for a change.
func webhookBody(id, attributes, store string) string {
	var more string
	if id != "" {
		more = fmt.Sprintf(`"id":%q,`, id)
	}
	if store != "" {
		more += fmt.Sprintf(`"relationships":{"store":{"data":{"type":"stores","id":%q}}},`, store)
	}
	return `{"data":{` + more + `"type":"webhooks","attributes":{` + attributes + `}}}`
}

// hook makes a webhook of some events, and returns its id.
func (w *world) hook(store, url string, events ...string) string {
	w.t.Helper()
	names, err := json.Marshal(events)
	w.g.Expect(err).NotTo(HaveOccurred())
	a := w.send("POST", "/v1/webhooks", webhookBody("", fmt.Sprintf(`"url":%q,"secret":%q,"events":%s`, url,
		signingSecret, names), store))
	w.g.Expect(a.status).To(Equal(http.StatusCreated), "%v", a.Errors)
	var o object
	w.g.Expect(json.Unmarshal(a.Data, &o)).To(Succeed())
	return o.ID
}

// A webhook is created, read, listed by store, changed and deleted. No answer tells its secret.
func TestWebhooks(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store, other := w.store("Shop", "USD"), w.store("Other", "EUR")
	id := w.hook(store, "https://hooks.example.com/a", "order_created", "subscription_created")
	second := w.hook(other, "https://hooks.example.com/a", "order_created")

	got := w.one(w.get("/v1/webhooks/" + id))
	w.g.Expect(got.Type).To(Equal("webhooks"))
	w.g.Expect(got.Attributes).To(And(
		HaveKeyWithValue("url", "https://hooks.example.com/a"),
		HaveKeyWithValue("events", []any{"order_created", "subscription_created"}),
		HaveKeyWithValue("store_id", numeric(w, store)), HaveKeyWithValue("test_mode", true),
		HaveKeyWithValue("last_sent_at", BeNil()), HaveKey("created_at"), HaveKey("updated_at"),
		Not(HaveKey("secret")),
	))
	w.g.Expect(w.ids(w.get("/v1/webhooks"))).To(Equal([]string{id, second}))
	w.g.Expect(w.ids(w.get("/v1/webhooks", "filter[store_id]", other))).To(Equal([]string{second}))
	w.g.Expect(w.ids(w.get("/v1/webhooks", "page[size]", "1", "page[number]", "2"))).To(Equal([]string{second}))

	changed := w.one(w.send("PATCH", "/v1/webhooks/"+id,
		webhookBody(id, `"events":["order_refunded"],"secret":"another one"`, "")))
	w.g.Expect(changed.Attributes).To(HaveKeyWithValue("events", []any{"order_refunded"}))
	w.g.Expect(changed.Attributes).To(HaveKeyWithValue("url", "https://hooks.example.com/a"), "what was not given stays")
	kept := w.LemonSqueezy().Webhooks()[0]
	w.g.Expect([]any{kept.Secret, kept.Events}).To(Equal([]any{"another one", []string{"order_refunded"}}))

	text, err := json.Marshal(w.LemonSqueezy().State())
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(string(text)).To(And(ContainSubstring("hooks.example.com"), Not(ContainSubstring("another one"))))

	w.key = "Bearer " + liveKey
	w.g.Expect(w.ids(w.get("/v1/webhooks"))).To(BeEmpty(), "the other mode's")
	for _, method := range []string{"GET", "DELETE"} {
		w.g.Expect(w.send(method, "/v1/webhooks/"+id).status).To(Equal(http.StatusNotFound))
	}
	w.key = "Bearer " + testKey
	w.g.Expect(w.send("DELETE", "/v1/webhooks/"+id).status).To(Equal(http.StatusNoContent))
	w.g.Expect(w.send("DELETE", "/v1/webhooks/"+id).status).To(Equal(http.StatusNotFound))
	w.g.Expect(w.ids(w.get("/v1/webhooks"))).To(Equal([]string{second}))
	w.Reset()
	w.g.Expect(w.ids(w.get("/v1/webhooks"))).To(BeEmpty())
}

// What is wrong with a webhook is told all at once, each with the part of the document that is to blame.
func TestWebhooksAreValidated(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "USD")
	const right = `"url":"https://a.example","events":["order_created"],"secret":"123456"`
	id := w.hook(store, "https://a.example", "order_created")
	for _, c := range []struct {
		why, attributes, store string
		want                   []string // pointers below /data
	}{
		{"right", right, store, nil},
		{"of the key's mode", right + `,"test_mode":true`, store, nil},
		{"nothing", "", "", []string{"attributes/url", "attributes/events", "attributes/secret", "relationships/store"}},
		{"no store of that id", right, "1", []string{"relationships/store"}},
		{"no URL", strings.Replace(right, "https://a.example", "a.example", 1), store, []string{"attributes/url"}},
		{"no event", strings.Replace(right, `"order_created"`, "", 1), store, []string{"attributes/events"}},
		{"an unknown event", strings.Replace(right, `"order_created"`, `"order_created","order"`, 1), store,
			[]string{"attributes/events/1"}},
		{"a short secret", strings.Replace(right, "123456", "12345", 1), store, []string{"attributes/secret"}},
		{"the longest secret", strings.Replace(right, "123456", strings.Repeat("x", 40), 1), store, nil},
		{"a longer secret", strings.Replace(right, "123456", strings.Repeat("x", 41), 1), store,
			[]string{"attributes/secret"}},
		{"the other mode", right + `,"test_mode":false`, store, []string{"attributes/test_mode"}},
		{"unknown", right + `,"name":"x"`, store, []string{"attributes/name"}},
	} {
		a := w.send("POST", "/v1/webhooks", webhookBody("", c.attributes, c.store))
		var got []string
		for _, e := range a.Errors {
			got = append(got, strings.TrimPrefix(e.Source["pointer"], "/data/"))
			w.g.Expect(e.Status).To(Equal("422"))
		}
		w.g.Expect(got).To(Equal(c.want), c.why)
		w.g.Expect(a.status == http.StatusCreated).To(Equal(c.want == nil), c.why)
	}
	for _, c := range []struct {
		body string
		want int
	}{
		{`{`, http.StatusBadRequest},
		{webhookBody("", `"events":["order_created"]`, ""), http.StatusConflict},
		{webhookBody(id, `"events":[]`, ""), http.StatusUnprocessableEntity},
		{webhookBody(id, `"test_mode":true`, ""), http.StatusUnprocessableEntity},
		{webhookBody(id, "", ""), http.StatusOK},
	} {
		w.g.Expect(w.send("PATCH", "/v1/webhooks/"+id, c.body).status).To(Equal(c.want), c.body)
	}
	w.g.Expect(w.LemonSqueezy().Webhooks()[0].Events).To(Equal([]string{"order_created"}))
}
