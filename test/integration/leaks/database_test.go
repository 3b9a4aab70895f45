package leaks

import (
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/postgres"
)

// database is that of the receiver "books", behind a network that can fail.
type database struct {
	admin string // its URL for the superuser
	dsn   string // its URL for Kassa
	link  *postgres.Link
}

func newDatabase(l *life) *database {
	l.T.Helper()
	server := postgres.Shared(l.T)
	d := &database{admin: server.Database(l.T), link: server.NewLink(l.T)}
	role := l.vault.keep("database user", "planted_", random(l.T, 8))
	password := l.vault.secret("database password", "")
	d.run(l.g, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, password))
	u, err := url.Parse(d.admin)
	l.g.Expect(err).NotTo(HaveOccurred())
	d.run(l.g, "GRANT CREATE ON DATABASE "+u.Path[1:]+" TO "+role)
	u.User = url.UserPassword(role, password)
	d.dsn = d.link.Through(u.String())
	return d
}

func (d *database) run(g *WithT, sql string) {
	conn, err := pgx.Connect(ctx, d.admin)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	g.Expect(err).NotTo(HaveOccurred())
}

// refuse has the database refuse every event with its whole row.
func (d *database) refuse(g *WithT) (end func()) {
	d.run(g, `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'refused: %', NEW USING DETAIL = 'Failing row contains ' || NEW::text, HINT = NEW::text;
	END $$`)
	for _, table := range tables {
		d.run(g, "CREATE TRIGGER refuse BEFORE INSERT ON kassa."+table+" FOR EACH ROW EXECUTE FUNCTION public.refuse()")
	}
	return func() { d.run(g, "DROP FUNCTION public.refuse() CASCADE") }
}

// tables have personal data.
var tables = []string{"payloads", "customers", "payments", "refunds"}
