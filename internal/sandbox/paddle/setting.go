package paddle

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// Setting is a notification setting on the wire: where notifications go.
type Setting struct {
	ID                     string      `json:"id"`
	Description            string      `json:"description"`
	Type                   string      `json:"type"` // url or email
	Destination            string      `json:"destination"`
	Active                 bool        `json:"active"`
	APIVersion             int         `json:"api_version"`
	IncludeSensitiveFields bool        `json:"include_sensitive_fields"`
	SubscribedEvents       []EventType `json:"subscribed_events"`
	Secret                 string      `json:"endpoint_secret_key,omitempty"`
	TrafficSource          string      `json:"traffic_source"` // platform, simulation or all
}

// settingsMax is how many notification settings of an account can be active.
const settingsMax = 10

const (
	typeURL   = "url"
	typeEmail = "email"
)

var (
	trafficSources = []string{"all", "platform", "simulation"}

	settingFields = shape{
		"description":              {required: true, check: text(1, 500)},
		"type":                     {required: true, check: oneOf([]string{typeEmail, typeURL})},
		"destination":              {required: true, check: text(1, 2048)},
		"subscribed_events":        {required: true, check: listOf(1, len(eventTypes)+len(laterEventTypes), knownEvent)},
		"api_version":              {check: integer(1, 1)},
		"include_sensitive_fields": {check: boolean},
		"traffic_source":           {check: oneOf(trafficSources)},
	}
	settingChanges = func() shape {
		s := settingFields.optional()
		delete(s, "type")
		s["active"] = field{check: boolean}
		return s
	}()
)

func (s *Setting) key() string { return s.ID }

func boolean(v any, at string) []fieldError {
	if _, ok := v.(bool); !ok {
		return wrong(at, "must be true or false")
	}
	return nil
}

func knownEvent(v any, at string) []fieldError {
	name, _ := v.(string)
	if _, known := eventType(name); !known {
		return wrong(at, "must be one of the event types that the API reference lists")
	}
	return nil
}

func (c *call) createSetting() (any, *apiError) {
	s, err := c.changedSetting(&Setting{
		Active: true, APIVersion: 1, TrafficSource: "platform", SubscribedEvents: []EventType{},
	}, settingFields)
	if err != nil {
		return nil, err
	}
	s.ID = c.newID("ntfset")
	s.Secret = newSecret(s.ID)
	c.settings, c.settingByID[s.ID] = append(c.settings, s), s
	return s, nil
}

// changedSetting is a copy of old with the request's fields, and checked against the others.
func (c *call) changedSetting(old *Setting, allowed shape) (*Setting, *apiError) {
	if err := c.read(allowed); err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	for name, value := range c.fields {
		fields[name] = value
	}
	if names, given := fields["subscribed_events"]; given {
		fields["subscribed_events"] = subscription(names)
	}
	s, err := overlay(old, fields)
	if err != nil {
		return nil, err
	}
	return s, c.settingFits(s)
}

// settingFits checks what a setting's fields say together, and what they say beside the other settings.
func (c *call) settingFits(s *Setting) *apiError {
	switch s.Type {
	case typeURL:
		if u, err := url.Parse(s.Destination); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return settingError(http.StatusBadRequest, "url_notification_setting_incorrect",
				"The destination must be a valid URL.")
		}
	case typeEmail:
		if _, err := mail.ParseAddress(s.Destination); err != nil {
			return settingError(http.StatusBadRequest, "email_notification_setting_incorrect",
				"The destination must be a valid email address.")
		}
	}
	others := 0
	for _, other := range c.settings {
		if other.ID == s.ID {
			continue
		}
		if other.Type == s.Type && other.Destination == s.Destination {
			return settingError(http.StatusConflict, "notification_setting_cannot_be_duplicate",
				"A notification setting with the same destination and configuration already exists.")
		}
		if other.Active {
			others++
		}
	}
	if s.Active && others >= settingsMax {
		return settingError(http.StatusBadRequest, "notification_maximum_active_settings_reached",
			"The maximum number of active notification settings is reached.")
	}
	return nil
}

// subscription makes event types of their names, each once.
func subscription(names json.RawMessage) json.RawMessage {
	var given []string
	_ = json.Unmarshal(names, &given) // its shape was checked
	types := []EventType{}
	for _, name := range given {
		t, known := eventType(name)
		if known && !slices.ContainsFunc(types, func(other EventType) bool { return other.Name == name }) {
			types = append(types, t)
		}
	}
	return json.RawMessage(jsonText(types))
}

// newSecret makes a secret as Paddle's are: pdl_ntfset_, the id without its prefix, and 32 letters or digits.
func newSecret(id string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	noise := make([]byte, 32)
	_, _ = rand.Read(noise) // never fails
	for i, b := range noise {
		noise[i] = letters[int(b)%len(letters)]
	}
	return "pdl_" + id + "_" + string(noise)
}

func (c *call) setting() (*Setting, *apiError) {
	s := c.settingByID[c.id]
	if s == nil {
		return nil, notFound(c.id)
	}
	return s, nil
}

func (c *call) getSetting() (any, *apiError) { return c.setting() }

func (c *call) updateSetting() (any, *apiError) {
	old, err := c.setting()
	if err != nil {
		return nil, err
	}
	s, err := c.changedSetting(old, settingChanges)
	if err != nil {
		return nil, err
	}
	*old = *s
	return old, nil
}

func (c *call) deleteSetting() (any, *apiError) {
	s, err := c.setting()
	if err != nil {
		return nil, err
	}
	c.settings = slices.DeleteFunc(c.settings, func(other *Setting) bool { return other == s })
	delete(c.settingByID, s.ID)
	c.forget(s.ID)
	return struct{}{}, nil
}

func (c *call) listSettings() (any, *apiError) {
	activity, err := c.filter("active", []string{"false", "true"})
	if err != nil {
		return nil, err
	}
	sources, err := c.filter("traffic_source", trafficSources)
	if err != nil {
		return nil, err
	}
	found, at, err := paged(c, c.settings, c.settingByID, byKey[*Setting](), largestPage, func(s *Setting) bool {
		return activity.has(jsonText(s.Active)) && sources.has(s.TrafficSource)
	})
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}

func anys[T any](rows []T) []any {
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out
}

// EventType is a type of event on the wire.
type EventType struct {
	Name              string `json:"name"`
	Description       string `json:"description"`
	Group             string `json:"group"`
	AvailableVersions []int  `json:"available_versions"`
}

// eventTypes are those of Paddle's OpenAPI description.
var eventTypes = typesOf(`
address.created address.imported address.updated adjustment.created adjustment.updated api_key.created api_key.expired
api_key.expiring api_key.revoked api_key.updated business.created business.imported business.updated customer.created
customer.imported customer.updated discount.created discount.imported discount.updated payment_method.deleted
payment_method.saved payout.created payout.paid price.created price.imported price.updated product.created
product.imported product.updated report.created report.updated subscription.activated subscription.canceled
subscription.created subscription.imported subscription.past_due subscription.paused subscription.resumed
subscription.trialing subscription.updated transaction.billed transaction.canceled transaction.completed
transaction.created transaction.paid transaction.past_due transaction.payment_failed transaction.ready
transaction.revised transaction.updated`)

// laterEventTypes are those that Paddle's SDKs know besides.
var laterEventTypes = typesOf(
	`client_token.created client_token.revoked client_token.updated discount_group.created discount_group.updated`)

func typesOf(names string) []EventType {
	var out []EventType
	for name := range strings.FieldsSeq(names) {
		noun, verb, _ := strings.Cut(name, ".")
		words := strings.ReplaceAll(noun, "_", " ")
		out = append(out, EventType{
			Name: name, Group: strings.ToUpper(words[:1]) + words[1:], AvailableVersions: []int{1},
			Description: "Occurs when a " + words + " is or becomes " + strings.ReplaceAll(verb, "_", " ") + ".",
		})
	}
	return out
}

// eventType is the event type of that name.
func eventType(name string) (EventType, bool) {
	for _, t := range slices.Concat(eventTypes, laterEventTypes) {
		if t.Name == name {
			return t, true
		}
	}
	return EventType{}, false
}

func (c *call) listEventTypes() (any, *apiError) { return eventTypes, nil }
