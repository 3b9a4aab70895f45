package webhookreceiver

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/authority"
)

// secrets are all that is in a namespace.
type secrets map[string]map[string]string

func (s secrets) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	data, there := s[key.Name]
	if !there {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	secret := into.(*corev1.Secret)
	secret.Data = map[string][]byte{}
	for name, value := range data {
		secret.Data[name] = []byte(value)
	}
	return nil
}

func (secrets) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// What is wrong with the Secrets of a database is said before the server has to, and nothing of them is repeated.
func TestJudgeSecretsOfDatabase(t *testing.T) {
	receiver := &v1alpha1.WebhookReceiver{}
	receiver.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
		DSNSecretRef: v1alpha1.SecretKeyReference{Name: "db", Key: "dsn"},
	}}
	trusting := receiver.DeepCopy()
	trusting.Spec.Store.Postgres.CASecretRef = &v1alpha1.SecretKeyReference{Name: "db-ca", Key: "ca.crt"}
	shown := receiver.DeepCopy()
	shown.Spec.Store.Postgres.ClientCertificateSecretRef = &v1alpha1.LocalReference{Name: "db-client"}
	const dsn = "postgres://kassa:hunter2@db.example.com/billing"
	ca := string(authority.New(t).PEM)
	const doubt = "the connection to the database may end up unencrypted; set sslmode=verify-full in its connection string"
	for _, c := range []struct {
		why      string
		receiver *v1alpha1.WebhookReceiver
		secrets  secrets
		want     secretsVerdict
	}{
		{"all is well", trusting,
			secrets{"db": {"dsn": dsn + "?sslmode=verify-full"}, "db-ca": {"ca.crt": ca}}, secretsVerdict{}},
		{"no sslmode", receiver, secrets{"db": {"dsn": dsn}}, secretsVerdict{doubt: doubt}},
		{"no authority", trusting, secrets{"db": {"dsn": dsn}}, secretsVerdict{missing: "spec.store.postgres.caSecretRef: " +
			`Secret "db-ca" does not exist; create it with a value under "ca.crt"`}},
		{"no PEM", trusting, secrets{"db": {"dsn": dsn + "?sslmode=verify-full"}, "db-ca": {"ca.crt": "hunter2"}},
			secretsVerdict{missing: "spec.store.postgres: the database's authority has no certificates in PEM, or a " +
				"damaged one"}},
		{"an authority of no use", trusting, secrets{"db": {"dsn": dsn}, "db-ca": {"ca.crt": ca}},
			secretsVerdict{missing: "spec.store.postgres: an authority is of use only with sslmode=verify-full, or verify-ca, " +
				"in the connection string"}},
		{"half a client certificate", shown, secrets{"db": {"dsn": dsn}, "db-client": {"tls.crt": ca}},
			secretsVerdict{missing: `spec.store.postgres.clientCertificateSecretRef: Secret "db-client" has no value under ` +
				`"tls.key"`}},
		{"a string that cannot be read is the server's to tell", receiver, secrets{"db": {"dsn": "hunter2"}},
			secretsVerdict{}},
	} {
		t.Run(c.why, func(t *testing.T) {
			g := NewWithT(t)
			r := &Reconciler{Live: c.secrets}
			got, err := r.judgeSecrets(t.Context(), c.receiver)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(c.want))
		})
	}
}
