// Package store tests deployed receivers that keep their events in PostgreSQL.
package store

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 20 * time.Millisecond

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := controlplane.Run(m, controlplane.Options{NoFsync: true})
	postgres.Close()
	os.Exit(code)
}

// inDatabase has a receiver keep its events under the key dsn of the Secret database.
func inDatabase(r *v1alpha1.WebhookReceiver) {
	r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
		DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
	}}
}

// ask is the answer to a query of one text.
func ask(t *testing.T, dsn, sql string) func() string {
	return func() string {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = conn.Close(t.Context()) }()
		var out string
		if err := conn.QueryRow(t.Context(), sql).Scan(&out); err != nil {
			return err.Error()
		}
		return out
	}
}

func message(r *stack.Receiver) func() string {
	return func() string {
		c := meta.FindStatusCondition(r.Object().Status.Conditions, v1alpha1.ConditionReady)
		if c == nil {
			return ""
		}
		return string(c.Status) + " " + c.Reason + ": " + c.Message
	}
}

// withRole makes a role of that password for the database, and returns the database's URL with it.
func withRole(t *testing.T, dsn, role, password string) string {
	t.Helper()
	g := NewWithT(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close(t.Context()) }()
	for _, sql := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, password),
		"GRANT CREATE ON DATABASE " + conn.Config().Database + " TO " + role,
	} {
		_, err = conn.Exec(t.Context(), sql)
		g.Expect(err).NotTo(HaveOccurred())
	}
	u, err := url.Parse(dsn)
	g.Expect(err).NotTo(HaveOccurred())
	u.User = url.UserPassword(role, password)
	return u.String()
}

// Two deployed replicas migrate an empty database, record what they are sent, and deliver it. The connection string
// changes under load, and nothing is refused; an event is a row, and no object of Kubernetes.
func TestDeployed(t *testing.T) {
	g := NewWithT(t)
	db := postgres.Shared(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	dsn := db.Database(t)
	sink := stack.NewSink(t)
	r := s.CreateReceiver("hooks", sink, inDatabase)
	g.Eventually(message(r), stack.Patience, often).Should(HavePrefix(
		"False SecretMissing: spec.store.postgres.dsnSecretRef: Secret \"database\" does not exist"))

	secret := stack.Secret("database", "dsn", withRole(t, dsn, "first_"+db.Suffix(dsn), "one"))
	s.Create(secret)
	r.AwaitReady(2)

	stop := make(chan struct{})
	var sent, refused atomic.Int64
	var load sync.WaitGroup
	for w := range 4 {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				answer, err := r.Send(r.URL(), stack.Event(fmt.Sprintf("evt_%d_%d", w, i)), r.SigningSecret())
				if err != nil || answer.Status != http.StatusOK {
					refused.Add(1)
				}
				sent.Add(1)
			}
		})
	}
	g.Eventually(sent.Load, stack.Patience, often).Should(BeNumerically(">", 20))
	second := withRole(t, dsn, "second_"+db.Suffix(dsn), "two")
	conn, err := pgx.Connect(t.Context(), dsn)
	g.Expect(err).NotTo(HaveOccurred())
	for _, sql := range []string{
		"GRANT USAGE ON SCHEMA kassa TO second_" + db.Suffix(dsn),
		"GRANT ALL ON ALL TABLES IN SCHEMA kassa TO second_" + db.Suffix(dsn),
	} {
		_, err = conn.Exec(t.Context(), sql)
		g.Expect(err).NotTo(HaveOccurred())
	}
	s.Change(secret, func() { secret.StringData = map[string]string{"dsn": second} })
	who := "SELECT COALESCE(string_agg(DISTINCT usename, ' '), '') FROM pg_stat_activity " +
		"WHERE application_name = 'kassa' AND datname = current_database() AND usename LIKE 'second_%'"
	g.Eventually(ask(t, dsn, who), stack.Patience, often).Should(HavePrefix("second_"))
	before := sent.Load()
	g.Eventually(sent.Load, stack.Patience, often).Should(BeNumerically(">", before+20))
	close(stop)
	load.Wait()
	g.Expect(refused.Load()).To(BeZero())
	g.Expect(conn.Close(t.Context())).To(Succeed())

	all := fmt.Sprintf("Processed %d", sent.Load())
	g.Eventually(ask(t, dsn, "SELECT COALESCE(string_agg(state || ' ' || n, ', '), '') FROM "+
		"(SELECT state, count(*) n FROM kassa.webhook_events GROUP BY state) s"), stack.Patience, often).Should(Equal(all))
	g.Expect(sink.Taken()).To(HaveLen(int(sent.Load())))
	ledgers := &v1alpha1.EventLedgerList{}
	g.Expect(s.Client.List(t.Context(), ledgers)).To(Succeed())
	for _, l := range ledgers.Items {
		g.Expect(l.Namespace).NotTo(Equal(s.Namespace))
	}
	for _, p := range r.Replicas() {
		logs, err := s.Node.Logs(p)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(strings.ToLower(logs)).NotTo(Or(ContainSubstring("one@"), ContainSubstring("two@"),
			ContainSubstring("password")))
	}
}
