package stripe

import (
	"net/http"
	"slices"
	"strings"
)

// endpointMax is how many webhook endpoints an account and mode can have.
const endpointMax = 16

var endpointEvents = param{kind: list, item: &param{kind: text, enum: append([]string{"*"}, eventNames...)}}

var endpointCreate = schema{
	"api_version":    {kind: text, enum: slices.Concat(apiVersions, laterVersions)},
	"connect":        {kind: boolean},
	"description":    {kind: text, clearable: true},
	"enabled_events": required(endpointEvents),
	"metadata":       {kind: metadata, clearable: true},
	"url":            {kind: link, required: true},
}

var endpointUpdate = schema{
	"description":    {kind: text, clearable: true},
	"disabled":       {kind: boolean},
	"enabled_events": endpointEvents,
	"metadata":       {kind: metadata, clearable: true},
	"url":            {kind: link},
}

func required(p param) param {
	p.required = true
	return p
}

func createEndpoint(c *call) (any, *apiError) {
	if len(c.endpoints.rows) >= endpointMax {
		return nil, refused("", "", "You have reached the maximum of %d %s webhook endpoints.", endpointMax, c.modeName())
	}
	e := &WebhookEndpoint{
		ID: newID("we"), Object: "webhook_endpoint", APIVersion: c.p.optional("api_version"), Created: c.now().Unix(),
		Livemode: c.live, Status: "enabled", Secret: "whsec_" + random(32), connect: c.p.boolean("connect"),
	}
	if err := c.applyEndpoint(e); err != nil {
		return nil, err
	}
	e.seq = c.next()
	c.endpoints.insert(e)
	shown := objectOf(e)
	shown["secret"] = e.Secret
	return shown, nil
}

func (c *call) applyEndpoint(e *WebhookEndpoint) *apiError {
	if c.p.has("url") {
		target := c.p.text("url")
		if c.live && !strings.HasPrefix(target, "https://") {
			return invalid("url", "url_invalid", "Invalid URL: URL must be HTTPS in live mode.")
		}
		e.URL = target
	}
	meta, err := mergeMetadata(e.Metadata, c.p)
	if err != nil {
		return err
	}
	e.Metadata = meta
	if c.p.has("description") {
		e.Description = c.p.optional("description")
	}
	if c.p.has("enabled_events") {
		e.EnabledEvents = nil
		for _, name := range c.p.texts("enabled_events") {
			if !slices.Contains(e.EnabledEvents, name) {
				e.EnabledEvents = append(e.EnabledEvents, name)
			}
		}
		if len(e.EnabledEvents) == 0 {
			return parameterMissing("enabled_events")
		}
	}
	return nil
}

func (c *call) endpoint() (*WebhookEndpoint, *apiError) {
	e, ok := c.endpoints.byID[c.id]
	if !ok {
		return nil, missing(http.StatusNotFound, "", "webhook endpoint", c.id)
	}
	return e, nil
}

func getEndpoint(c *call) (any, *apiError) {
	e, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	return e, nil
}

func updateEndpoint(c *call) (any, *apiError) {
	e, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	next := e.copy()
	if err := c.applyEndpoint(&next); err != nil {
		return nil, err
	}
	if c.p.has("disabled") {
		next.Status = "enabled"
		if c.p.boolean("disabled") {
			next.Status = "disabled"
		}
	}
	*e = next
	return e, nil
}

func deleteEndpoint(c *call) (any, *apiError) {
	e, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	c.endpoints.remove(e)
	return object{"id": e.ID, "object": "webhook_endpoint", "deleted": true}, nil
}

func listEndpoints(c *call) (any, *apiError) {
	rows, more, err := page(c.endpoints, c.endpoints.rows, c.p, "webhook endpoint",
		func(*WebhookEndpoint) bool { return true })
	if err != nil {
		return nil, err
	}
	return listOf("/v1/webhook_endpoints", rows, more), nil
}

func (a *account) modeName() string {
	if a.live {
		return "live"
	}
	return "test"
}
