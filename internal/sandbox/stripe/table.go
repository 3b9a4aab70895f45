package stripe

import (
	"cmp"
	"math"
	"net/http"
	"slices"
)

// record is anything that has an id and a place in the order of creation.
type record interface {
	comparable
	key() string
	order() int64
}

// table keeps records by id and in the order of creation.
type table[T record] struct {
	byID map[string]T
	rows []T
}

func newTable[T record]() *table[T] { return &table[T]{byID: map[string]T{}} }

func (t *table[T]) insert(r T) {
	t.byID[r.key()] = r
	t.rows = append(t.rows, r)
}

func (t *table[T]) remove(r T) {
	delete(t.byID, r.key())
	if i, found := place(t.rows, r.order()); found {
		t.rows = slices.Delete(t.rows, i, i+1)
	}
}

func place[T record](rows []T, order int64) (int, bool) {
	return slices.BinarySearchFunc(rows, order, func(r T, order int64) int { return cmp.Compare(r.order(), order) })
}

// paging are the parameters of every list.
var paging = schema{
	"limit":          {kind: integer},
	"starting_after": {kind: text},
	"ending_before":  {kind: text},
}

// listing adds the parameters of every list to a list's own.
func listing(own schema) schema {
	for name, p := range paging {
		own[name] = p
	}
	return own
}

const (
	defaultPage = 10
	largestPage = 100
)

// envelope is a page of a list on the wire.
type envelope struct {
	Object  string `json:"object"`
	Data    []any  `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
}

// page cuts a page out of rows, which are some of t's records, oldest first. A page is newest first.
func page[T record](t *table[T], rows []T, p params, noun string, match func(T) bool) (picked []T, more bool,
	err *apiError) {
	limit := defaultPage
	if p.has("limit") {
		limit = int(p.integer("limit"))
		if limit < 1 {
			return nil, false, invalid("limit", "parameter_invalid_integer",
				"This value must be greater than or equal to 1.")
		}
		if limit > largestPage {
			return nil, false, invalid("limit", "parameter_invalid_integer",
				"This value must be less than or equal to %d.", largestPage)
		}
	}
	after, before := p.text("starting_after"), p.text("ending_before")
	if after != "" && before != "" {
		return nil, false, invalid("", "", "You may only specify one of these parameters: starting_after, ending_before.")
	}
	cursor := func(param, id string) (int, *apiError) {
		r, ok := t.byID[id]
		if !ok {
			return 0, missing(http.StatusBadRequest, param, noun, id)
		}
		i, _ := place(rows, r.order())
		return i, nil
	}
	if before != "" {
		start, err := cursor("ending_before", before)
		if err != nil {
			return nil, false, err
		}
		if start < len(rows) && rows[start].key() == before {
			start++
		}
		for i := start; i < len(rows) && len(picked) <= limit; i++ {
			if match(rows[i]) {
				picked = append(picked, rows[i])
			}
		}
		picked, more = cut(picked, limit)
		slices.Reverse(picked)
		return picked, more, nil
	}
	start := len(rows)
	if after != "" {
		if start, err = cursor("starting_after", after); err != nil {
			return nil, false, err
		}
	}
	for i := start - 1; i >= 0 && len(picked) <= limit; i-- {
		if match(rows[i]) {
			picked = append(picked, rows[i])
		}
	}
	picked, more = cut(picked, limit)
	return picked, more, nil
}

func cut[T any](rows []T, limit int) ([]T, bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}

// listOf makes the wire form of a page.
func listOf[T any](url string, rows []T, more bool) *envelope {
	out := &envelope{Object: "list", Data: []any{}, HasMore: more, URL: url}
	for _, r := range rows {
		out.Data = append(out.Data, r)
	}
	return out
}

// span is a filter by time in Unix seconds, both ends included.
type span struct{ from, to int64 }

var spanFields = schema{
	"gt": {kind: integer}, "gte": {kind: integer}, "lt": {kind: integer}, "lte": {kind: integer},
}

// readSpan reads created=1, or created[gte]=1 and so on.
func readSpan(n *node, name string) (any, *apiError) {
	if n.leaf {
		v, err := readLeaf(n.value, param{kind: integer}, name)
		if err != nil {
			return nil, err
		}
		return span{v.(int64), v.(int64)}, nil
	}
	p, err := check(n, spanFields, name)
	if err != nil {
		return nil, err
	}
	s := everAfter
	for bound := range p {
		switch v := p.integer(bound); bound {
		case "gt":
			s.from = max(s.from, v+1)
		case "gte":
			s.from = max(s.from, v)
		case "lt":
			s.to = min(s.to, v-1)
		case "lte":
			s.to = min(s.to, v)
		}
	}
	return s, nil
}

var everAfter = span{0, math.MaxInt64}

// created is the filter by the time of creation, or one that lets everything through.
func (p params) created() span {
	if s, ok := p["created"].(span); ok {
		return s
	}
	return everAfter
}

func (s span) has(t int64) bool { return t >= s.from && t <= s.to }

// among makes a set of an id filter; nil means no filter.
func among(p params, name string) map[string]bool {
	if !p.has(name) {
		return nil
	}
	set := map[string]bool{}
	for _, id := range p.texts(name) {
		set[id] = true
	}
	return set
}
