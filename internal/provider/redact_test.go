package provider_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

func TestRedactFindsAddressesOfOtherAlphabets(t *testing.T) {
	g := NewWithT(t)
	for _, address := range []string{"ada+1@example.com", "jürgen@example.com", "ada@bücher.example", "用户@例子.公司"} {
		g.Expect(provider.Redact("Invalid email address: " + address)).To(Equal("Invalid email address: [redacted]"))
	}
	g.Expect(provider.Redact("paid 3 @ 29.00")).To(Equal("paid 3 @ 29.00"))
}

func TestRedactFindsEncodedAddresses(t *testing.T) {
	g := NewWithT(t)
	for text, want := range map[string]string{
		"customer_email=ada%40example.com&mode=payment": "customer_email=[redacted]&mode=payment",
		"email=j%C3%BCrgen%40b%c3%bccher.example":       "email=[redacted]",
		`{"email":"ada\u0040example.com"}`:              `{"email":"[redacted]"}`,
	} {
		g.Expect(provider.Redact(text)).To(Equal(want))
	}
}
