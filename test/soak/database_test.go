package soak

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	secretName = "database"
	dsnKey     = "dsn"
	// again is how long a write to an API server that is away is tried again.
	again = time.Minute
	// followed is by when replicas have heard of another connection string.
	followed = 5 * time.Second
)

// database is where the receiver keeps its events, behind a network that fails.
type database struct {
	s      *stack.Stack
	server *postgres.Server
	link   *postgres.Link
	url    string // past the network, with every right
	roles  [2]string
	now    int // of the roles: the one in the Secret
}

// newDatabase makes a database and a Secret with its address.
func newDatabase(t *testing.T, s *stack.Stack, o postgres.Options) *database {
	t.Helper()
	server := postgres.New(t, o)
	d := &database{
		s: s, server: server, link: server.NewLink(t), url: server.Database(t), roles: [2]string{"first", "second"},
	}
	NewWithT(t).Expect(d.exec(t.Context(), "CREATE ROLE first LOGIN", "CREATE ROLE second LOGIN",
		"GRANT first TO second", "CREATE SCHEMA kassa AUTHORIZATION first")).To(Succeed())
	s.Create(stack.Secret(secretName, dsnKey, d.dsn()))
	return d
}

// dsn is what the receiver is told.
func (d *database) dsn() string {
	u, err := url.Parse(d.link.Through(d.url))
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword(d.roles[d.now], "secret")
	return u.String()
}

// use has a receiver keep its events here.
func (*database) use(r *v1alpha1.WebhookReceiver) {
	r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
		DSNSecretRef: v1alpha1.SecretKeyReference{Name: secretName, Key: dsnKey},
	}}
}

// with runs something on a connection past the network.
func (d *database) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, d.url)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

func (d *database) exec(ctx context.Context, statements ...string) error {
	return d.with(ctx, func(conn *pgx.Conn) error {
		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return nil
	})
}

// left is how many deliveries and payloads there are.
func (d *database) left(t *testing.T) (n int, err error) {
	const sql = "SELECT (SELECT count(*) FROM kassa.deliveries) + (SELECT count(*) FROM kassa.payloads)"
	err = d.with(t.Context(), func(conn *pgx.Conn) error { return conn.QueryRow(t.Context(), sql).Scan(&n) })
	return n, err
}

// fault is something that happens to the database for a while.
type fault struct {
	name string
	do   func(ctx context.Context, length time.Duration) error
}

func (d *database) faults() []fault {
	return []fault{
		{"crashes", d.crash},
		{"answers lost", during(d.link.LoseAnswers)},
		{"outages", during(d.link.Outage)},
		{"standstills", d.lock},
		{"failovers", d.failOver},
		{"passwords", d.rotate},
	}
}

func during(begin func() (end func())) func(context.Context, time.Duration) error {
	return func(_ context.Context, length time.Duration) error {
		end := begin()
		<-time.After(length)
		end()
		return nil
	}
}

// crash ends the server with SIGKILL.
func (d *database) crash(ctx context.Context, length time.Duration) error {
	d.server.Kill()
	<-time.After(length)
	return d.server.Run(ctx)
}

// lock keeps everybody from the events, so that no request is answered.
func (d *database) lock(ctx context.Context, length time.Duration) error {
	return d.with(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "LOCK TABLE kassa.webhook_events"); err != nil {
				return err
			}
			<-time.After(length)
			return nil
		})
	})
}

const endSessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kassa'"

// failOver ends all sessions, and lets new ones only read for a while.
func (d *database) failOver(ctx context.Context, length time.Duration) error {
	name := (&pgx.Identifier{mustParse(d.url).Database}).Sanitize()
	if err := d.exec(ctx, "ALTER DATABASE "+name+" SET default_transaction_read_only = on", endSessions); err != nil {
		return err
	}
	<-time.After(length)
	return d.exec(ctx, "SET default_transaction_read_only = off",
		"ALTER DATABASE "+name+" RESET default_transaction_read_only")
}

func mustParse(url string) *pgx.ConnConfig {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		panic(err)
	}
	return config
}

// rotate has the receiver use the other role, and takes the first one's right to connect away when that was heard of.
func (d *database) rotate(ctx context.Context, _ time.Duration) error {
	before := d.roles[d.now]
	d.now = 1 - d.now
	if err := d.exec(ctx, "ALTER ROLE "+d.roles[d.now]+" LOGIN"); err != nil {
		return err
	}
	err := retry(ctx, func() error {
		secret := &corev1.Secret{}
		if err := d.s.Client.Get(ctx, d.s.Key(secretName), secret); err != nil {
			return err
		}
		secret.Data[dsnKey] = []byte(d.dsn())
		return d.s.Client.Update(ctx, secret)
	})
	if err != nil {
		return err
	}
	<-time.After(followed)
	return d.exec(ctx, "ALTER ROLE "+before+" NOLOGIN", endSessions+" AND usename = '"+before+"'")
}

func retry(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, again)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(often):
		}
	}
}
