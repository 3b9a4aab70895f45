package lemonsqueezy

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Webhook is a webhook on the wire, which never tells its secret.
type Webhook struct {
	ID         int64    `json:"-"`
	StoreID    int64    `json:"store_id"`
	URL        string   `json:"url"`
	Events     []string `json:"events"`
	LastSentAt *string  `json:"last_sent_at"`
	CreatedAt  string   `json:"created_at"`
	UpdatedAt  string   `json:"updated_at"`
	TestMode   bool     `json:"test_mode"`
	Secret     string   `json:"-"`
}

// eventNames are the events that a webhook can ask for. LemonSqueezy's own lists differ; these are in all of them.
var eventNames = []string{
	"order_created", "order_refunded",
	"subscription_created", "subscription_updated", "subscription_cancelled", "subscription_resumed",
	"subscription_expired", "subscription_paused", "subscription_unpaused", "subscription_payment_success",
	"subscription_payment_failed", "subscription_payment_recovered", "subscription_payment_refunded",
	"license_key_created", "license_key_updated",
}

// Bounds of a webhook's secret in characters.
const (
	secretMin = 6
	secretMax = 40
)

// writtenDocument is the body of a request that writes an object.
type writtenDocument struct {
	Data struct {
		Type          string                     `json:"type"`
		ID            string                     `json:"id"`
		Attributes    map[string]json.RawMessage `json:"attributes"`
		Relationships map[string]struct {
			Data *struct {
				Type string `json:"type"`
				ID   string `json:"id"`
			} `json:"data"`
		} `json:"relationships"`
	} `json:"data"`
}

func (s *Server) webhook(id int64) *Webhook {
	for _, w := range s.webhooks {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// ownWebhook is the webhook of the path, if it is of the key's mode.
func (c *call) ownWebhook() (*Webhook, *apiError) {
	if w := c.webhook(c.id()); w != nil && w.TestMode == c.test {
		return w, nil
	}
	return nil, notFound()
}

func listWebhooks(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id")
	if err != nil {
		return nil, err
	}
	var all []*Webhook
	for _, w := range c.webhooks {
		if w.TestMode == c.test && passes("store_id", w.StoreID) {
			all = append(all, w)
		}
	}
	return page(c, "webhooks", all, func(w *Webhook) int64 { return w.ID })
}

func getWebhook(c *call) (any, *apiError) {
	w, err := c.ownWebhook()
	if err != nil {
		return nil, err
	}
	return document("webhooks", w.ID, w), nil
}

func createWebhook(c *call) (any, *apiError) {
	doc, err := c.written("webhooks", "")
	if err != nil {
		return nil, err
	}
	w := &Webhook{TestMode: c.test}
	problems := c.applyWebhook(w, doc.Data.Attributes, true)
	store := doc.Data.Relationships["store"].Data
	switch {
	case store == nil:
		problems = append(problems, unprocessable("/data/relationships/store", "The store field is required."))
	case store.Type != "stores" || !c.hasStore(store.ID):
		problems = append(problems, unprocessable("/data/relationships/store", "The selected store is invalid."))
	default:
		w.StoreID, _ = strconv.ParseInt(store.ID, 10, 64)
	}
	if len(problems) > 0 {
		return nil, problems.join()
	}
	w.ID, w.CreatedAt = c.nextID(), c.stamp()
	w.UpdatedAt = w.CreatedAt
	c.webhooks = append(c.webhooks, w)
	return document("webhooks", w.ID, w), nil
}

func updateWebhook(c *call) (any, *apiError) {
	w, err := c.ownWebhook()
	if err != nil {
		return nil, err
	}
	doc, err := c.written("webhooks", strconv.FormatInt(w.ID, 10))
	if err != nil {
		return nil, err
	}
	changed := *w
	if problems := c.applyWebhook(&changed, doc.Data.Attributes, false); len(problems) > 0 {
		return nil, problems.join()
	}
	changed.UpdatedAt = c.stamp()
	*w = changed
	return document("webhooks", w.ID, w), nil
}

func deleteWebhook(c *call) (any, *apiError) {
	w, err := c.ownWebhook()
	if err != nil {
		return nil, err
	}
	c.webhooks = slices.DeleteFunc(c.webhooks, func(other *Webhook) bool { return other == w })
	return nil, nil
}

func (c *call) hasStore(id string) bool {
	return slices.ContainsFunc(c.stores, func(s *Store) bool { return strconv.FormatInt(s.ID, 10) == id })
}

// written reads the body; id is that of the path, or empty where there is none.
func (c *call) written(kind, id string) (writtenDocument, *apiError) {
	var doc writtenDocument
	if err := json.NewDecoder(http.MaxBytesReader(nil, c.r.Body, bodyLimit)).Decode(&doc); err != nil {
		return doc, &apiError{status: http.StatusBadRequest, title: "Invalid JSON", detail: "The body is no document."}
	}
	if doc.Data.Type != kind || doc.Data.ID != id {
		return doc, &apiError{
			status: http.StatusConflict, title: "Conflict", detail: "The resource's type and id must be those of the path.",
			pointer: "/data",
		}
	}
	return doc, nil
}

// applyWebhook writes the attributes into a webhook, and tells what is wrong with them. Attributes that the request
// cannot set are refused: LemonSqueezy does not say that it ignores them.
func (c *call) applyWebhook(w *Webhook, attributes map[string]json.RawMessage, create bool) apiErrors {
	var found apiErrors
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		known := slices.Contains([]string{"url", "events", "secret"}, name) || (create && name == "test_mode")
		if !known {
			found = append(found, unprocessable(attribute(name), "The "+name+" field is not supported."))
		}
	}
	found = append(found, readURL(w, attributes["url"], create)...)
	found = append(found, readEvents(w, attributes["events"], create)...)
	found = append(found, readSecret(w, attributes["secret"], create)...)
	if raw, given := attributes["test_mode"]; given && create {
		var test bool
		switch {
		case json.Unmarshal(raw, &test) != nil:
			found = append(found, unprocessable(attribute("test_mode"), "The test mode field must be true or false."))
		case test != c.test:
			found = append(found, unprocessable(attribute("test_mode"), "The test mode must be that of the API key."))
		}
	}
	return found
}

func attribute(name string) string { return "/data/attributes/" + name }

func readURL(w *Webhook, raw json.RawMessage, required bool) apiErrors {
	if raw == nil && !required {
		return nil
	}
	var text string
	if raw == nil || (json.Unmarshal(raw, &text) == nil && text == "") {
		return apiErrors{unprocessable(attribute("url"), "The url field is required.")}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return apiErrors{unprocessable(attribute("url"), "The url format is invalid.")}
	}
	w.URL = text
	return nil
}

func readEvents(w *Webhook, raw json.RawMessage, required bool) apiErrors {
	if raw == nil && !required {
		return nil
	}
	var names []string
	switch err := json.Unmarshal(raw, &names); {
	case raw != nil && err != nil:
		return apiErrors{unprocessable(attribute("events"), "The events must be an array.")}
	case len(names) == 0:
		return apiErrors{unprocessable(attribute("events"), "The events field is required.")}
	}
	var found apiErrors
	for i, name := range names {
		if !slices.Contains(eventNames, name) {
			at := fmt.Sprintf("events/%d", i)
			found = append(found, unprocessable(attribute(at), "The selected "+strings.ReplaceAll(at, "/", ".")+" is invalid."))
		}
	}
	w.Events = names
	return found
}

func readSecret(w *Webhook, raw json.RawMessage, required bool) apiErrors {
	if raw == nil && !required {
		return nil
	}
	var text string
	var problem string
	switch err := json.Unmarshal(raw, &text); {
	case raw == nil || (err == nil && text == ""):
		problem = "The secret field is required."
	case err != nil:
		problem = "The secret must be a string."
	case utf8.RuneCountInString(text) < secretMin:
		problem = fmt.Sprintf("The secret must be at least %d characters.", secretMin)
	case utf8.RuneCountInString(text) > secretMax:
		problem = fmt.Sprintf("The secret must not be greater than %d characters.", secretMax)
	default:
		w.Secret = text
		return nil
	}
	return apiErrors{unprocessable(attribute("secret"), problem)}
}
