package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"
)

// Schemas validates JSON against Stripe's OpenAPI. Properties that it does not name are errors.
type Schemas struct {
	doc *openapi3.T
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
	return &Schemas{doc}, nil
})

// closeObject refuses properties that an object does not name, and those of the objects written out within it.
func closeObject(s *openapi3.Schema) {
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil {
		no := false
		s.AdditionalProperties.Has = &no
	}
	for _, ref := range s.Properties {
		if ref.Ref == "" {
			closeObject(ref.Value)
		}
	}
	if s.Items != nil && s.Items.Ref == "" {
		closeObject(s.Items.Value)
	}
}

// Response validates the answer to an operation.
func (s *Schemas) Response(method, path string, status int, body []byte) error {
	if status >= http.StatusBadRequest {
		return s.validate(s.doc.Components.Schemas["error"], body)
	}
	operation := s.operation(method, path)
	if operation == nil {
		return fmt.Errorf("Stripe has no operation %s %s", method, path)
	}
	answer := operation.Responses.Value("200")
	if answer == nil {
		return fmt.Errorf("%s %s has no answer 200", method, path)
	}
	return s.validate(answer.Value.Content["application/json"].Schema, body)
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
func (s *Schemas) operation(method, path string) *openapi3.Operation {
	segments := strings.Split(path, "/")
	best, found := -1, (*openapi3.Operation)(nil)
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
			best, found = literal, operation
		}
	}
	return found
}
