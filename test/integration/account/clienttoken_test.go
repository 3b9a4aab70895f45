package account

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// A client-side token is shown to every buyer: an API key in its place, or a token of real money in a test, makes the
// account unusable before anybody can see it. Each change of its Secret is seen.
func aClientSideToken(t *testing.T) {
	x := newTenant(t, atPaddle, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.first)
	x.ready()
	pp := x.account()
	x.Change(pp, func() {
		pp.Spec.Paddle.ClientTokenSecretRef = &v1alpha1.SecretKeyReference{Name: "browser", Key: "token"}
	})
	x.waiting("Failed False "+v1alpha1.ReasonSecretNotFound,
		`Secret "browser" does not exist; create it with the client-side token under "token"`)
	x.Create(stack.Secret("browser", "other", "x"))
	x.waiting("Failed False "+v1alpha1.ReasonSecretKeyMissing, `Secret "browser" has no value under "token"`)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "browser"}}
	for _, c := range []struct{ token, reason, message string }{
		{x.keys.first, v1alpha1.ReasonCredentialsInvalid, "this is an API key"},
		{strings.Repeat("a", 50), v1alpha1.ReasonCredentialsInvalid, "this is an API key"},
		{"acct_1", v1alpha1.ReasonCredentialsInvalid, "one starts with test_ or live_"},
		{"live_" + strings.Repeat("7d2", 9), v1alpha1.ReasonModeMismatch, "this is a live token, but mode is Test"},
	} {
		x.Change(secret, func() { secret.Data = map[string][]byte{"token": []byte(c.token)} })
		x.waiting("Failed False "+c.reason, c.message)
		NewWithT(t).Expect(stack.Message(x.account())).NotTo(ContainSubstring(c.token))
	}
	writes := x.writes()
	token := "test_" + strings.Repeat("7d2", 9) + "\n"
	x.Change(secret, func() { secret.Data = map[string][]byte{"token": []byte(token)} })
	x.ready()
	NewWithT(t).Expect(x.writes()).To(Equal(writes))
}
