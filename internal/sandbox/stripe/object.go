package stripe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// object is a JSON object. It is written as Stripe writes its objects: id, object, then the rest by name.
type object map[string]any

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	names := slices.Sorted(maps.Keys(o))
	for _, first := range []string{"object", "id"} {
		if i := slices.Index(names, first); i >= 0 {
			names = slices.Insert(slices.Delete(names, i, i+1), 0, first)
		}
	}
	for i, name := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		value := o[name]
		if m, ok := value.(map[string]any); ok {
			value = object(m)
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(text)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encode writes JSON as Stripe sends it: indented by two spaces, with < and > as they are.
func encode(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		// Every value comes from this package, so a failure is a mistake in it.
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return out.Bytes()
}

// objectOf is the wire form of any of the package's types.
func objectOf(v any) object {
	if o, ok := v.(object); ok {
		return o.clone()
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	out := object{}
	if err := dec.Decode(&out); err != nil {
		panic(fmt.Sprintf("decode %T: %v", v, err))
	}
	return out
}

func (o object) text(name string) string  { v, _ := o[name].(string); return v }
func (o object) number(name string) int64 { v, _ := o[name].(int64); return v }

func (o object) clone() object { return cloneValue(o).(object) }

func cloneValue(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, e := range v {
			out[k] = cloneValue(e)
		}
		return out
	case map[string]any:
		return map[string]any(cloneValue(object(v)).(object))
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = cloneValue(e)
		}
		return out
	default:
		return v // texts, numbers and the maps of text, which are never changed in place
	}
}

// difference is an event's previous_attributes: the old values of what changed, and null for what is new.
func difference(before, after object) object {
	out := object{}
	for name := range maps.Keys(after) {
		if _, had := before[name]; !had {
			out[name] = nil
		}
	}
	for name, old := range before {
		now := after[name]
		if reflect.DeepEqual(old, now) {
			continue
		}
		oldMap, nowMap := asObject(old), asObject(now)
		if oldMap != nil && nowMap != nil {
			out[name] = difference(oldMap, nowMap)
			continue
		}
		out[name] = old
	}
	return out
}

func asObject(v any) object {
	switch v := v.(type) {
	case object:
		return v
	case map[string]any:
		return v
	case map[string]string:
		out := object{}
		for k, e := range v {
			out[k] = e
		}
		return out
	default:
		return nil
	}
}
