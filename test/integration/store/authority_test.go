package store

import (
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// A deployed receiver whose connection may end up unencrypted says so. It is given an authority while it runs, with the
// right to read that Secret, and says what is wrong with it.
func TestDeployedAuthority(t *testing.T) {
	g := NewWithT(t)
	right := authority.New(t)
	db := postgres.New(t, postgres.Options{NoFsync: true, Certificate: right.Issue(postgres.Host, 1)})
	dsn := db.Database(t)
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	secret := stack.Secret("database", "dsn", postgres.Over(dsn, ""))
	s.Create(secret)
	r := s.CreateReceiver("hooks", stack.NewSink(t), inDatabase)
	r.AwaitReady(2)
	g.Eventually(message(r), stack.Patience, often).Should(And(HavePrefix("True Succeeded"),
		HaveSuffix("the connection to the database may end up unencrypted; set sslmode=verify-full in its connection "+
			"string")))

	ca := stack.Secret("database-ca", "ca.crt", "no PEM")
	s.Create(ca)
	receiver := r.Object()
	s.Change(receiver, func() {
		receiver.Spec.Store.Postgres.CASecretRef = &v1alpha1.SecretKeyReference{Name: "database-ca", Key: "ca.crt"}
	})
	s.Change(secret, func() { secret.StringData = map[string]string{"dsn": postgres.Over(dsn, "verify-full")} })
	g.Eventually(func() string {
		for _, c := range r.Object().Status.Conditions {
			if c.Type == v1alpha1.ConditionDeliveryHealthy {
				return c.Reason + " " + c.Message
			}
		}
		return ""
	}, stack.Patience, often).Should(
		Equal("SecretMissing spec.store.postgres: the database's authority has no certificates in PEM, or a damaged one"))
	answer, err := r.Send(r.URL(), stack.Event("evt_1"), r.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(200), "the address from before counts on")

	s.Change(ca, func() { ca.StringData = map[string]string{"ca.crt": string(right.PEM)} })
	g.Eventually(message(r), stack.Patience, often).Should(And(HavePrefix("True Succeeded"),
		Not(ContainSubstring("unencrypted"))))
	answer, err = r.Send(r.URL(), stack.Event("evt_2"), r.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(200))
	for _, p := range r.Replicas() {
		logs := func() string {
			logs, err := s.Node.Logs(p)
			g.Expect(err).NotTo(HaveOccurred())
			return logs
		}
		g.Eventually(logs, stack.Patience, often).Should(ContainSubstring("may end up unencrypted"))
		g.Expect(logs()).NotTo(Or(ContainSubstring("BEGIN"), ContainSubstring(postgres.Host+":")))
	}
}
