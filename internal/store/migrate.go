package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema is where all tables are.
const Schema = "kassa"

// Migrate brings the database's schema to this version of Kassa. Any number of processes may do so at the same time:
// one of them works, the others wait. A schema of a later version is left as it is: migrations only add, so that
// replicas of the version before go on while an upgrade rolls out.
func Migrate(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) error {
	log = discreet(log)
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	if err := createSchema(ctx, db); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	// A lock in a table works through connection poolers and at databases without advisory locks.
	locker, err := lock.NewPostgresTableLocker(lock.WithTableName(Schema+".migration_lock"), lock.WithTableLogger(log))
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(Schema+".schema_migrations"),
		goose.WithLocker(locker), goose.WithSlog(log), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	applied, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, m := range applied {
		log.Info("migrated", "version", m.Source.Version, "took", m.Duration)
	}
	return nil
}

// createSchema needs the right to create one only where there is none.
func createSchema(ctx context.Context, db *sql.DB) error {
	var there bool
	const look = "SELECT EXISTS (SELECT 1 FROM information_schema.schemata WHERE schema_name = $1)"
	if err := db.QueryRowContext(ctx, look, Schema).Scan(&there); err != nil || there {
		return err
	}
	_, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+Schema)
	if code := Code(err); code == duplicateKey || code == duplicateSchema {
		return nil // another process was faster
	}
	return err
}

// tables are those that the migrations make. None of them takes one away.
var tables = sync.OnceValue(func() (names []string) {
	made := regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?` + Schema + `\.(\w+)`)
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // it is compiled in
	}
	for _, e := range entries {
		text, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			panic(err)
		}
		for _, m := range made.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
})

// Version is the schema that this version of Kassa needs at least.
func Version() int64 {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // it is compiled in
	}
	v, err := goose.NumericComponent(entries[len(entries)-1].Name())
	if err != nil {
		panic(err)
	}
	return v
}
