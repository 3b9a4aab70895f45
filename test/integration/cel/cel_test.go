// Package cel checks that a real API server refuses what no spec may say, with a sentence that helps.
package cel

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }

const (
	provider = `
apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata: {name: stripe}
spec:
  mode: Test
  stripe: {apiKeySecretRef: {name: stripe-api, key: api-key}}
`
	plan = `
apiVersion: billing.kassa.dev/v1alpha1
kind: Plan
metadata: {name: pro}
spec:
  providers: [{name: stripe}]
  displayName: Pro
  prices:
  - {name: monthly, amount: "29.00", currency: USD, recurring: {interval: Month}}
  - {name: yearly, amount: "290.00", currency: USD, recurring: {interval: Year}}
`
	receiver = `
apiVersion: billing.kassa.dev/v1alpha1
kind: WebhookReceiver
metadata: {name: stripe}
spec:
  providerRef: {name: stripe}
  url: https://hooks.example.com/stripe
  registration: {managed: {}}
`
)

// Each case replaces one piece of a good object.
func TestRules(t *testing.T) {
	cp := controlplane.Shared(t)
	namespace := cp.Namespace(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, tc := range []struct {
		why, object, old, new string
		want                  string // part of the message; empty: accepted
	}{
		{"a good provider", provider, "", "", ""},
		{"two providers in one", provider, "stripe: {", "paddle: {apiKeySecretRef: {name: a, key: b}}\n  stripe: {",
			"set exactly one of stripe, paddle and lemonSqueezy"},
		{"no provider", provider, "  stripe: {apiKeySecretRef: {name: stripe-api, key: api-key}}", "",
			"set exactly one of stripe, paddle and lemonSqueezy"},
		{"an unknown mode", provider, "mode: Test", "mode: Sandbox", `supported values: "Test", "Live"`},
		{"no mode", provider, "mode: Test", "suspend: false", "spec.mode: Required value"},
		{"plain HTTP with real money", provider, "mode: Test", "mode: Live\n  baseURL: http://proxy.example.com",
			"baseURL must start with https:// in Live mode"},
		{"plain HTTP in a sandbox", provider, "mode: Test", "mode: Test\n  baseURL: http://sandbox:12111", ""},
		{"an account id of something else", provider, "stripe: {", "stripe: {accountID: prod_12, ",
			"starts with acct_"},
		{"an interval of no length", provider, "mode: Test", "mode: Test\n  driftCheckInterval: 1ms",
			"driftCheckInterval is a duration between 10s and 24h"},
		{"an interval that no duration can hold", provider, "mode: Test", "mode: Test\n  driftCheckInterval: 99999999999999h",
			"driftCheckInterval"},
		{"an interval that is none", provider, "mode: Test", "mode: Test\n  driftCheckInterval: soon",
			"driftCheckInterval"},

		{"a good plan", plan, "", "", ""},
		{"three decimals of a dollar", plan, `"29.00"`, `"29.999"`,
			"amount 29.999 has more decimals than USD allows (2, such as 29.00)"},
		{"decimals of a yen", plan, `"29.00", currency: USD`, `"29.5", currency: JPY`,
			"amount 29.5 has more decimals than JPY allows (0, such as 29)"},
		{"three decimals of a dinar", plan, `"29.00", currency: USD`, `"29.125", currency: KWD`, ""},
		{"four decimals of a dinar", plan, `"29.00", currency: USD`, `"29.1255", currency: KWD`,
			"amount 29.1255 has more decimals than KWD allows (3, such as 29.000)"},
		{"a negative amount", plan, `"29.00"`, `"-1"`, "amount is a decimal in major units, without sign"},
		{"no number", plan, `"29.00"`, `"abc"`, "amount is a decimal in major units"},
		{"a number instead of a string", plan, `"29.00"`, `29.00`, "must be of type string"},
		{"a thousands separator", plan, `"29.00"`, `"1,000.00"`, "amount is a decimal in major units"},
		{"more than anybody pays", plan, `"29.00"`, `"1000000000"`, "below one thousand million"},
		{"a free price", plan, `"29.00"`, `"0"`, ""},
		{"an unknown currency", plan, "USD", "XXX", "currency XXX is not an ISO 4217 code of a currency in use"},
		{"a currency in lower case", plan, "USD", "usd", "codes are upper case, such as USD or EUR"},
		{"two prices of one name", plan, "name: yearly", "name: monthly", `Duplicate value: {"name":"monthly"}`},
		{"a price name that is no label", plan, "name: yearly", "name: Yearly!",
			"a price name has lower-case letters, digits and dashes"},
		{"a default price that is not there", plan, "displayName: Pro", "displayName: Pro\n  defaultPrice: weekly",
			"defaultPrice must be the name of one of spec.prices"},
		{"a period of four years", plan, "{interval: Year}", "{interval: Year, intervalCount: 4}",
			"a billing period is at most three years"},
		{"no prices", plan, "prices:", "prices: []\nignored:", "spec.prices"},
		{"a picture without TLS", plan, "displayName: Pro", "displayName: Pro\n  imageURLs: [\"http://x.example/p.png\"]",
			"an image URL starts with https://"},
		{"Kassa's own marks", plan, "displayName: Pro", "displayName: Pro\n  metadata: {kassa_uid: x}",
			"does not start with kassa"},
		{"metadata without a value", plan, "displayName: Pro", "displayName: Pro\n  metadata: {team: \"\"}",
			"leave a key out instead of giving it no value"},

		{"a good receiver", receiver, "", "", ""},
		{"two registrations", receiver, "managed: {}", "managed: {}, manual: {signingSecretRef: {name: x}}",
			"set exactly one of managed and manual"},
		{"no registration", receiver, "{managed: {}}", "{}", "set exactly one of managed and manual"},
		{"a url without a host", receiver, "https://hooks.example.com/stripe", "https:///stripe", "url is an absolute URL"},
		{"a url of a mail program", receiver, "https://hooks.example.com/stripe", "mailto:a@example.com",
			"url is an absolute URL"},
		{"an event that is no name", receiver, "registration:", "events: [\"Payment Succeeded\"]\n  registration:",
			"an event is a name such as payment.succeeded"},
		{"a forgetful ledger", receiver, "registration:", "ledger: {retention: 24h}\n  registration:",
			"retention is a duration between 72h and 8760h"},
		{"a back-off the wrong way round", receiver, "registration:",
			"delivery: {retry: {minBackoff: 1h, maxBackoff: 1m}}\n  registration:",
			"minBackoff must not be longer than maxBackoff"},
		{"a sink that is no URL", receiver, "registration:",
			"delivery: {sinks: [{name: app, http: {uri: \"app.shop.svc\"}}]}\n  registration:",
			"uri is an absolute http or https URL"},
		{"two sinks of one name", receiver, "registration:",
			"delivery: {sinks: [{name: a, http: {uri: \"http://a\"}}, {name: a, http: {uri: \"http://b\"}}]}\n  registration:",
			`Duplicate value: {"name":"a"}`},
		{"a name too long for a ledger", receiver, "name: stripe}\nspec", "name: " + strings.Repeat("a", 41) + "}\nspec",
			"a WebhookReceiver's name has at most 40 characters"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			g := NewWithT(t)
			text := tc.object
			if tc.old != "" {
				g.Expect(text).To(ContainSubstring(tc.old))
				text = strings.Replace(text, tc.old, tc.new, 1)
			}
			err := c.Create(t.Context(), parse(g, text, namespace), client.DryRunAll,
				&client.CreateOptions{Raw: &metav1.CreateOptions{FieldValidation: "Ignore"}})
			if tc.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			g.Expect(err.Error()).To(ContainSubstring(tc.want))
		})
	}
}

// What cannot change later.
func TestImmutableFields(t *testing.T) {
	cp := controlplane.Shared(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, tc := range []struct {
		why, object, want string
		change            func(map[string]any) error
	}{
		{"the mode", provider, "mode cannot change", func(o map[string]any) error {
			return unstructured.SetNestedField(o, "Live", "spec", "mode")
		}},
		{"a receiver's provider", receiver, "providerRef cannot change", func(o map[string]any) error {
			return unstructured.SetNestedField(o, "other", "spec", "providerRef", "name")
		}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			g := NewWithT(t)
			o := parse(g, tc.object, cp.Namespace(t))
			g.Expect(c.Create(t.Context(), o)).To(Succeed())
			g.Expect(tc.change(o.Object)).To(Succeed())
			err := c.Update(t.Context(), o)
			g.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			g.Expect(err.Error()).To(ContainSubstring(tc.want))
		})
	}
}

func parse(g Gomega, text, namespace string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	g.Expect(yaml.Unmarshal([]byte(text), &o.Object)).To(Succeed())
	o.SetNamespace(namespace)
	return o
}
