package lemonsqueezy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Bounds of a signing secret in characters, by LemonSqueezy's guide to webhooks.
const (
	secretMin = 6
	secretMax = 40
)

// EndpointTraits of LemonSqueezy: the secret is ours and can be replaced in place, a webhook has no room for marks, and
// how many there may be is not documented. Nor is whether two may have one URL; without marks they could not be told
// apart, and each would send every event under an id of its own, so that nothing would know it for a repeated one. The
// quiet event is one that Kassa has no name for.
func (Adapter) EndpointTraits() provider.EndpointTraits {
	return provider.EndpointTraits{
		Secrets: provider.SecretChosen, UniqueURL: true, QuietEvent: "license_key_updated",
	}
}

const kindWebhook = "webhooks"

// webhook are the attributes of a webhook, which never tell the secret.
type webhook struct {
	StoreID  int64    `json:"store_id"`
	URL      string   `json:"url"`
	Events   []string `json:"events"`
	TestMode *bool    `json:"test_mode"`
}

// wanted is what a webhook is written with.
type wanted struct {
	Type       string `json:"type"`
	ID         string `json:"id,omitempty"`
	Attributes struct {
		URL      string   `json:"url"`
		Events   []string `json:"events"`
		Secret   string   `json:"secret,omitempty"`
		TestMode *bool    `json:"test_mode,omitempty"` // cannot be changed later
	} `json:"attributes"`
	Relationships *relationships `json:"relationships,omitempty"`
}

// relationships of a webhook that is to be created.
type relationships struct {
	Store struct {
		Data identifier `json:"data"`
	} `json:"store"`
}

type identifier struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type endpoints struct{ *connection }

// List reads the store's webhooks. A webhook has no owner and does not tell its secret.
func (e *endpoints) List(ctx context.Context) ([]provider.Endpoint, error) {
	all, _, err := list[webhook](ctx, &e.client, "list webhooks", "/v1/webhooks", kindWebhook,
		url.Values{"filter[store_id]": {e.store}})
	if err != nil {
		return nil, err
	}
	var out []provider.Endpoint
	for _, w := range all {
		if e.owns(w.Attributes) {
			out = append(out, endpointOf(w))
		}
	}
	return out, nil
}

// Create makes a webhook of the connection's mode that is signed with in.Secret.
func (e *endpoints) Create(ctx context.Context, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "create webhook"
	if in.Secret == "" {
		return provider.Endpoint{}, refuse(op, "a webhook needs a signing secret")
	}
	w := wantedOf("", in)
	w.Attributes.TestMode = new(e.mode == billing.Test)
	w.Relationships = &relationships{}
	w.Relationships.Store.Data = identifier{Type: "stores", ID: e.store}
	return e.write(ctx, op, http.MethodPost, "/v1/webhooks", w)
}

// Update changes URL and events, and the secret if there is one. A webhook is never disabled.
func (e *endpoints) Update(ctx context.Context, id string, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "update webhook"
	if !isID(id) {
		return provider.Endpoint{}, noWebhook(op, id)
	}
	return e.write(ctx, op, http.MethodPatch, "/v1/webhooks/"+id, wantedOf(id, in))
}

// Delete removes a webhook. One that is gone already is no error.
func (e *endpoints) Delete(ctx context.Context, id string) error {
	if !isID(id) {
		return nil
	}
	err := e.send(ctx, request{op: "delete webhook", method: http.MethodDelete, path: "/v1/webhooks/" + id})
	if provider.IsNotFound(err) {
		return nil
	}
	return err
}

func (e *endpoints) write(
	ctx context.Context, op, method, path string, w wanted,
) (provider.Endpoint, error) {
	if why := w.fault(); why != "" {
		return provider.Endpoint{}, refuse(op, why)
	}
	var out document[webhook]
	err := e.send(ctx, request{
		op: op, method: method, path: path, secret: w.Attributes.Secret,
		body: map[string]wanted{"data": w},
		into: &out,
		valid: func() bool {
			got := out.Data
			return got.Type == kindWebhook && isID(got.ID) && (w.ID == "" || got.ID == w.ID) && e.owns(got.Attributes)
		},
	})
	if err != nil {
		return provider.Endpoint{}, err
	}
	return endpointOf(out.Data), nil
}

func wantedOf(id string, in provider.EndpointSpec) wanted {
	w := wanted{Type: kindWebhook, ID: id}
	w.Attributes.URL, w.Attributes.Events, w.Attributes.Secret = in.URL, in.Events, in.Secret
	return w
}

// fault says in a sentence what LemonSqueezy would not take, without the secret.
func (w *wanted) fault() string {
	if len(w.Attributes.Events) == 0 {
		return "a webhook needs at least one event"
	}
	for _, event := range w.Attributes.Events {
		if _, known := taxonomy[event]; !known {
			return fmt.Sprintf("LemonSqueezy has no event %q", event)
		}
	}
	if n := utf8.RuneCountInString(w.Attributes.Secret); n > 0 && (n < secretMin || n > secretMax) {
		return fmt.Sprintf("a signing secret has %d to %d characters, and this one has %d", secretMin, secretMax, n)
	}
	return ""
}

// owns says whether a webhook is of the connection's store and mode. A key sees those of its own mode only, so one
// whose mode is not told is of that.
func (e *endpoints) owns(w webhook) bool {
	return number(w.StoreID) == e.store && (w.TestMode == nil || e.ofMode(w.TestMode))
}

func endpointOf(w resource[webhook]) provider.Endpoint {
	a := w.Attributes
	events := slices.Clone(a.Events)
	slices.Sort(events)
	out := provider.Endpoint{ID: w.ID, URL: a.URL, Events: events, Active: true}
	if a.TestMode != nil {
		out.Mode = billing.Live
		if *a.TestMode {
			out.Mode = billing.Test
		}
	}
	return out
}

func noWebhook(op, id string) error {
	return &provider.Error{
		Class: provider.ClassNotFound, Provider: name, Operation: op,
		Message: fmt.Sprintf("%q is no webhook's number", id),
	}
}

func refuse(op, message string) error {
	return &provider.Error{Class: provider.ClassTerminal, Provider: name, Operation: op, Message: message}
}
