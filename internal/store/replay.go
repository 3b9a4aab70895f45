package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Replay delivers again what a receiver, "namespace/name", gave up: of the events of these ids, or of all where there
// is none. n is how many deliveries these are. The error has none of the database's words in it.
func Replay(ctx context.Context, conn *pgx.Conn, receiver string, events []string) (n int64, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if len(events) == 0 {
			return tx.QueryRow(ctx, "SELECT kassa.replay($1)", receiver).Scan(&n)
		}
		const each = "SELECT COALESCE(SUM(kassa.replay($1, id)), 0)::bigint FROM unnest($2::text[]) AS id"
		return tx.QueryRow(ctx, each, receiver, events).Scan(&n)
	})
	return n, inReplay(err)
}

// Replayable is how many deliveries Replay would deliver again.
func Replayable(ctx context.Context, conn *pgx.Conn, receiver string, events []string) (n int64, err error) {
	const count = `SELECT COUNT(*) FROM kassa.deliveries
		WHERE receiver = $1 AND dead AND ($2::text[] IS NULL OR event_id = ANY($2))`
	if len(events) == 0 {
		events = nil
	}
	err = conn.QueryRow(ctx, count, receiver, events).Scan(&n)
	return n, inReplay(err)
}

func inReplay(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("replay: " + Brief(err))
}
