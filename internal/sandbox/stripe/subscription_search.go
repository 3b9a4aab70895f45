package stripe

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// searchClause is one condition of Stripe's search language. In a quoted text a backslash takes the meaning from the
// character that follows.
var searchClause = regexp.MustCompile(`^\s*(-?)(\w+)(?:\[(` + searchText + `)\])?(:|~|>=|<=|>|<)(` + searchText +
	`|[\w.-]+)\s*`)

const searchText = `"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`

var (
	searchEscape = regexp.MustCompile(`\\(.)`)
	searchWord   = regexp.MustCompile(`^(?i:(AND|OR)\s+)?`)
)

type condition struct {
	not                  bool
	field, key, op, text string
}

func unquote(text string) string {
	if strings.HasPrefix(text, `"`) || strings.HasPrefix(text, `'`) {
		text = text[1 : len(text)-1]
	}
	return searchEscape.ReplaceAllString(text, "$1")
}

// readQuery reads conditions that are all joined by AND, or all by OR.
func readQuery(query string) (all []condition, or bool, err *apiError) {
	joined := map[string]bool{}
	for rest := query; rest != ""; {
		m := searchClause.FindStringSubmatch(rest)
		if m == nil {
			return nil, false, invalid("query", "", "We were unable to parse your search query. Try using the format "+
				"`metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" to query for other fields.")
		}
		all = append(all, condition{not: m[1] != "", field: m[2], key: unquote(m[3]), op: m[4], text: unquote(m[5])})
		rest = rest[len(m[0]):]
		if word := searchWord.FindStringSubmatch(rest); rest != "" {
			joined[strings.ToUpper(firstOf(word[1], "AND"))] = true
			rest = rest[len(word[0]):]
		}
	}
	if joined["AND"] && joined["OR"] {
		return nil, false, invalid("query", "", "You can't combine AND and OR in the same query.")
	}
	return all, joined["OR"], nil
}

// matches compares without regard to case, as Stripe does.
func (q condition) matches(s *resource) (bool, *apiError) {
	var is string
	switch q.field {
	case "metadata":
		is = asObject(s.object["metadata"]).text(q.key)
	case "status":
		is = s.text("status")
	case "created":
		return q.compares(s.number("created")) != q.not, nil
	default:
		return false, invalid("query", "", "Field `%s` is an unsupported search field for resource `subscriptions`.", q.field)
	}
	found := strings.EqualFold(is, q.text)
	if q.op == "~" {
		found = strings.Contains(strings.ToLower(is), strings.ToLower(q.text))
	}
	return found != q.not, nil
}

func (q condition) compares(n int64) bool {
	to, err := strconv.ParseInt(q.text, 10, 64)
	if err != nil {
		return false
	}
	switch q.op {
	case ">":
		return n > to
	case ">=":
		return n >= to
	case "<":
		return n < to
	case "<=":
		return n <= to
	default:
		return n == to
	}
}

func searchSubscriptions(c *call) (any, *apiError) {
	conditions, or, err := readQuery(c.p.text("query"))
	if err != nil {
		return nil, err
	}
	t := c.table("subscription")
	found := []*resource{}
	for _, s := range slices.Backward(t.rows) {
		fits := !or
		for _, q := range conditions {
			one, err := q.matches(s)
			if err != nil {
				return nil, err
			}
			if fits = one; one == or {
				break
			}
		}
		if fits {
			found = append(found, s)
		}
	}
	return c.searchPage(found)
}

// searchPage cuts a page out of what was found. A page's token is where it begins.
func (c *call) searchPage(found []*resource) (any, *apiError) {
	limit := defaultPage
	if c.p.has("limit") {
		limit = int(c.p.integer("limit"))
	}
	if limit < 1 || limit > largestPage {
		return nil, invalid("limit", "parameter_invalid_integer", "This value must be between 1 and %d.", largestPage)
	}
	from := 0
	if c.p.has("page") {
		var err error
		if from, err = strconv.Atoi(c.p.text("page")); err != nil || from < 0 || from > len(found) {
			return nil, invalid("page", "", "Invalid page: %s", c.p.text("page"))
		}
	}
	rows, more := cut(found[from:], limit)
	out := object{
		"object": "search_result", "data": objectsOf(rows), "has_more": more, "next_page": nil,
		"url": "/v1/subscriptions/search",
	}
	if more {
		out["next_page"] = strconv.Itoa(from + limit)
	}
	return out, nil
}
