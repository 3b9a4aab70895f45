package leaks

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

// Personal data of the buyer.
const (
	email       = "jane.planted@leaks.example"
	user        = "planted-user-5512"
	fullName    = "Plantedname Leaksworth"
	street      = "17 Plantedstreet Mews"
	phone       = "+15005557391"
	fingerprint = "Pl4ntedF1ng3rpr1nt"
	note        = "planted-metadata-value"
	failingCard = "4000000000000341" // pays once, and fails when it is charged again
	lastFour    = `"last4":"0341"`
)

// vault makes secrets and remembers everything that must not be told.
type vault struct {
	t      testing.TB
	values []planted
}

func newVault(t testing.TB) *vault {
	v := &vault{t: t}
	for what, value := range map[string]string{
		"email": email, "user id": user, "name": fullName, "address": street, "phone": phone,
		"fingerprint": fingerprint, "metadata": note, "card": failingCard, "last four of the card": lastFour,
	} {
		v.values = append(v.values, planted{what: what, value: value})
	}
	return v
}

// secret makes one with a prefix, which everybody may know.
func (v *vault) secret(what, prefix string) string {
	v.t.Helper()
	return v.keep(what, prefix, random(v.t, 16))
}

// keep remembers a secret but for its prefix, and returns the whole.
func (v *vault) keep(what, prefix, value string) string {
	v.values = append(v.values, planted{what, value, true})
	return prefix + value
}

// paddleKey has the form of Paddle's.
func (v *vault) paddleKey() string {
	long, short := random(v.t, 13), random(v.t, 11)
	v.keep("Paddle's key", "", long)
	v.keep("Paddle's key, second part", "", short)
	return "pdl_sdbx_" + "apikey_" + long + "_" + short + "_abc"
}

// certificate keeps the number that a private key is. The rest of its file is public.
func (v *vault) certificate(data map[string][]byte) map[string][]byte {
	v.t.Helper()
	g := NewWithT(v.t)
	block, _ := pem.Decode(data[corev1.TLSPrivateKeyKey])
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	g.Expect(err).NotTo(HaveOccurred())
	number, err := key.(*ecdsa.PrivateKey).Bytes()
	g.Expect(err).NotTo(HaveOccurred())
	v.keep("TLS private key", "", string(number))
	return data
}

// token keeps the signature of a JSON web token, without which it is worth nothing.
func (v *vault) token(what, text string) string {
	v.keep(what, "", text[strings.LastIndexByte(text, '.')+1:])
	return text
}

func random(t testing.TB, bytes int) string {
	t.Helper()
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

// event is of a refund, with everything that Stripe knows of a buyer.
func event(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2023-10-16","created":1769853600,"livemode":false,`+
		`"type":"charge.refunded","data":{"object":{"id":"ch_%s","object":"charge","currency":"usd","amount":2900,`+
		`"amount_refunded":2900,"customer":"cus_1","payment_intent":"pi_1","receipt_email":%[3]q,"billing_details":{`+
		`"email":%[3]q,"name":%[4]q,"phone":%[5]q,"address":{"line1":%[6]q}},"payment_method_details":{"card":{`+
		`"last4":"0341","fingerprint":%[7]q}},"metadata":{"user_id":%[8]q,"note":%[9]q}}}}`,
		id, id, email, fullName, phone, street, fingerprint, user, note)
}
