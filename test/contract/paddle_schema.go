package contract

import (
	"bytes"
	"compress/gzip"
	_ "embed" // Paddle's description
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed paddle-openapi-2025-05-27.json.gz
var paddleOpenAPI []byte

const jsonType = "application/json"

// PaddleSchemas validates requests and answers against Paddle's OpenAPI, version 1 as of 2025-05-27. Parameters and
// properties that it does not name are errors, and so are those of a request that it marks as read-only. All paths
// begin at the API's root: "/products", without the sandbox's prefix.
type PaddleSchemas struct {
	schemas Schemas
}

// Paddle loads the description.
var Paddle = sync.OnceValues(func() (*PaddleSchemas, error) {
	fail := func(err error) (*PaddleSchemas, error) { return nil, fmt.Errorf("load Paddle's OpenAPI: %w", err) }
	zipped, err := gzip.NewReader(bytes.NewReader(paddleOpenAPI))
	if err != nil {
		return fail(err)
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		return fail(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		return fail(err)
	}
	forgetReadOnly(raw)
	addEvents(raw)
	if text, err = json.Marshal(raw); err != nil {
		return fail(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return fail(err)
	}
	closed := map[*openapi3.Schema]bool{}
	for _, ref := range doc.Components.Schemas {
		closeAll(ref, closed)
	}
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			for _, answer := range operation.Responses.Map() {
				if content := answer.Value.Content[jsonType]; content != nil {
					closeAll(content.Schema, closed)
				}
			}
		}
	}
	return &PaddleSchemas{Schemas{doc: doc}}, nil
})

// forgetReadOnly takes the properties that no request may have out of the entities for requests: these refuse what
// they do not name. It works on the text because a property that refers to a schema loses its own marks when loaded.
func forgetReadOnly(raw map[string]any) {
	components, _ := raw["components"].(map[string]any)
	all, _ := components["schemas"].(map[string]any)
	for name, s := range all {
		if !strings.HasSuffix(name, "-create") && !strings.HasSuffix(name, "-update") {
			continue
		}
		schema, _ := s.(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		maps.DeleteFunc(properties, func(_ string, p any) bool {
			property, _ := p.(map[string]any)
			return property["readOnly"] == true
		})
	}
}

// laterEvents are those that Paddle has had since: the SDK of August 2025 knows them.
var laterEvents = []string{
	"client_token.created", "client_token.revoked", "client_token.updated", "discount_group.created",
	"discount_group.updated",
}

// addEvents lets requests and answers name the later events.
func addEvents(raw map[string]any) {
	components, _ := raw["components"].(map[string]any)
	all, _ := components["schemas"].(map[string]any)
	schema, _ := all["event_type_name"].(map[string]any)
	names, _ := schema["enum"].([]any)
	for _, name := range laterEvents {
		names = append(names, name)
	}
	schema["enum"] = names
}

// closeAll refuses properties that an object does not name, in everything that a schema reaches. What a schema
// combines of several becomes one, so that none of them refuses what another one names.
func closeAll(ref *openapi3.SchemaRef, done map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || done[ref.Value] {
		return
	}
	s := ref.Value
	done[s] = true
	if len(s.AllOf) > 0 && onlyObjects(s.AllOf) {
		for _, part := range s.AllOf {
			if s.Properties == nil {
				s.Properties = openapi3.Schemas{}
			}
			maps.Copy(s.Properties, part.Value.Properties)
			s.Required = append(s.Required, part.Value.Required...)
		}
		s.AllOf = nil
	}
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil && s.AdditionalProperties.Has == nil {
		no := false
		s.AdditionalProperties.Has = &no
	}
	within := slices.Concat(slices.Collect(maps.Values(s.Properties)), s.AnyOf, s.OneOf,
		openapi3.SchemaRefs{s.Items, s.AdditionalProperties.Schema})
	for _, next := range within {
		closeAll(next, done)
	}
}

func onlyObjects(parts openapi3.SchemaRefs) bool {
	return !slices.ContainsFunc(parts, func(p *openapi3.SchemaRef) bool {
		return len(p.Value.Properties) == 0 || len(p.Value.OneOf)+len(p.Value.AnyOf)+len(p.Value.AllOf) > 0
	})
}

// Request validates a request: its path, its headers, the parameters of its URL, and its body.
func (s *PaddleSchemas) Request(method string, at *url.URL, header http.Header, body []byte) error {
	_, operation := s.schemas.operation(method, at.Path)
	if operation == nil {
		return fmt.Errorf("Paddle has no operation %s %s", method, at.Path)
	}
	all := []error{s.query(operation, at), paddleHeaders(header, body)}
	switch content := requestBody(operation); {
	case content == nil && len(body) > 0:
		all = append(all, errors.New("the operation takes no body"))
	case content != nil:
		all = append(all, s.schemas.validate(content.Schema, body))
	}
	return errors.Join(all...)
}

func requestBody(operation *openapi3.Operation) *openapi3.MediaType {
	if operation.RequestBody == nil {
		return nil
	}
	return operation.RequestBody.Value.Content[jsonType]
}

func paddleHeaders(header http.Header, body []byte) error {
	var all []error
	if key, found := strings.CutPrefix(header.Get("Authorization"), "Bearer "); !found || key == "" {
		all = append(all, errors.New("header Authorization is no bearer token"))
	}
	if v := header.Get("Paddle-Version"); v != "1" {
		all = append(all, fmt.Errorf("header Paddle-Version is %q, want 1: otherwise the account's default counts", v))
	}
	if kind := header.Get("Content-Type"); len(body) > 0 && !strings.HasPrefix(kind, jsonType) {
		all = append(all, fmt.Errorf("header Content-Type is %q", kind))
	}
	return errors.Join(all...)
}

// query validates the parameters of a URL. Lists are comma-separated; a parameter that comes twice is an error.
func (s *PaddleSchemas) query(operation *openapi3.Operation, at *url.URL) error {
	given, err := url.ParseQuery(at.RawQuery)
	if err != nil {
		return fmt.Errorf("parse the query: %w", err)
	}
	values := map[string]any{}
	for name, texts := range given {
		if len(texts) > 1 {
			return fmt.Errorf("query parameter %s comes %d times; its values need commas", name, len(texts))
		}
		values[name] = texts[0]
		p := operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
		if p == nil {
			continue // refused below
		}
		switch kind := p.Schema.Value.Type; {
		case kind.Is("array"):
			values[name] = strings.Split(texts[0], ",")
		case kind.Is("integer"):
			if n, err := strconv.Atoi(texts[0]); err == nil {
				values[name] = n
			}
		case kind.Is("boolean"):
			if b, err := strconv.ParseBool(texts[0]); err == nil {
				values[name] = b
			}
		}
	}
	body, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return s.schemas.validate(&openapi3.SchemaRef{Value: parameters(operation)}, body)
}

// Response validates the answer to an operation, its status included.
func (s *PaddleSchemas) Response(method, path string, status int, body []byte) error {
	if status >= http.StatusBadRequest {
		return s.schemas.validate(s.schemas.doc.Components.Schemas["error"], body)
	}
	_, operation := s.schemas.operation(method, path)
	if operation == nil {
		return fmt.Errorf("Paddle has no operation %s %s", method, path)
	}
	answer := operation.Responses.Value(strconv.Itoa(status))
	if answer == nil {
		return fmt.Errorf("%s %s has no answer %d", method, path, status)
	}
	content := answer.Value.Content[jsonType]
	switch {
	case content != nil:
		return s.schemas.validate(content.Schema, body)
	case len(body) > 0:
		return fmt.Errorf("the answer %d to %s %s has no body", status, method, path)
	}
	return nil
}

// Properties are the names that an entity of the description has, such as "price", sorted.
func (s *PaddleSchemas) Properties(entity string) []string {
	schema := s.schemas.doc.Components.Schemas[entity]
	if schema == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(schema.Value.Properties))
}

// Template is the path as the description has it, such as "/prices/{price_id}", or "" where it has no such operation.
func (s *PaddleSchemas) Template(method, path string) string {
	template, _ := s.schemas.operation(method, path)
	return template
}

// Event validates a notification's body by the schema of its event type, such as "price.updated".
func (s *PaddleSchemas) Event(kind string, body []byte) error {
	schema := s.schemas.doc.Components.Schemas[kind]
	if schema == nil {
		return fmt.Errorf("Paddle has no event %s", kind)
	}
	return s.schemas.validate(schema, body)
}

// Lacking are the properties of an event's data that a body does not have, sorted.
func (s *PaddleSchemas) Lacking(kind string, body []byte) []string {
	var event struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	schema := s.schemas.doc.Components.Schemas[kind]
	if json.Unmarshal(body, &event) != nil || schema == nil {
		return nil
	}
	data := schema.Value.Properties["data"]
	for _, part := range schema.Value.AllOf {
		if data == nil {
			data = part.Value.Properties["data"]
		}
	}
	var out []string
	for name := range data.Value.Properties {
		if _, has := event.Data[name]; !has {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
