// Package store keeps a receiver's events and a company's records in PostgreSQL: the schema, the connections, and the
// statements that merge records into the tables. Any database will do that speaks PostgreSQL's protocol and has unique
// keys and transactions.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a database whose address and password may change at any time. The zero value has none yet.
type DB struct {
	// Log is told once of each address that is doubtful. Nil: nothing is.
	Log *slog.Logger

	live atomic.Pointer[opened]
}

type opened struct {
	pool    *pgxpool.Pool
	address Address
	// told: the log has what to do about tables that are missing.
	told atomic.Bool
}

// ErrNoDatabase: no address is known yet.
var ErrNoDatabase = errors.New("the database's address is not known yet")

// Limits of a pool. A replica writes with one connection at a time and reads with a few; they are short of nothing when
// there are ten replicas at a server's default of a hundred connections.
const (
	maxConnections = 6
	idleTime       = 5 * time.Minute
	lifeTime       = 30 * time.Minute // a failed-over address is noticed by then
	// oldPool is how long what runs at the old address may go on.
	oldPool        = 30 * time.Second
	connectTimeout = 5 * time.Second
	// lookLimit bounds a look at the schema, at a server that takes connections and never answers.
	lookLimit = 10 * time.Second
)

// Set opens the database at an address, and returns without connecting. What runs at the old one is finished. The error
// never has anything of the address in it, which has a password.
func (d *DB) Set(a Address) error {
	before := d.live.Load()
	if before != nil && before.address == a {
		return nil
	}
	config, err := Parse(a)
	if err != nil {
		return err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return errors.New("the connection string cannot be used")
	}
	if doubt := caution(&config.ConnConfig.Config); doubt != "" && d.Log != nil {
		d.Log.Warn(doubt)
	}
	d.live.Store(&opened{pool: pool, address: a})
	if before != nil {
		time.AfterFunc(oldPool, before.pool.Close)
	}
	return nil
}

// Pool is what queries go to now.
func (d *DB) Pool() (*pgxpool.Pool, error) {
	o := d.live.Load()
	if o == nil {
		return nil, ErrNoDatabase
	}
	return o.pool, nil
}

// Prepare returns nil once the database can be used: it answers, and its schema is at least this version's and has all
// tables. An older schema, or none, is migrated first. Tables that somebody took away are not made again: what was in
// them would be missing without a word.
func (d *DB) Prepare(ctx context.Context, log *slog.Logger) error {
	pool, err := d.Pool()
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, pool)
	if err != nil {
		return err
	}
	if version < Version() {
		if err := Migrate(ctx, pool.Config().ConnConfig, log); err != nil {
			return err
		}
	}
	return d.Check(ctx, log)
}

// Check looks whether the schema has all tables of this version, if it says that it does. The log is told once at each
// address what to do. The error is a MissingTablesError if any is missing.
func (d *DB) Check(ctx context.Context, log *slog.Logger) error {
	o := d.live.Load()
	if o == nil {
		return ErrNoDatabase
	}
	version, err := schemaVersion(ctx, o.pool)
	if err != nil || version < Version() {
		return err
	}
	err = lookForTables(ctx, o.pool)
	var missing *MissingTablesError
	if errors.As(err, &missing) && o.told.CompareAndSwap(false, true) {
		log.Error("tables of the database are gone, and nothing can be kept until they are back; restore them from a "+
			"backup, or have Kassa make the schema anew, empty, with DROP SCHEMA "+Schema+" CASCADE",
			"schema", Schema, "missing", missing.Names)
	}
	return err
}

// schemaVersion is 0 where there is no schema.
func schemaVersion(ctx context.Context, pool *pgxpool.Pool) (version int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	const look = "SELECT COALESCE(max(version_id), 0) FROM " + Schema + ".schema_migrations WHERE is_applied"
	err = pool.QueryRow(ctx, look).Scan(&version)
	if code := Code(err); code == undefinedTable || code == undefinedSchema {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version, nil
}

// missingSQL asks the catalogue, which tells of tables that the role has no right to, too.
const missingSQL = `
SELECT name FROM unnest($1::text[]) AS n (name) WHERE NOT EXISTS (
	SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
	WHERE s.nspname = $2 AND c.relname = n.name)
ORDER BY name`

func lookForTables(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	rows, err := pool.Query(ctx, missingSQL, tables(), Schema)
	if err != nil {
		return fmt.Errorf("looking for the tables: %w", err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return fmt.Errorf("looking for the tables: %w", err)
	case len(missing) > 0:
		return &MissingTablesError{missing}
	}
	return nil
}

// Close ends all connections.
func (d *DB) Close() {
	if o := d.live.Load(); o != nil {
		o.pool.Close()
	}
}

// SendBatch writes a batch in one transaction and hands each statement's results to read, in their order.
func SendBatch(
	ctx context.Context, pool *pgxpool.Pool, b *pgx.Batch, read ...func(pgx.BatchResults) error,
) (err error) {
	results := pool.SendBatch(ctx, b)
	defer func() { err = errors.Join(err, results.Close()) }()
	for _, r := range read {
		if err := r(results); err != nil {
			return err
		}
	}
	return nil
}
