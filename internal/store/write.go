package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/records"
)

// Queue adds statements to a batch that merge rows into those of the database: by the same rules as records.Rows.Merge,
// so that it does not matter which of both sees two events together. Every batch takes its locks in one order, of
// tables and in them of keys, so that batches of several replicas wait for each other and never in a circle.
func Queue(b *pgx.Batch, r records.Rows) {
	customers.queue(b, r.Customers)
	subscriptions.queue(b, r.Subscriptions)
	payments.queue(b, r.Payments)
	failures.queue(b, r.Failures)
	refunds.queue(b, r.Refunds)
	disputes.queue(b, r.Disputes)
}

// table is how rows of a kind are merged into the database.
type table[K comparable, V any] struct {
	columns []column[K, V]
	compare func(a, b K) int
	sql     string
}

func newTable[K comparable, V any](name string, compare func(a, b K) int, columns ...column[K, V]) table[K, V] {
	return table[K, V]{columns, compare, statement(name, columns)}
}

func (t *table[K, V]) queue(b *pgx.Batch, rows map[K]V) {
	if len(rows) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(rows), t.compare)
	arguments := make([]any, len(t.columns))
	for i, c := range t.columns {
		arguments[i] = c.values(keys, rows)
	}
	b.Queue(t.sql, arguments...)
}

// column is how a column is merged, and what rows have in it.
type column[K comparable, V any] struct {
	name   string
	kind   string // of the database
	merge  merge
	values func(keys []K, rows map[K]V) any // an array of the kind
}

// merge says which of two values a column gets: of what is there, t, and of what comes, excluded. Each of them is
// associative, commutative and idempotent.
type merge struct {
	// value is the SQL of the result and changes that of whether it is another one than what is there, with %s for the
	// column. A row that is as it should be is not written: an event that comes again costs no write.
	value, changes string
}

var (
	isKey   = merge{}
	always  = merge{value: "t.%s"} // every event that tells the row tells the same
	leastOf = merge{
		"LEAST(t.%[1]s, excluded.%[1]s)",
		"COALESCE(excluded.%[1]s < t.%[1]s, t.%[1]s IS NULL AND excluded.%[1]s IS NOT NULL)",
	}
	greatestOf = merge{"GREATEST(t.%[1]s, excluded.%[1]s)", "excluded.%[1]s > t.%[1]s"}
	// latestOf is greatestOf a column that may be NULL.
	latestOf = merge{
		"GREATEST(t.%[1]s, excluded.%[1]s)",
		"COALESCE(excluded.%[1]s > t.%[1]s, t.%[1]s IS NULL AND excluded.%[1]s IS NOT NULL)",
	}
)

// tied says whether events of the version's moment told different things in these columns. Of one event they tell none.
func tied(columns ...string) merge {
	newer, other := "excluded.version > t.version", "excluded.version <> t.version"
	moment := func(row string) string { return fmt.Sprintf("left(%s.version, %d)", row, records.MomentLength) }
	same := moment("excluded") + " = " + moment("t")
	list := func(row string) string { return "(" + row + "." + strings.Join(columns, ", "+row+".") + ")" }
	differs := "(excluded.%[1]s OR " + other + " AND " + list("excluded") + " IS DISTINCT FROM " + list("t") + ")"
	return merge{
		"CASE WHEN " + same + " THEN t.%[1]s OR " + differs + " WHEN " + newer + " THEN excluded.%[1]s ELSE t.%[1]s END",
		"NOT t.%[1]s AND " + same + " AND " + differs,
	}
}

// by is the value of the row whose version, a column, is the greatest.
func by(version string) merge {
	newer := "excluded." + version + " > t." + version
	return merge{"CASE WHEN " + newer + " THEN excluded.%[1]s ELSE t.%[1]s END", newer}
}

// statement merges rows, given as one array for each column.
func statement[K comparable, V any](table string, columns []column[K, V]) string {
	var names, arrays, keys, sets, changes []string
	for i, c := range columns {
		names = append(names, c.name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.kind))
		switch c.merge {
		case isKey:
			keys = append(keys, c.name)
		case always:
		default:
			sets = append(sets, c.name+" = "+fmt.Sprintf(c.merge.value, c.name))
			change := c.merge.changes
			if strings.Contains(change, "%") {
				change = fmt.Sprintf(change, c.name)
			}
			if !slices.Contains(changes, change) {
				changes = append(changes, change)
			}
		}
	}
	sql := fmt.Sprintf("INSERT INTO kassa.%s AS t (%s)\nSELECT * FROM unnest(%s)\nON CONFLICT (%s) DO ", table,
		strings.Join(names, ", "), strings.Join(arrays, ", "), strings.Join(keys, ", "))
	if len(sets) == 0 {
		return sql + "NOTHING"
	}
	return sql + "UPDATE SET " + strings.Join(sets, ",\n\t") + "\nWHERE " + strings.Join(changes, "\n\tOR ")
}

func of[K comparable, V, T any](name, kind string, m merge, value func(K, V) T) column[K, V] {
	return column[K, V]{name, kind, m, func(keys []K, rows map[K]V) any {
		out := make([]T, len(keys))
		for i, k := range keys {
			out[i] = value(k, rows[k])
		}
		return out
	}}
}

func text[K comparable, V any](name string, m merge, value func(K, V) string) column[K, V] {
	return of(name, "text", m, func(k K, v V) string { return Text(value(k, v)) })
}

// id is a text that is part of an index.
func id[K comparable, V any](name string, m merge, value func(K, V) string) column[K, V] {
	return of(name, "text", m, func(k K, v V) string { return ID(value(k, v)) })
}

func number[K comparable, V any](name string, m merge, value func(K, V) int64) column[K, V] {
	return of(name, "bigint", m, value)
}

// small is a number of 32 bits.
func small[K comparable, V any](name string, m merge, value func(K, V) int64) column[K, V] {
	return of(name, "integer", m, func(k K, v V) int32 { return integer(value(k, v)) })
}

// instant is NULL for the zero time.
func instant[K comparable, V any](name string, m merge, value func(K, V) time.Time) column[K, V] {
	return of(name, "timestamptz", m, func(k K, v V) *time.Time {
		if t := value(k, v); !t.IsZero() {
			t = Instant(t)
			return &t
		}
		return nil
	})
}

func compareAccounts(a, b records.Account) int {
	return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.ID, b.ID))
}
