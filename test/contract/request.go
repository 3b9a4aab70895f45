package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/param"
	"github.com/stripe/stripe-mock/param/coercer"
	"github.com/stripe/stripe-mock/spec"
)

const formType = "application/x-www-form-urlencoded"

// Request validates a request's parameters, those of the query and those of the body, which it reads. It is stricter
// than stripe-mock, which lets unknown parameters within others, such as recurring[colour], pass.
func (s *Schemas) Request(r *http.Request) error {
	template, operation := s.operation(r.Method, r.URL.Path)
	if operation == nil {
		return fmt.Errorf("Stripe has no operation %s %s", r.Method, r.URL.Path)
	}
	values, err := param.ParseParams(r)
	if err != nil {
		return fmt.Errorf("parse the parameters: %w", err)
	}
	// The types of parameters are known only to the schema: on the wire all are text.
	types, schema := s.types(template, r.Method), &openapi3.SchemaRef{Value: parameters(operation)}
	if types != nil {
		if err := coercer.CoerceParams(types, values); err != nil {
			return fmt.Errorf("read the parameters: %w", err)
		}
	}
	body, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return s.validate(schema, body)
}

// types is the schema of an operation's parameters, as stripe-mock's coercer takes it.
func (s *Schemas) types(template, method string) *spec.Schema {
	operation := s.spec.Paths[spec.Path(template)][spec.HTTPVerb(strings.ToLower(method))]
	if operation == nil {
		return nil
	}
	if operation.RequestBody == nil || method == http.MethodGet {
		return spec.BuildQuerySchema(operation)
	}
	return operation.RequestBody.Content[formType].Schema
}

// parameters is the schema of an operation's parameters.
func parameters(operation *openapi3.Operation) *openapi3.Schema {
	all := openapi3.NewObjectSchema()
	for _, p := range operation.Parameters {
		if p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		all.Properties[p.Value.Name] = p.Value.Schema
		if p.Value.Required {
			all.Required = append(all.Required, p.Value.Name)
		}
	}
	if operation.RequestBody != nil {
		if form := operation.RequestBody.Value.Content[formType]; form != nil {
			maps.Copy(all.Properties, form.Schema.Value.Properties)
			all.Required = append(all.Required, form.Schema.Value.Required...)
		}
	}
	no := false
	all.AdditionalProperties.Has = &no
	return all
}
