package store

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kassa-dev/kassa/internal/trust"
)

// Address is where a database is, and how each side knows the other. All of it may be secret.
type Address struct {
	// DSN is a connection string, a URL or key=value pairs.
	DSN string
	// CA are certificates, in PEM, of the authorities that the server's certificate is checked with. Empty: those of the
	// system.
	CA string
	// Certificate and Key, in PEM, are what the server knows Kassa by, beside or in place of a password. Both or neither.
	Certificate, Key string
}

var (
	errUnchecked = errors.New("an authority is of use only with sslmode=verify-full, or verify-ca, in the connection " +
		"string")
	errUnencrypted = errors.New("a client certificate is of use only with sslmode=verify-full, verify-ca or require in " +
		"the connection string")
	errPair = errors.New("the client certificate and its key are not a pair in PEM")
)

// Parse reads an address. The error repeats nothing of it.
func Parse(a Address) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(a.DSN)
	if err != nil {
		var e *pgconn.ParseConfigError
		if errors.As(err, &e) {
			return nil, errors.New("the connection string is not one of PostgreSQL, such as " +
				"postgres://user:password@host:5432/database?sslmode=verify-full")
		}
		return nil, errors.New("the connection string cannot be read")
	}
	if err := a.secure(&config.ConnConfig.Config); err != nil {
		return nil, err
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

// secure puts the certificates into a configuration. Where they would be of no use they are refused: whoever gives them
// relies on them.
func (a Address) secure(config *pgconn.Config) error {
	if a.CA != "" {
		pool, err := trust.Pool([]byte(a.CA))
		if err != nil {
			return fmt.Errorf("the database's authority has %w", err)
		}
		for _, c := range ways(config) {
			if !checks(c) {
				return errUnchecked
			}
			c.RootCAs = pool
		}
	}
	if a.Certificate == "" && a.Key == "" {
		return nil
	}
	pair, err := tls.X509KeyPair([]byte(a.Certificate), []byte(a.Key))
	if err != nil {
		return errPair
	}
	for _, c := range ways(config) {
		if c == nil {
			return errUnencrypted
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// ways are how a connection is tried, one after the other; nil is without TLS.
func ways(config *pgconn.Config) []*tls.Config {
	out := []*tls.Config{config.TLSConfig}
	for _, f := range config.Fallbacks {
		out = append(out, f.TLSConfig)
	}
	return out
}

// checks says that the server's certificate is checked. With verify-ca the driver does that itself.
func checks(c *tls.Config) bool {
	return c != nil && (!c.InsecureSkipVerify || c.VerifyPeerCertificate != nil)
}

// caution says what is doubtful about a configuration; empty if nothing is. That a connection shall not be encrypted is
// not: sslmode=disable says so.
func caution(config *pgconn.Config) string {
	plain := 0
	for _, c := range ways(config) {
		if c == nil {
			plain++
		}
	}
	if plain == 0 || plain == 1+len(config.Fallbacks) {
		return ""
	}
	return "the connection to the database may end up unencrypted; set sslmode=verify-full in its connection string"
}

// harmlessKeys of a connection string have the driver read no file and no service.
var harmlessKeys = []string{
	"host", "port", "user", "password", "dbname", "sslmode", "ssl", "application_name", "connect_timeout",
	"target_session_attrs", "default_query_exec_mode", "search_path", "options", "sslnegotiation", "sslsni",
}

// Judge says what is wrong and what is doubtful about an address, in words that repeat nothing of it. It is for whoever
// does not connect, and must not read files that somebody else's connection string names: of one that names any, and of
// one that cannot be read, it says nothing.
func Judge(a Address) (doubt string, wrong error) {
	options := pgconn.ParseConfigOptions{ConnStringAllowedKeys: harmlessKeys}
	config, err := pgconn.ParseConfigWithOptions(a.DSN, options)
	if err != nil {
		return "", nil //nolint:nilerr // the server says so itself
	}
	if err := a.secure(config); err != nil {
		return "", err
	}
	return caution(config), nil
}
