package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// Schemas validates requests and JSON against Stripe's OpenAPI. Parameters and properties that it does not name are
// errors.
type Schemas struct {
	doc  *openapi3.T
	spec *spec.Spec // the same, for stripe-mock's functions
}

// undeclared are properties that Stripe sends although its description of this version lacks them.
var undeclared = map[string][]string{
	"recurring": {"trial_period_days"},
}

// StripeSchemas loads the description.
var StripeSchemas = sync.OnceValues(func() (*Schemas, error) {
	doc, err := openapi3.NewLoader().LoadFromData(embedded.OpenAPISpec)
	if err != nil {
		return nil, fmt.Errorf("load Stripe's OpenAPI: %w", err)
	}
	for name, ref := range doc.Components.Schemas {
		closeObject(ref.Value)
		for _, property := range undeclared[name] {
			ref.Value.Properties[property] = openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true})
		}
	}
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			for _, parameter := range parameters(operation).Properties {
				closeObject(parameter.Value)
			}
		}
	}
	own, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, fmt.Errorf("load Stripe's OpenAPI: %w", err)
	}
	return &Schemas{doc, own}, nil
})

// closeObject refuses properties that an object does not name, and those of the objects written out within it.
func closeObject(s *openapi3.Schema) {
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil {
		no := false
		s.AdditionalProperties.Has = &no
	}
	within := slices.Concat(slices.Collect(maps.Values(s.Properties)), s.AnyOf,
		openapi3.SchemaRefs{s.Items, s.AdditionalProperties.Schema})
	for _, ref := range within {
		if ref != nil && ref.Ref == "" {
			closeObject(ref.Value)
		}
	}
}

// Response validates the answer to an operation.
func (s *Schemas) Response(method, path string, status int, body []byte) error {
	if status >= http.StatusBadRequest {
		return s.validate(s.doc.Components.Schemas["error"], body)
	}
	_, operation := s.operation(method, path)
	if operation == nil {
		return fmt.Errorf("Stripe has no operation %s %s", method, path)
	}
	answer := operation.Responses.Value("200")
	if answer == nil {
		return fmt.Errorf("%s %s has no answer 200", method, path)
	}
	return s.validate(answer.Value.Content["application/json"].Schema, body)
}

// Template is the path as the description has it, such as "/v1/prices/{price}", or "" where it has no such operation.
func (s *Schemas) Template(method, path string) string {
	template, _ := s.operation(method, path)
	return template
}

// Events are the names of the events that a webhook endpoint can subscribe to, sorted, without the wildcard.
func (s *Schemas) Events() []string {
	body := s.doc.Paths.Value("/v1/webhook_endpoints").Post.RequestBody.Value
	events := body.Content[formType].Schema.Value.Properties["enabled_events"].Value
	var names []string
	for _, name := range events.Items.Value.Enum {
		if name, ok := name.(string); ok && name != "*" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Object validates an object by the schema that its property "object" names.
func (s *Schemas) Object(body []byte) error {
	var named struct{ Object string }
	if err := json.Unmarshal(body, &named); err != nil {
		return err
	}
	schema := s.doc.Components.Schemas[named.Object]
	if schema == nil {
		return fmt.Errorf("Stripe has no object %q", named.Object)
	}
	return s.validate(schema, body)
}

func (s *Schemas) validate(schema *openapi3.SchemaRef, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	err := schema.Value.VisitJSON(value, openapi3.MultiErrors())
	var many openapi3.MultiError
	if !errors.As(err, &many) {
		return err
	}
	var lines []string
	for _, one := range many {
		var at *openapi3.SchemaError
		if errors.As(one, &at) {
			lines = append(lines, strings.Join(at.JSONPointer(), "/")+": "+at.Reason)
			continue
		}
		lines = append(lines, one.Error())
	}
	return errors.New(strings.Join(lines, "\n"))
}

// operation finds the path whose template fits; literal segments win over {parameters}.
func (s *Schemas) operation(method, path string) (name string, found *openapi3.Operation) {
	segments := strings.Split(path, "/")
	best := -1
	for template, item := range s.doc.Paths.Map() {
		parts := strings.Split(template, "/")
		operation := item.GetOperation(method)
		if len(parts) != len(segments) || operation == nil {
			continue
		}
		literal, fits := 0, true
		for i, part := range parts {
			switch {
			case strings.HasPrefix(part, "{"):
			case part == segments[i]:
				literal++
			default:
				fits = false
			}
		}
		if fits && literal > best {
			best, name, found = literal, template, operation
		}
	}
	return name, found
}
