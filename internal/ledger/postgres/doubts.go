package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

var _ ledger.Doubts = (*Ledger)(nil)

// doubtfulSQL reads an index that has the tied rows alone. Of those only what the provider had no answer to stays.
const doubtfulSQL = `
SELECT id, left(version, $5) FROM kassa.subscriptions
WHERE provider = $1 AND account = $2 AND tied AND left(version, $5) > asked AND version < left(version, 2) || $3
ORDER BY random() LIMIT $4`

// Doubtful asks the database once; see ledger.Doubts.
func (l *Ledger) Doubtful(
	ctx context.Context, account records.Account, before time.Time, limit int,
) (out []ledger.Doubt, err error) {
	err = l.ask(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, doubtfulSQL, string(account.Provider), account.ID,
			fmt.Sprintf("%016d", max(before.UnixMicro(), 0)), limit, records.MomentLength)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ledger.Doubt])
		return err
	})
	return out, err
}

// knownSQL is what a row knows that a reading may lack.
const knownSQL = `
SELECT id, price_id, plan, price, unit_minor, currency, period, period_count FROM kassa.subscriptions
WHERE provider = $1 AND account = $2 AND id = ANY($3)`

// Read merges what was read into the rows; see ledger.Doubts.
func (l *Ledger) Read(ctx context.Context, account records.Account, readings []records.Reading) error {
	ids := make([]string, len(readings))
	for i, r := range readings {
		ids[i] = r.ID
	}
	return l.ask(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, knownSQL, string(account.Provider), account.ID, ids)
		if err != nil {
			return err
		}
		known := map[string]records.Subscription{}
		_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
			id, s, err := scanKnown(row)
			known[id] = s
			return struct{}{}, err
		})
		if err != nil {
			return err
		}
		var all records.Rows
		for _, r := range readings {
			if row, ok := known[r.ID]; ok {
				r.Complete(row)
				all.Merge(records.Read(account, r))
			}
		}
		b := &pgx.Batch{}
		store.Queue(b, all)
		return store.SendBatch(ctx, pool, b)
	})
}

func scanKnown(row pgx.CollectableRow) (id string, s records.Subscription, err error) {
	var unit *int64
	var c billing.EventCharge
	err = row.Scan(&id, &s.PriceID, &s.Plan, &s.Price, &unit, &c.Unit.Currency, &c.Interval, &c.Count)
	if unit != nil {
		c.Unit.Minor = *unit
		s.Charge = &c
	}
	return id, s, err
}
