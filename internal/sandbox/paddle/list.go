package paddle

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPage = 50
	largestPage = 200
)

// row is an object that lists have.
type row interface {
	key() string
	createdAt() string
	state() string
	kind() string
}

// listing is a page of a list.
type listing struct {
	rows       []any
	pagination pagination
}

// listParameters are the names of a list's own query parameters and those of every list.
func listParameters(own ...string) []string { return append(own, "after", "order_by", "per_page") }

// readQuery reads the URL's parameters, each of which may come once; several values have commas between them.
func (c *call) readQuery(rt route) *apiError {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return badRequest("The query can't be read.")
	}
	var found []fieldError
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(rt.query, name):
			found = append(found, wrong(name, "is not a known query parameter")...)
		case len(values[name]) > 1:
			found = append(found, wrong(name, "must be given once, with commas between values")...)
		default:
			c.query[name] = values.Get(name)
		}
	}
	if len(found) > 0 {
		return invalidFields(found...)
	}
	return nil
}

// filter is a set of values that a list is narrowed to; nil lets everything through.
type filter []string

func (f filter) has(value string) bool { return f == nil || slices.Contains(f, value) }

// filter reads a parameter of comma-separated values; of allowed ones, unless that is nil.
func (c *call) filter(name string, allowed []string) (filter, *apiError) {
	given, ok := c.query[name]
	if !ok {
		return nil, nil
	}
	values := strings.Split(given, ",")
	for _, v := range values {
		if v == "" || (allowed != nil && !slices.Contains(allowed, v)) {
			return nil, invalidFields(wrong(name, "has a value that the API reference does not list")...)
		}
	}
	return values, nil
}

// include tells whether the request asks for the only related entity that there is.
func (c *call) include(name string) (bool, *apiError) {
	values, err := c.filter("include", []string{name})
	return values != nil, err
}

// shown tells whether a list shows an object that was created at its time.
func shown(r row, hidden time.Time) bool {
	if hidden.IsZero() {
		return true
	}
	created, err := time.Parse(time.RFC3339Nano, r.createdAt())
	return err != nil || !created.After(hidden)
}

// list cuts a page out of the catalogue's rows, which are in the order of their ids.
func list[T row](c *call, rows []T, byID map[string]T, orders map[string]func(T) string, match func(T) bool) (
	[]T, pagination, *apiError) {
	none := pagination{}
	ids, err := c.filter("id", nil)
	if err != nil {
		return nil, none, err
	}
	states, err := c.filter("status", statuses)
	if err != nil {
		return nil, none, err
	}
	if states == nil {
		states = filter{active}
	}
	kinds, err := c.filter("type", catalogTypes)
	if err != nil {
		return nil, none, err
	}
	if kinds == nil {
		kinds = filter{standard}
	}
	return paged(c, rows, byID, orders, defaultPage, func(r T) bool {
		return ids.has(r.key()) && states.has(r.state()) && kinds.has(r.kind()) && shown(r, c.hidden) && match(r)
	})
}

// identified is anything that has an id of Paddle's.
type identified interface {
	key() string
}

// paged cuts a page out of the rows that match; whole is how many a page has at most unless the request says.
func paged[T identified](c *call, rows []T, byID map[string]T, orders map[string]func(T) string, whole int,
	match func(T) bool) ([]T, pagination, *apiError) {
	none := pagination{}
	perPage, err := c.perPage(whole)
	if err != nil {
		return nil, none, err
	}
	compare, err := ordering(c.query["order_by"], orders)
	if err != nil {
		return nil, none, err
	}
	matched := []T{}
	for _, r := range rows {
		if match(r) {
			matched = append(matched, r)
		}
	}
	slices.SortFunc(matched, compare)
	rest := matched
	if after := c.query["after"]; after != "" {
		last, ok := byID[after]
		if !ok {
			return nil, none, invalidFields(wrong("after", "is not the ID of an entity")...)
		}
		rest = slices.DeleteFunc(slices.Clone(matched), func(r T) bool { return compare(r, last) <= 0 })
	}
	picked := rest[:min(perPage, len(rest))]
	end := c.query["after"]
	if len(picked) > 0 {
		end = picked[len(picked)-1].key()
	}
	return picked, pagination{
		PerPage: perPage, Next: c.next(end), HasMore: len(rest) > perPage, EstimatedTotal: len(matched),
	}, nil
}

// byKey is the only order of what is not of the catalogue.
func byKey[T identified]() map[string]func(T) string {
	return map[string]func(T) string{"id": func(r T) string { return r.key() }}
}

func (c *call) perPage(whole int) (int, *apiError) {
	given, ok := c.query["per_page"]
	if !ok {
		return whole, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		return 0, invalidFields(wrong("per_page", "must be an integer of at least 1")...)
	}
	return min(n, largestPage), nil
}

// ordering reads order_by, such as id[ASC]. Rows that are equal by the field are ordered by their ids.
func ordering[T identified](orderBy string, orders map[string]func(T) string) (func(a, b T) int, *apiError) {
	if orderBy == "" {
		orderBy = "id[DESC]"
	}
	name, direction, ok := strings.Cut(orderBy, "[")
	value := orders[name]
	if !ok || value == nil || (direction != "ASC]" && direction != "DESC]") {
		return nil, invalidFields(wrong("order_by", "must be a field that orders, with [ASC] or [DESC]")...)
	}
	sign := 1
	if direction == "DESC]" {
		sign = -1
	}
	return func(a, b T) int {
		if by := strings.Compare(value(a), value(b)); by != 0 {
			return sign * by
		}
		return sign * strings.Compare(a.key(), b.key())
	}, nil
}

// next is the URL of the page after the object of that id, below the address that the request came through.
func (c *call) next(after string) string {
	u := url.URL{Scheme: "http", Host: c.r.Host, Path: c.r.URL.Path}
	if c.r.TLS != nil {
		u.Scheme = "https"
	}
	// A prefix that was stripped on the way is still in the request's first line.
	if whole, err := url.ParseRequestURI(c.r.RequestURI); err == nil {
		u.Path = whole.Path
	}
	values := url.Values{}
	for name, value := range c.query {
		values.Set(name, value)
	}
	if after != "" {
		values.Set("after", after)
	}
	u.RawQuery = values.Encode()
	return u.String()
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
