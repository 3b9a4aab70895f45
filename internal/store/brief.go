package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error codes of PostgreSQL.
const (
	undefinedTable  = "42P01"
	undefinedSchema = "3F000"
	duplicateKey    = "23505"
	duplicateSchema = "42P06"
	deadlock        = "40P01"
	unserializable  = "40001"
)

// Code is PostgreSQL's SQLSTATE; empty if it did not refuse.
func Code(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// A MissingTablesError is of a schema that says of which version it is, and lacks tables of that version.
type MissingTablesError struct{ Names []string }

func (e *MissingTablesError) Error() string {
	return "the schema " + Schema + " lacks tables that it had: " + strings.Join(e.Names, ", ")
}

// Brief words an error for logs, probes and whoever asks: no address, no user, no password, and no value. PostgreSQL's
// messages have these, and so have the driver's.
func Brief(err error) string {
	var missing *MissingTablesError
	switch code := Code(err); {
	case code != "":
		return "PostgreSQL says SQLSTATE " + code
	case errors.As(err, &missing):
		return missing.Error()
	case errors.Is(err, ErrNoDatabase):
		return ErrNoDatabase.Error()
	case errors.Is(err, ErrAmbiguous):
		return ErrAmbiguous.Error()
	case errors.Is(err, pgconn.ErrReadOnlyConnection):
		return "the database only reads"
	case errors.Is(err, context.DeadlineExceeded):
		return "the database does not answer in time"
	}
	if why := untrusted(err); why != "" {
		return why
	}
	return "the database cannot be reached"
}

// untrusted says why there is no TLS; empty if it is not that.
func untrusted(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		header    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &authority):
		return "the database's certificate is of an authority that is not trusted: spec.store.postgres.caSecretRef names " +
			"the right one's"
	case errors.As(err, &host):
		return "the database's certificate is for another host than the connection string's"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the database's certificate has expired, or is not valid yet"
	case errors.As(err, &invalid):
		return "the database's certificate is not valid"
	case errors.As(err, &header):
		return "the database does not speak TLS"
	case errors.As(err, &alert):
		return "the database refused the TLS handshake: " + alert.Error()
	}
	return ""
}
