package providertest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// tree is a JSON text taken apart, so that it can be put together in ways in which no encoder does.
type tree struct {
	root any
	// objects are all objects within, the root among them; places are where every value is.
	objects []map[string]any
	places  []place
}

// place is a member of an object or an element of an array.
type place struct {
	object map[string]any
	key    string
	array  []any
	index  int
}

func (p place) get() any {
	if p.object != nil {
		return p.object[p.key]
	}
	return p.array[p.index]
}

func (p place) set(v any) {
	if p.object != nil {
		p.object[p.key] = v
		return
	}
	p.array[p.index] = v
}

func takeApart(text []byte) (*tree, error) {
	t := &tree{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&t.root); err != nil {
		return nil, err
	}
	t.walk(t.root)
	return t, nil
}

func (t *tree) walk(v any) {
	switch v := v.(type) {
	case map[string]any:
		t.objects = append(t.objects, v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			t.places = append(t.places, place{object: v, key: k})
			t.walk(v[k])
		}
	case []any:
		for i := range v {
			t.places = append(t.places, place{array: v, index: i})
			t.walk(v[i])
		}
	}
}

// raw is JSON text as it is.
type raw string

// extra are members that one object gets besides its own, before them or after them.
type extra struct {
	object        map[string]any
	before, after []member
}

type member struct {
	key   string
	value any
}

func (t *tree) text(x extra) []byte {
	var out bytes.Buffer
	write(&out, t.root, x)
	return out.Bytes()
}

func write(out *bytes.Buffer, v any, x extra) {
	switch v := v.(type) {
	case raw:
		out.WriteString(string(v))
	case map[string]any:
		var all []member
		mine := x.object != nil && same(x.object, v)
		if mine {
			all = append(all, x.before...)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, member{k, v[k]})
		}
		if mine {
			all = append(all, x.after...)
		}
		out.WriteByte('{')
		for i, m := range all {
			if i > 0 {
				out.WriteByte(',')
			}
			writeScalar(out, m.key)
			out.WriteByte(':')
			write(out, m.value, x)
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			write(out, e, x)
		}
		out.WriteByte(']')
	default:
		writeScalar(out, v)
	}
}

func writeScalar(out *bytes.Buffer, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what was decoded can be encoded
	}
	out.Write(text)
}

// same says that two maps are one.
func same(a, b map[string]any) bool {
	const mark = "\x00mark"
	a[mark] = true
	_, found := b[mark]
	delete(a, mark)
	return found
}

// otherThan is another value of the same type.
func otherThan(v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case json.Number:
		return json.Number("424242")
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = otherThan(v[k])
		}
		return out
	case []any:
		return []any{}
	default:
		return "other"
	}
}

// oddValues are what a field is not expected to be.
func oddValues() []any {
	deep := raw(strings.Repeat(`[{"id":`, 100) + "1" + strings.Repeat("}]", 100))
	return []any{
		nil, true, json.Number("-1"), json.Number("1.5"), raw("1e400"), raw("99999999999999999999"),
		raw("-9223372036854775808"), "", "x", "\u0000\u2028é", raw(`"\ud800"`), strings.Repeat("long ", 10000),
		[]any{}, map[string]any{}, []any{nil, true, "x", []any{}, map[string]any{}},
		map[string]any{"id": map[string]any{}, "data": []any{nil}, "metadata": "x"}, deep,
	}
}
