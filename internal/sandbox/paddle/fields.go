package paddle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"unicode/utf8"
)

// check tells what is wrong with a value that is not null. Numbers are json.Number.
type check func(v any, at string) []fieldError

// field is a field that a request may have.
type field struct {
	required bool
	null     bool // null is allowed
	check    check
}

// shape is an object of which all fields are named.
type shape map[string]field

func wrong(at, format string, args ...any) []fieldError {
	return []fieldError{{Field: at, Message: fmt.Sprintf(format, args...)}}
}

// check implements check.
func (s shape) check(v any, at string) []fieldError {
	object, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "must be an object")
	}
	below := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	var found []fieldError
	for _, name := range slices.Sorted(maps.Keys(object)) {
		f, known := s[name]
		value := object[name]
		switch {
		case !known:
			found = append(found, wrong(below(name), "is not a known field")...)
		case value == nil && !f.null:
			found = append(found, wrong(below(name), "must not be null")...)
		case value != nil:
			found = append(found, f.check(value, below(name))...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, given := object[name]; s[name].required && !given {
			found = append(found, wrong(below(name), "must be provided as part of the request")...)
		}
	}
	return found
}

// optional is the shape without required fields.
func (s shape) optional() shape {
	out := shape{}
	for name, f := range s {
		f.required = false
		out[name] = f
	}
	return out
}

func text(least, most int) check {
	return func(v any, at string) []fieldError {
		s, ok := v.(string)
		n := utf8.RuneCountInString(s)
		switch {
		case !ok:
			return wrong(at, "must be a string")
		case n < least:
			return wrong(at, "minimum length of %d not reached. provided value length %d", least, n)
		case n > most:
			return wrong(at, "maximum length of %d exceeded. provided value length %d", most, n)
		}
		return nil
	}
}

func oneOf(values []string) check {
	return func(v any, at string) []fieldError {
		if s, ok := v.(string); !ok || !slices.Contains(values, s) {
			return wrong(at, "must be one of the values that the API reference lists")
		}
		return nil
	}
}

func matching(pattern, what string) check {
	re := regexp.MustCompile(pattern)
	return func(v any, at string) []fieldError {
		if s, ok := v.(string); !ok || !re.MatchString(s) {
			return wrong(at, "must be %s", what)
		}
		return nil
	}
}

// both tells what the first check finds, and otherwise what the second one finds.
func both(first, second check) check {
	return func(v any, at string) []fieldError {
		if found := first(v, at); len(found) > 0 {
			return found
		}
		return second(v, at)
	}
}

func integer(least, most int64) check {
	return func(v any, at string) []fieldError {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		if !ok || err != nil {
			return wrong(at, "must be an integer")
		}
		if i < least || i > most {
			return wrong(at, "must be from %d to %d", least, most)
		}
		return nil
	}
}

func object(v any, at string) []fieldError {
	if _, ok := v.(map[string]any); !ok {
		return wrong(at, "must be an object")
	}
	return nil
}

func image(v any, at string) []fieldError {
	s, ok := v.(string)
	if ok && s == "" {
		return nil
	}
	if u, err := url.Parse(s); !ok || err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return wrong(at, "must be a valid image")
	}
	return nil
}

func listOf(least, most int, each check) check {
	return func(v any, at string) []fieldError {
		items, ok := v.([]any)
		if !ok || len(items) < least || len(items) > most {
			return wrong(at, "must be a list of %d to %d", least, most)
		}
		var found []fieldError
		for i, item := range items {
			found = append(found, each(item, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return found
	}
}

// read checks the request's fields by the shape.
func (c *call) read(s shape) *apiError {
	values := map[string]any{}
	if len(c.body) > 0 {
		if err := decode(c.body, &values); err != nil {
			return invalidJSON()
		}
	}
	if found := s.check(values, ""); len(found) > 0 {
		return invalidFields(found...)
	}
	return nil
}

// overlay returns a copy of an object in which the fields have replaced the object's own as a whole.
func overlay[T any](current *T, fields map[string]json.RawMessage) (*T, *apiError) {
	all := map[string]json.RawMessage{}
	out := new(T)
	err := func() error {
		text, err := json.Marshal(current)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return err
		}
		maps.Copy(all, fields)
		if text, err = json.Marshal(all); err != nil {
			return err
		}
		return decode(text, out)
	}()
	if err != nil {
		return nil, invalidJSON()
	}
	return out, nil
}

// decode reads JSON with all digits of its numbers.
func decode(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(into)
}
