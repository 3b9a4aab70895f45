package stripe

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// kind is the type of a parameter.
type kind int

const (
	text kind = iota
	integer
	boolean
	decimal  // a decimal number in text, at most 12 decimals
	list     // of param.item
	hash     // with param.fields
	mapping  // free names, each a param.item
	metadata // free names with text
	link     // an absolute http or https URL
	moments  // a time or a range of times, in Unix seconds
	whatever // accepted, not looked at
)

// param describes one parameter.
type param struct {
	kind     kind
	required bool
	// clearable: an empty text unsets the value.
	clearable bool
	max       int // characters of a text, elements of a list; 0 is Stripe's general limit
	min       int // lowest integer, when bounded
	bounded   bool
	enum      []string
	fields    schema
	item      *param
}

type schema map[string]param

// params are the checked values of a request: string, int64, bool, []any, params, or unset{}.
type params map[string]any

// unset is the value of a clearable parameter that was given empty.
type unset struct{}

func (p params) has(name string) bool { _, ok := p[name]; return ok }

func (p params) text(name string) string   { v, _ := p[name].(string); return v }
func (p params) integer(name string) int64 { v, _ := p[name].(int64); return v }
func (p params) boolean(name string) bool  { v, _ := p[name].(bool); return v }
func (p params) hash(name string) params   { v, _ := p[name].(params); return v }
func (p params) list(name string) []any    { v, _ := p[name].([]any); return v }

// orTrue is the boolean, or true when it is not given.
func (p params) orTrue(name string) bool { return !p.has(name) || p.boolean(name) }

// optional is the text, or nil when it is unset or not given.
func (p params) optional(name string) *string {
	if v, ok := p[name].(string); ok {
		return &v
	}
	return nil
}

func (p params) texts(name string) []string {
	out := []string{}
	for _, v := range p.list(name) {
		out = append(out, v.(string))
	}
	return out
}

const generalMax = 5000

var decimalPattern = regexp.MustCompile(`^-?\d{1,15}(\.\d{1,12})?$`)

// check reads the tree by the schema. Unknown parameters are an error, as everywhere at Stripe.
func check(n *node, s schema, prefix string) (params, *apiError) {
	out := params{}
	for _, name := range n.names {
		full := nested(prefix, name)
		p, ok := s[name]
		if !ok {
			return nil, invalid(full, "parameter_unknown", "Received unknown parameter: %s", full)
		}
		v, err := read(n.children[name], p, full)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	for name, p := range s {
		if p.required && !out.has(name) {
			return nil, parameterMissing(nested(prefix, name))
		}
	}
	return out, nil
}

func parameterMissing(name string) *apiError {
	return invalid(name, "parameter_missing", "Missing required param: %s.", name)
}

func nested(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

func read(n *node, p param, name string) (any, *apiError) {
	if p.kind == whatever {
		return n.value, nil
	}
	if p.kind == moments {
		return readSpan(n, name)
	}
	if n.leaf && n.value == "" && p.kind != boolean {
		if p.clearable {
			return unset{}, nil
		}
		return nil, invalid(name, "parameter_invalid_empty", "You passed an empty string for '%s'. We assume empty "+
			"values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from "+
			"your request or supply a non-empty value.", name, name, name)
	}
	switch p.kind {
	case list, hash, mapping, metadata:
		if n.leaf {
			return nil, invalid(name, "", "Invalid %s: expected an object or array, but got a value.", name)
		}
		return readBranch(n, p, name)
	default:
		if !n.leaf {
			return nil, invalid(name, "", "Invalid string: the parameter %s must be a value.", name)
		}
		return readLeaf(n.value, p, name)
	}
}

func readBranch(n *node, p param, name string) (any, *apiError) {
	switch p.kind {
	case hash:
		return check(n, p.fields, name)
	case metadata:
		return readMetadata(n, name)
	case mapping:
		out := params{}
		for _, key := range n.names {
			v, err := read(n.children[key], *p.item, nested(name, key))
			if err != nil {
				return nil, err
			}
			out[key] = v
		}
		return out, nil
	default:
		if p.max > 0 && len(n.names) > p.max {
			return nil, invalid(name, "", "Array too long: %s may have at most %d elements.", name, p.max)
		}
		names := slices.Clone(n.names)
		slices.SortStableFunc(names, func(a, b string) int { return position(a) - position(b) })
		out := []any{}
		for i, key := range names {
			if position(key) == math.MaxInt32 && !strings.HasPrefix(key, "[]") {
				return nil, invalid(name, "", "Invalid array: %s has the key %s.", name, key)
			}
			v, err := read(n.children[key], *p.item, nested(name, strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
}

func position(key string) int {
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < math.MaxInt32 {
		return i
	}
	return math.MaxInt32
}

func readLeaf(value string, p param, name string) (any, *apiError) {
	switch p.kind {
	case integer:
		v, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, invalid(name, "parameter_invalid_integer", "Invalid integer: %s", value)
		}
		if p.bounded && v < int64(p.min) {
			return nil, invalid(name, "parameter_invalid_integer",
				"This value must be greater than or equal to %d.", p.min)
		}
		return v, nil
	case boolean:
		switch value {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, invalid(name, "", "Invalid boolean: %s", value)
	case decimal:
		if !decimalPattern.MatchString(value) {
			return nil, invalid(name, "", "Invalid decimal: %s; must contain at maximum twelve decimal places.", value)
		}
		return value, nil
	case link:
		if !webURL(value) {
			return nil, invalid(name, "url_invalid", "Not a valid URL")
		}
		return value, nil
	}
	if len(p.enum) > 0 && !slices.Contains(p.enum, value) {
		return nil, invalid(name, "", "Invalid %s: must be one of %s", name, alternatives(p.enum))
	}
	limit := p.max
	if limit == 0 {
		limit = generalMax
	}
	if n := len([]rune(value)); n > limit {
		return nil, invalid(name, "", "Invalid string: %s…; must be at most %d characters", value[:min(10, len(value))],
			limit)
	}
	return value, nil
}

func alternatives(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + ", or " + values[last]
}

// Stripe's limits of metadata.
const (
	metadataKeys     = 50
	metadataKeyMax   = 40
	metadataValueMax = 500
)

func readMetadata(n *node, name string) (any, *apiError) {
	out := params{}
	for _, key := range n.names {
		full := nested(name, key)
		value := n.children[key]
		switch {
		case !value.leaf:
			return nil, invalid(full, "", "Metadata values must be strings.")
		case len([]rune(key)) > metadataKeyMax:
			return nil, invalid(full, "", "Metadata keys can have up to %d characters, but you passed in a key that is %d "+
				"characters. Invalid key: %s", metadataKeyMax, len([]rune(key)), key)
		case len([]rune(value.value)) > metadataValueMax:
			return nil, invalid(full, "", "Metadata values can have up to %d characters, but you passed in a value that is "+
				"%d characters. Invalid value: %s", metadataValueMax, len([]rune(value.value)), value.value)
		}
		out[key] = value.value
	}
	return out, nil
}

// mergeMetadata applies a metadata parameter: a text sets its key, an empty one removes it, and an empty
// parameter removes all. The given map stays as it is.
func mergeMetadata(old map[string]string, p params) (map[string]string, *apiError) {
	out := map[string]string{}
	if _, all := p["metadata"].(unset); all {
		return out, nil
	}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range p.hash("metadata") {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v.(string)
		}
	}
	if len(out) > metadataKeys {
		return nil, refused("metadata", "", "Metadata can only have up to %d keys, but this would make %d.", metadataKeys,
			len(out))
	}
	return out, nil
}
