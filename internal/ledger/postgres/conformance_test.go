package postgres_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/ledgertest"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/store"
	server "github.com/kassa-dev/kassa/test/postgres"
)

func TestMain(m *testing.M) { server.Main(m, server.Options{NoFsync: true}) }

// database makes one with the tables in it.
func database(t testing.TB) string {
	t.Helper()
	return migrated(t, server.Shared(t))
}

func migrated(t testing.TB, s *server.Server) string {
	t.Helper()
	url := s.Database(t)
	config, err := pgx.ParseConfig(url)
	if err == nil {
		err = store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestConformance(t *testing.T) {
	server.Shared(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Shared {
		link := server.Shared(t).NewLink(t)
		url := link.Through(database(t))
		return ledgertest.Shared{
			MaxID: postgres.MaxID, MaxType: postgres.MaxType,
			Outage: link.Outage, LoseAnswers: link.LoseAnswers,
			Open: func(t *testing.T, o ledgertest.Options) ledger.Ledger {
				t.Helper()
				db := &store.DB{}
				if err := db.Set(store.Address{DSN: url}); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(db.Close)
				l, err := postgres.New(postgres.Options{
					DB: db, Receiver: "shop/stripe", Replica: o.Replica, ClaimTimeout: o.ClaimTimeout,
					CommitTimeout: o.CommitTimeout, Retention: func() time.Duration { return 72 * time.Hour },
				})
				if err != nil {
					t.Fatal(err)
				}
				return l
			},
		}
	})
}

func sharedServer(t testing.TB) *server.Server {
	t.Helper()
	return server.Shared(t)
}
