package reception_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/reception"
)

func receiver(edit ...func(*v1alpha1.WebhookReceiver)) *v1alpha1.WebhookReceiver {
	r := &v1alpha1.WebhookReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks"}}
	for _, e := range edit {
		e(r)
	}
	return r
}

func manual(name, key string) func(*v1alpha1.WebhookReceiver) {
	return func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Registration.Manual = &v1alpha1.ManualRegistration{}
		r.Spec.Registration.Manual.SigningSecretRef.Name = name
		r.Spec.Registration.Manual.SigningSecretRef.Key = key
	}
}

func suspended(r *v1alpha1.WebhookReceiver) {
	r.Spec.Suspend, r.Status.SigningSecretName = true, "hooks-signing"
}

func TestLiveSecrets(t *testing.T) {
	kept := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "hooks-signing", Labels: map[string]string{
			"app.kubernetes.io/managed-by": "kassa", v1alpha1.LabelReceiver: "hooks",
		}},
		Data: map[string][]byte{
			"endpoint-id": []byte("we_1"), "made-at": []byte("2026-01-31T10:00:00Z"), "signing-secret": []byte("new\n"),
			"signing-secret-1": []byte("old"), "unconfirmed": []byte("true"),
		},
	}
	// Somebody removed the labels.
	bare := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: kept.Name}, Data: kept.Data}
	own := &corev1.Secret{Data: map[string][]byte{"a": nil, "b": []byte("second"), "c": []byte("third\n")}}
	for name, test := range map[string]struct {
		of      *v1alpha1.WebhookReceiver
		secret  *corev1.Secret
		in, key string
		live    []string
	}{
		"managed":               {receiver(), kept, kept.Name, "signing-secret", []string{"new", "old"}},
		"managed, bare":         {receiver(), bare, kept.Name, "signing-secret", []string{"new", "old"}},
		"by hand":               {receiver(manual("mine", "")), own, "mine", "", []string{"second", "third"}},
		"by hand, one key":      {receiver(manual("mine", "c")), own, "mine", "c", []string{"third"}},
		"by hand, an empty key": {receiver(manual("mine", "a")), own, "mine", "a", nil},
		"by hand, no such key":  {receiver(manual("mine", "x")), own, "mine", "x", nil},
		"another receiver's":    {receiver(manual("other", "")), kept, "other", "", []string{"new", "old"}},
		"another's endpoint":    {receiver(manual("other", "endpoint-id")), kept, "other", "endpoint-id", nil},
		"handed over":           {receiver(manual(kept.Name, "")), bare, kept.Name, "signing-secret", []string{"new", "old"}},
		"handed over, one key": {
			receiver(manual(kept.Name, "signing-secret-1")), kept, kept.Name, "signing-secret-1", []string{"old"},
		},
		"suspended and changed": {
			receiver(manual("mine", "k"), suspended), kept, kept.Name, "signing-secret", []string{"new", "old"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(reception.LiveSecret(test.of)).To(Equal(test.in))
			g.Expect(reception.SigningKey(test.of)).To(Equal(test.key))
			g.Expect(reception.Live(test.of, reception.Values(test.secret))).To(Equal(test.live))
			g.Expect(kept.Data).To(HaveLen(5), "what is cached is not changed")
		})
	}
	g := NewWithT(t)
	g.Expect(reception.MeantSecret(receiver(manual("mine", ""), suspended))).To(Equal("mine"))
	g.Expect(reception.MeantSecret(receiver())).To(Equal("hooks-signing"))
}
