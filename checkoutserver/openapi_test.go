package checkoutserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	schemas "github.com/kassa-dev/kassa/docs/schemas"
)

// contract is the OpenAPI document; its schemas are JSON schemas of the draft 2020-12.
var contract = sync.OnceValue(func() map[string]any {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.CheckoutOpenAPI))
	if err != nil {
		panic(err)
	}
	return doc.(map[string]any)
})

var compiled sync.Map // pointer: *jsonschema.Schema

// schemaAt compiles what a JSON pointer into the document points at.
func schemaAt(t testing.TB, pointer string) *jsonschema.Schema {
	t.Helper()
	if s, ok := compiled.Load(pointer); ok {
		return s.(*jsonschema.Schema)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", contract()); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	compiled.Store(pointer, s)
	return s
}

// operation finds the document's path and operation of a request.
func operation(method, path string) (pattern string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	for pattern, item := range contract()["paths"].(map[string]any) {
		want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
		if len(want) != len(got) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == got[i] || strings.HasPrefix(want[i], "{"))
		}
		if same {
			op, _ := item.(map[string]any)[strings.ToLower(method)].(map[string]any)
			return pattern, op
		}
	}
	return "", nil
}

// conforms holds an answer against the document: its status is named there, and its body has the schema.
func conforms(t testing.TB, method, path string, r reply) {
	t.Helper()
	if r.body == "" {
		return // a preflight
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(r.body))
	if err != nil {
		t.Fatalf("%s %s: %d is no JSON: %s", method, path, r.status, r.body)
	}
	pattern, op := operation(method, path)
	if op == nil {
		if err := schemaAt(t, "/components/schemas/Problem").Validate(body); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return
	}
	status := strconv.Itoa(r.status)
	response, ok := op["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		t.Fatalf("%s %s: the document has no answer %s: %s", method, pattern, status, r.body)
	}
	pointer := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(pattern) + "/" +
		strings.ToLower(method) + "/responses/" + status
	kind := "application/json"
	if ref, is := response["$ref"].(string); is {
		pointer, kind = strings.TrimPrefix(ref, "#"), "application/problem+json"
	}
	if got := r.header.Get("Content-Type"); got != kind {
		t.Fatalf("%s %s: %d is %s, want %s", method, path, r.status, got, kind)
	}
	pointer += "/content/" + strings.ReplaceAll(kind, "/", "~1") + "/schema"
	if err := schemaAt(t, pointer).Validate(body); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, r.body)
	}
	if r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests {
		if n, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || n < 1 {
			t.Fatalf("%s %s: %d without Retry-After", method, path, r.status)
		}
	}
}

func TestDocumentHasExactlyTheRoutes(t *testing.T) {
	g := NewWithT(t)
	var served, written []string
	for path, actions := range newShop(t).server.routes() {
		for method := range actions {
			served = append(served, method+" "+path)
		}
	}
	for path, item := range contract()["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	g.Expect(served).To(ConsistOf(written))
}

func TestDocumentIsServed(t *testing.T) {
	g := NewWithT(t)
	r := newShop(t).send(http.MethodGet, "/openapi.json", "")
	g.Expect(r.status).To(Equal(200))
	g.Expect(r.body).To(Equal(string(schemas.CheckoutOpenAPI)))
	var doc struct{ OpenAPI string }
	g.Expect(json.Unmarshal([]byte(r.body), &doc)).To(Succeed())
	g.Expect(doc.OpenAPI).To(Equal("3.1.0"))
}

// What the server refuses, the document's schema of the body has to refuse too, and the other way round.
func TestDocumentAgreesOnBodies(t *testing.T) {
	s := newShop(t)
	purchases := schemaAt(t, "/components/schemas/Purchase")
	for body, good := range map[string]bool{
		`{"plan":"pro","price":"monthly"}`:                  true,
		`{"plan":"pro","price":"monthly","quantity":10000}`: true,
		`{"plan":"pro","price":"monthly","quantity":10001}`: false,
		`{"plan":"pro","price":"monthly","quantity":0}`:     false,
		`{"plan":"pro","price":"monthly","quantity":"1"}`:   false,
		`{"plan":"pro","price":"monthly","quantity":1.0}`:   true,
		`{"plan":"pro","price":"monthly","quantity":1e2}`:   true,
		`{"plan":"pro","price":"monthly","quantity":1.5}`:   false,
		`{"plan":"pro","price":"monthly","quantity":null}`:  false,
		`{"plan":"pro","price":"monthly","email":null}`:     false,
		`{"plan":"pro","price":"monthly","metadata":null}`:  false,
		`{"plan":"pro","price":"monthly","amount":1}`:       false,
		`{"plan":"pro"}`:                false,
		`{"plan":"","price":"monthly"}`: false,
		`{"plan":"pro","price":"monthly","metadata":{"a b":"c"}}`:                                 false,
		`{"plan":"pro","price":"monthly","metadata":{"order":"7"}}`:                               true,
		`{"plan":"pro","price":"monthly","metadata":{"order":7}}`:                                 false,
		`{"plan":"pro","price":"monthly","metadata":{"a":null}}`:                                  false,
		`{"plan":"pro","price":"monthly","metadata":{"a":"` + strings.Repeat("é", 500) + `"}}`:    true,
		`{"plan":"pro","price":"monthly","metadata":{"a":"` + strings.Repeat("é", 501) + `"}}`:    false,
		`{"plan":"pro","price":"monthly","email":"` + strings.Repeat("é", 242) + `@example.com"}`: true,
		`{"plan":"pro","price":"monthly","email":"` + strings.Repeat("é", 243) + `@example.com"}`: false,
		`[]`: false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := purchases.Validate(value); (err == nil) != good {
			t.Errorf("document on %s: %v", body, err)
		}
		if r := s.as("u1", http.MethodPost, "/v1/checkouts", body); (r.status == 201) != good {
			t.Errorf("server on %s: %d %s", body, r.status, r.body)
		}
	}
}
