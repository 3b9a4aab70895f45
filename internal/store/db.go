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
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a database whose address and password may change at any time. The zero value has none yet.
type DB struct {
	live atomic.Pointer[opened]
}

type opened struct {
	pool *pgxpool.Pool
	dsn  string
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
)

// Set opens the database that a connection string names, a URL or key=value pairs, and returns without connecting. What
// runs at the old one is finished. The error never has the text of the string in it, which has a password.
func (d *DB) Set(dsn string) error {
	before := d.live.Load()
	if before != nil && before.dsn == dsn {
		return nil
	}
	config, err := Parse(dsn)
	if err != nil {
		return err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return errors.New("the connection string cannot be used")
	}
	d.live.Store(&opened{pool, dsn})
	if before != nil {
		time.AfterFunc(oldPool, before.pool.Close)
	}
	return nil
}

// Parse reads a connection string. The error does not repeat it.
func Parse(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		var e *pgconn.ParseConfigError
		if errors.As(err, &e) {
			return nil, errors.New("the connection string is not one of PostgreSQL, such as " +
				"postgres://user:password@host:5432/database?sslmode=verify-full")
		}
		return nil, errors.New("the connection string cannot be read")
	}
	config.MaxConns, config.MinConns = maxConnections, 0
	config.MaxConnIdleTime, config.MaxConnLifetime = idleTime, lifeTime
	config.ConnConfig.ConnectTimeout = connectTimeout
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "kassa"
	}
	// After a failover the old address may lead to a server that only reads: that one is no use, and its connections
	// would be kept.
	if config.ConnConfig.ValidateConnect == nil {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, nil
}

// Pool is what queries go to now.
func (d *DB) Pool() (*pgxpool.Pool, error) {
	o := d.live.Load()
	if o == nil {
		return nil, ErrNoDatabase
	}
	return o.pool, nil
}

// Prepare returns nil once the database can be used: it answers, and its schema is at least this version's. An older
// schema, or none, is migrated first.
func (d *DB) Prepare(ctx context.Context, log *slog.Logger) error {
	pool, err := d.Pool()
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, pool)
	if err != nil || version >= Version() {
		return err
	}
	return Migrate(ctx, pool.Config().ConnConfig, log)
}

// schemaVersion is 0 where there is no schema.
func schemaVersion(ctx context.Context, pool *pgxpool.Pool) (version int64, err error) {
	const look = "SELECT COALESCE(max(version_id), 0) FROM " + Schema + ".schema_migrations WHERE is_applied"
	err = pool.QueryRow(ctx, look).Scan(&version)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == undefinedTable || refused.Code == undefinedSchema) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return version, nil
}

// Error codes of PostgreSQL.
const (
	undefinedTable  = "42P01"
	undefinedSchema = "3F000"
	duplicateKey    = "23505"
	duplicateSchema = "42P06"
)

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
