package soak

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
)

// neutral are Kassa's names of the statuses.
var neutral = []string{"Trialing", "Active", "PastDue"}

// expectRows judges what the database says: each event that was acknowledged once, and over, and of each subscription
// what its events tell together.
func (d *database) expectRows(t *testing.T, events int, from *sender) {
	t.Helper()
	g := NewWithT(t)
	wanted, subscriptions, customers := map[string]bool{}, map[string]bool{}, map[string]bool{}
	last := map[int]int{} // place of each subscription's latest event
	for n := range events {
		if from.history(n).acknowledged == 0 {
			continue
		}
		wanted[from.id(n)+" Processed"] = true
		of, place := subject(n)
		last[of] = max(last[of], place)
	}
	for of, place := range last {
		subscriptions[fmt.Sprintf("sub_%d cus_%d user_%d %s %d", of, of, of, neutral[place], from.happened(0))] = true
		customers[fmt.Sprintf("cus_%d user_%d", of, of)] = true
	}
	for _, c := range []struct {
		sql    string
		wanted map[string]bool
	}{
		{"SELECT event_id || ' ' || state FROM kassa.webhook_events", wanted},
		{"SELECT concat_ws(' ', id, customer_id, user_id, status, extract(epoch FROM started_at)::bigint) " +
			"FROM kassa.subscriptions", subscriptions},
		{"SELECT id || ' ' || user_id FROM kassa.customers", customers},
	} {
		rows, err := d.rows(t, c.sql)
		g.Expect(err).NotTo(HaveOccurred())
		missing, more := difference(rows, c.wanted)
		t.Logf("%d rows: %s", len(rows), c.sql)
		if len(missing)+len(more) > 0 {
			t.Errorf("%d rows are missing: %v; %d are wrong: %v", len(missing), missing[:min(shown, len(missing))],
				len(more), more[:min(shown, len(more))])
		}
	}
}

func (d *database) rows(t *testing.T, sql string) (out []string, err error) {
	t.Helper()
	err = d.with(t.Context(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(t.Context(), sql)
		if err == nil {
			out, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	return out, err
}

// difference is what of the wanted rows is not there, and what is there and is not wanted, or is there once more.
func difference(rows []string, wanted map[string]bool) (missing, more []string) {
	seen := map[string]bool{}
	for _, row := range rows {
		if !wanted[row] || seen[row] {
			more = append(more, row)
		}
		seen[row] = true
	}
	for row := range wanted {
		if !seen[row] {
			missing = append(missing, row)
		}
	}
	return missing, more
}

func TestDifference(t *testing.T) {
	g := NewWithT(t)
	missing, more := difference([]string{"a", "b", "b", "c"}, map[string]bool{"a": true, "b": true, "d": true})
	g.Expect(missing).To(ConsistOf("d"))
	g.Expect(more).To(ConsistOf("b", "c"))
}
