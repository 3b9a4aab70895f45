package plugin

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// statement is what a command prints for the database.
var statement = regexp.MustCompile(`(?s)SELECT .*?;`)

// Of a receiver with a database the commands say what the cluster does not know, and print SQL that works.
func TestADatabase(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	dsn, sink := postgres.Shared(t).Database(t), stack.NewSink(t)
	s.Create(stack.Secret("database", "dsn", dsn))
	r := s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
		}}
	})
	r.AwaitReady(2)
	secrets, at := []string{r.SigningSecret(), dsn}, "--address="+r.ReplicaURL(r.Replicas()[0])
	sink.Answer(func(string, int) int { return http.StatusGone })

	got := kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", at, "-o=json")
	g.Expect(got.code).To(Equal(1))
	g.Expect(got.err).To(ContainSubstring("kassa.revenue"))
	var events []struct{ ID, Outcome string }
	g.Expect(json.Unmarshal([]byte(got.out), &events)).To(Succeed())
	id := events[0].ID
	g.Expect(events[0].Outcome).To(Equal("Dead"))

	got = kassa(t, s, secrets, "events", "hooks")
	g.Expect(got.out).To(ContainSubstring(id))
	g.Expect(rows(t, dsn, statement.FindString(got.err))).To(Equal(1))
	got = kassa(t, s, secrets, "events", "hooks", "--dead")
	g.Expect(rows(t, dsn, statement.FindString(got.err))).To(Equal(1))
	got = kassa(t, s, secrets, "events", "show", "evt_unknown")
	g.Expect(got.code).To(Equal(2))
	for _, sql := range statement.FindAllString(got.err, -1) {
		g.Expect(rows(t, dsn, strings.ReplaceAll(sql, "evt_unknown", id))).To(Equal(1))
	}

	sink.Answer(nil)
	inPod := "kubectl --namespace " + s.Namespace + " exec deploy/hooks-receiver -- /kassa replay --namespace=" +
		s.Namespace + " --name=hooks"
	got = kassa(t, s, secrets, "events", "replay", "--dead", "hooks")
	g.Expect(got.code).To(Equal(2))
	g.Expect(got.err).To(ContainSubstring(inPod + " --all\n"))
	got = kassa(t, s, secrets, "events", "replay", id)
	g.Expect(got.code).To(Equal(2))
	g.Expect(got.err).To(ContainSubstring(inPod + " '" + id + "'\n"))
	g.Expect(sink.Taken()).To(BeEmpty(), "only the database can replay it")
	g.Expect(rows(t, dsn, "SELECT kassa.replay('"+s.Namespace+"/hooks', '"+id+"')")).To(Equal(1))
	g.Eventually(sink.Taken, stack.Patience, often).Should(HaveKeyWithValue(s.CloudEventID(id), 1))
	g.Eventually(func() string {
		got = kassa(t, s, secrets, "events", "replay", id)
		return got.err
	}, stack.Patience, often).Should(ContainSubstring("what it tells is not kept"))
	g.Expect(got.err).NotTo(ContainSubstring("/kassa replay"), "there it would do nothing")
}

// rows is how many rows a statement answers with.
func rows(t *testing.T, dsn, sql string) int {
	t.Helper()
	g := NewWithT(t)
	g.Expect(sql).NotTo(BeEmpty())
	conn, err := pgx.Connect(t.Context(), dsn)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close(t.Context()) }()
	answer, err := conn.Query(t.Context(), sql)
	g.Expect(err).NotTo(HaveOccurred(), sql)
	n := 0
	for answer.Next() {
		n++
	}
	g.Expect(answer.Err()).NotTo(HaveOccurred(), sql)
	return n
}
