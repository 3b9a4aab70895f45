package validate

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestTokens(t *testing.T) {
	const chance = "4fGh7JkLm2Np9Qr"
	for _, c := range []struct {
		text string
		want []string
		mode tokenMode
	}{
		{"sk_live_" + chance, []string{"sk_live_" + chance}, modeLive},
		{`{"key":"rk_test_` + chance + `"}`, []string{"rk_test_" + chance}, modeTest},
		{"a=sk_test_" + chance + ";b=sk_test_" + chance + "x",
			[]string{"sk_test_" + chance, "sk_test_" + chance + "x"}, modeTest},
		{"whsec_" + chance + "/+=", []string{"whsec_" + chance + "/+="}, modeUnknown},
		{"pdl_live_apikey_" + chance + "_ab", []string{"pdl_live_apikey_" + chance + "_ab"}, modeLive},
		{"pdl_sdbx_apikey_" + chance + "_ab", []string{"pdl_sdbx_apikey_" + chance + "_ab"}, modeTest},
		{"pdl_ntfset_" + chance, []string{"pdl_ntfset_" + chance}, modeUnknown},
		{"Bearer eyJ" + chance + ".eyJ" + chance + "." + chance + "xyz",
			[]string{"eyJ" + chance + ".eyJ" + chance + "." + chance + "xyz"}, modeUnknown},
		{"pk_live_" + chance + " is public", nil, 0},
		{"task_live_" + chance + " is a word of somebody's", nil, 0},
		{"sk_live_… and sk_live_ and sk_live_xxxxxxxxxxxxxxxx", nil, 0},
		{"sk_test_sandbox, sk_test_your_own_example1234", nil, 0},
		{"pdl_sdbx_apikey_aaaaaaaaaaaaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaa_aaa", nil, 0},
		{"", nil, 0},
	} {
		t.Run(c.text, func(t *testing.T) {
			g := NewWithT(t)
			var got []string
			for _, found := range tokensIn(c.text) {
				got = append(got, found.value)
				g.Expect(found.mode).To(Equal(c.mode))
				g.Expect(c.text[found.start:found.end]).To(Equal(found.value))
			}
			g.Expect(got).To(Equal(c.want))
		})
	}
}

func TestConnections(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://a:k7Qz91@db/x":                      "k7Qz91",
		"url: postgresql://a:k7Qz91@db/x?sslmode=off":   "k7Qz91",
		"mongodb+srv://a:k7Qz91@db":                     "k7Qz91",
		"redis://:k7Qz91@cache":                         "k7Qz91",
		"host=db user=a password=k7Qz91 dbname=x":       "k7Qz91",
		"password='k7Qz91' host=db":                     "k7Qz91",
		"postgres://a@db/x":                             "",
		"postgres://user:password@host:5432/database":   "",
		"postgres://a:$(PASSWORD)@db and a:${P}@db":     "",
		"postgres://a:{{ .password }}@db":               "",
		"postgres://a:****@db":                          "",
		"https://a:k7Qz91@example.com is no database's": "",
		"password=k7Qz91 alone is anything":             "",
	} {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			found := connectionsIn(text)
			if want == "" {
				g.Expect(found).To(BeEmpty())
				return
			}
			g.Expect(found).To(HaveLen(1))
			g.Expect(found[0].password).To(Equal(want))
		})
	}
}

func TestLooseTLS(t *testing.T) {
	g := NewWithT(t)
	g.Expect(looseTLS("postgres://a@db/x")).To(ContainSubstring("no sslmode"))
	g.Expect(looseTLS(" postgresql://a@db/x?a=b&sslmode=prefer\n")).To(ContainSubstring("sslmode=prefer"))
	g.Expect(looseTLS("postgres://a@db/x?sslmode=require")).To(ContainSubstring("sslmode=require"))
	for _, text := range []string{"postgres://a@db/x?sslmode=verify-full", "postgres://a@db/x?sslmode=verify-ca", "word"} {
		g.Expect(looseTLS(text)).To(BeEmpty(), text)
	}
}

func TestCards(t *testing.T) {
	// Numbers of the shapes that brands have, whose last digit fits.
	number := func(begin string, length int) string {
		body := begin + strings.Repeat("7203951846", 2)[:length-len(begin)-1]
		for d := byte('0'); d <= '9'; d++ {
			if luhn(body + string(d)) {
				return body + string(d)
			}
		}
		panic("no digit fits")
	}
	visa := number("4532", 16)
	for text, want := range map[string]bool{
		visa:                     true,
		"card " + visa + ".":     true,
		`{"pan":"` + visa + `"}`: true,
		visa[:4] + "-" + visa[4:8] + "-" + visa[8:12] + "-" + visa[12:]: true,
		visa[:4] + " " + visa[4:8] + " " + visa[8:12] + " " + visa[12:]: true,
		number("4532", 13):                          true,
		number("5412", 16):                          true,
		number("2310", 16):                          true,
		number("3782", 15):                          true,
		number("6011", 16):                          true,
		number("3530", 16):                          true,
		number("3612", 14):                          true,
		number("6212", 16):                          true,
		visa[:15] + string('0'+(visa[15]-'0'+1)%10): false,
		number("9532", 16):                          false,
		number("4532", 15):                          false,
		visa[:2] + " " + visa[2:]:                   false,
		"a" + visa:                                  false,
		visa + "f":                                  false,
		"1." + visa:                                 false,
		"id-" + visa:                                false,
		"4242424242424242":                          false,
		"4242 4242 4242 4242":                       false,
		"4444444444444448":                          false,
		"1732622400000":                             false,
		"":                                          false,
	} {
		_, _, got := cardIn(text)
		if got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCardFields(t *testing.T) {
	for key, want := range map[string]bool{
		"cvv": true, "CVC": true, "cvv2": true, "cardNumber": true, "card_number": true, "CARD-NUMBER": true,
		"exp_month": true, "expYear": true, "cardExpiry": true, "credit_card": true, "card_cvc": true,
		"expiry": false, "certExpiry": false, "cvcTemplate": false, "card": false, "cardType": false, "expires": false,
	} {
		if cardField(key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
}

func TestNear(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "10.1.2.3": true, "app": true, "app.shop.svc": true,
		"app.shop.svc.cluster.local": true, "app.shop.svc.acme.internal": true, "APP.SHOP.SVC.": true,
		"app.payments": true, "db.corp.internal": true, "a.localhost": true,
		"example.com": false, "app.shop": false, "203.0.113.7": false, "app.co.uk": false, "x.github.io": false,
	} {
		if near(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

func TestSameAddress(t *testing.T) {
	g := NewWithT(t)
	for _, same := range []string{
		"https://HOOKS.acme.com/a", "https://hooks.acme.com:443/a/", "http://hooks.acme.com:80/a?kassa=1",
	} {
		g.Expect(sameAddress(same)).To(Equal(sameAddress("https://hooks.acme.com/a")), same)
	}
	g.Expect(sameAddress("https://hooks.acme.com/A")).NotTo(Equal(sameAddress("https://hooks.acme.com/a")))
	g.Expect(sameAddress("https://hooks.acme.com:8443/a")).NotTo(Equal(sameAddress("https://hooks.acme.com/a")))
}

func TestNamespacesThatSayWhatTheyAreFor(t *testing.T) {
	g := NewWithT(t)
	g.Expect(says("shop-staging", testWords)).To(BeTrue())
	g.Expect(says("dev", testWords)).To(BeTrue())
	g.Expect(says("contest", testWords)).To(BeFalse())
	g.Expect(says("shop-prod", liveWords)).To(BeTrue())
	g.Expect(says("products", liveWords)).To(BeFalse())
}
