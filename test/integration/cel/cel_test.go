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
	event = `
apiVersion: billing.kassa.dev/v1alpha1
kind: WebhookEvent
metadata: {name: stripe-1}
spec:
  receiver: stripe
  eventID: evt_1
  receivedAt: "2026-01-31T10:00:00Z"
  occurredAt: "2026-01-31T10:00:00.000000Z"
  orderKey: a
  payload: AAAA
  sinks: [app]
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

		{"two bounds and an end", plan, `amount: "29.00"`, tiers(`{upTo: 10, unitAmount: "5.00"}, {unitAmount: "4.00"}`), ""},
		{"amount and tiers", plan, `amount: "29.00"`, `amount: "29.00", ` + tiers(`{unitAmount: "4.00"}`),
			"set either amount or tiers"},
		{"neither amount nor tiers", plan, `amount: "29.00", `, "", "set either amount or tiers"},
		{"tiers without an end", plan, `amount: "29.00"`, tiers(`{upTo: 10, unitAmount: "5.00"}`),
			"the last tier, and only that, has no upTo"},
		{"an open tier in the middle", plan, `amount: "29.00"`,
			tiers(`{unitAmount: "5.00"}, {upTo: 10, unitAmount: "5.00"}, {unitAmount: "4.00"}`),
			"the last tier, and only that, has no upTo"},
		{"tiers that shrink", plan, `amount: "29.00"`,
			tiers(`{upTo: 10, unitAmount: "5.00"}, {upTo: 5, unitAmount: "4.50"}, {unitAmount: "4.00"}`),
			"each tier's upTo is greater than that of the tier before it"},
		{"tiers that stand still", plan, `amount: "29.00"`,
			tiers(`{upTo: 10, unitAmount: "5.00"}, {upTo: 10, unitAmount: "4.50"}, {unitAmount: "4.00"}`),
			"each tier's upTo is greater than that of the tier before it"},
		{"fractions of a cent in a tier", plan, `amount: "29.00"`, tiers(`{unitAmount: "0.001"}`),
			"an amount of a tier has more decimals than USD allows (2, such as 29.00)"},
		{"another currency", plan, `amount: "29.00"`,
			`amount: "29.00", currencyOptions: [{currency: EUR, amount: "27.00"}, {currency: JPY, amount: "4000"}]`, ""},
		{"the same currency again", plan, `amount: "29.00"`,
			`amount: "29.00", currencyOptions: [{currency: USD, amount: "27.00"}]`, "currencyOptions are further currencies"},
		{"another currency twice", plan, `amount: "29.00"`,
			`amount: "29.00", currencyOptions: [{currency: EUR, amount: "27.00"}, {currency: EUR, amount: "28.00"}]`,
			`Duplicate value: {"currency":"EUR"}`},
		{"decimals of another yen", plan, `amount: "29.00"`,
			`amount: "29.00", currencyOptions: [{currency: JPY, amount: "4000.5"}]`,
			"amount 4000.5 has more decimals than JPY allows (0, such as 29)"},
		{"another currency without its tiers", plan, `amount: "29.00"`,
			tiers(`{upTo: 10, unitAmount: "5.00"}, {unitAmount: "4.00"}`) +
				`, currencyOptions: [{currency: EUR, amount: "4.00"}]`,
			"as many tiers as the price has"},
		{"another currency with its tiers", plan, `amount: "29.00"`,
			tiers(`{upTo: 10, unitAmount: "5.00"}, {unitAmount: "4.00"}`) +
				`, currencyOptions: [{currency: EUR, tiers: [{unitAmount: "4.50"}, {unitAmount: "3.50", flatAmount: "1"}]}]`, ""},
		{"usage that is paid once", plan, `recurring: {interval: Month}`, "metered: {aggregate: Sum}",
			"metered needs recurring"},
		{"a trial of what is paid once", plan, `recurring: {interval: Month}`, "trial: {days: 14}", "trial needs recurring"},
		{"a trial of three years", plan, `recurring: {interval: Month}`, "recurring: {interval: Month}, trial: {days: 1095}",
			"should be less than or equal to 730"},
		{"an adoption", plan, "{name: stripe}",
			"{name: stripe, adopt: {productID: prod_1, prices: [{name: monthly, id: price_1}]}}", ""},
		{"an adoption of a price that is none", plan, "{name: stripe}",
			"{name: stripe, adopt: {productID: prod_1, prices: [{name: weekly, id: price_1}]}}",
			"adopt.prices names prices of spec.prices"},
		{"an adoption for two names", plan, "{name: stripe}",
			"{name: stripe, adopt: {productID: prod_1, prices: [{name: monthly, id: price_1}, {name: yearly, id: price_1}]}}",
			"each id can be adopted once"},
		{"a management that is none", plan, "displayName: Pro", "displayName: Pro\n  management: Ignore",
			`supported values: "Enforce", "Observe", "Preview"`},
		{"ids for applications", plan, "displayName: Pro",
			"displayName: Pro\n  publishTo: {configMapName: pro.prices-1}", ""},
		{"ids for a ConfigMap that cannot be", plan, "displayName: Pro",
			"displayName: Pro\n  publishTo: {configMapName: Pro_Prices}", "configMapName is the name of a ConfigMap"},
		{"a selector that is not asked for", provider, "mode: Test",
			"mode: Test\n  allowedNamespaces: {from: All, selector: {matchLabels: {a: b}}}",
			"selector is set with from: Selector, and only then"},
		{"a selector that is missing", provider, "mode: Test", "mode: Test\n  allowedNamespaces: {from: Selector}",
			"selector is set with from: Selector, and only then"},

		{"a good receiver", receiver, "", "", ""},
		{"two registrations", receiver, "managed: {}", "managed: {}, manual: {signingSecretRef: {name: x}}",
			"set exactly one of managed and manual"},
		{"no registration", receiver, "{managed: {}}", "{}", "set exactly one of managed and manual"},
		{"a url without a host", receiver, "https://hooks.example.com/stripe", "https:///stripe", "url is an absolute URL"},
		{"a url of a mail program", receiver, "https://hooks.example.com/stripe", "mailto:a@example.com",
			"url is an absolute URL"},
		{"an event that is no name", receiver, "registration:", "events: [\"Payment Succeeded\"]\n  registration:",
			"an event is a name such as payment.succeeded"},
		{"dunning", receiver, "registration:", "dunning: {afterFailedPayments: 10, action: Pause}\n  registration:", ""},
		{"dunning at once", receiver, "registration:", "dunning: {afterFailedPayments: 0, action: Pause}\n  registration:",
			"spec.dunning.afterFailedPayments"},
		{"dunning too late", receiver, "registration:", "dunning: {afterFailedPayments: 11, action: Pause}\n  registration:",
			"should be less than or equal to 10"},
		{"dunning by nothing", receiver, "registration:", "dunning: {afterFailedPayments: 3}\n  registration:",
			"spec.dunning.action"},
		{"Kassa's own sink", receiver, "registration:", "delivery: {sinks: [{name: kassa-dunning, http: {uri: " +
			"\"http://app.example.com\"}}]}\n  registration:", "kassa-dunning is the name of a sink of Kassa's own"},
		{"a forgetful ledger", receiver, "registration:", "ledger: {retention: 24h}\n  registration:",
			"retention is a duration between 72h and 8760h"},
		{"a database", receiver, "registration:", "store: {postgres: {dsnSecretRef: {name: db, key: dsn}, caSecretRef: " +
			"{name: db-ca, key: ca.crt}, clientCertificateSecretRef: {name: db-client}}}\n  registration:", ""},
		{"a database without an address", receiver, "registration:",
			"store: {postgres: {caSecretRef: {name: db-ca, key: ca.crt}}}\n  registration:",
			"spec.store.postgres.dsnSecretRef: Required value"},
		{"an authority without a key", receiver, "registration:", "store: {postgres: {dsnSecretRef: {name: db, key: dsn}, " +
			"caSecretRef: {name: db-ca}}}\n  registration:", "spec.store.postgres.caSecretRef.key: Required value"},
		{"a store of nothing", receiver, "registration:", "store: {}\n  registration:", "set postgres"},
		{"a recovery without a pause", receiver, "registration:", "recovery: {interval: 5s}\n  registration:",
			"interval is a duration between 1m and 24h"},
		{"a back-off the wrong way round", receiver, "registration:",
			"delivery: {retry: {minBackoff: 1h, maxBackoff: 1m}}\n  registration:",
			"minBackoff must not be longer than maxBackoff"},
		{"a sink that is no URL", receiver, "registration:",
			"delivery: {sinks: [{name: app, http: {uri: \"app.shop.svc\"}}]}\n  registration:",
			"uri is an absolute http or https URL"},
		{"two sinks of one name", receiver, "registration:",
			"delivery: {sinks: [{name: a, http: {uri: \"http://a\"}}, {name: a, http: {uri: \"http://b\"}}]}\n  registration:",
			`Duplicate value: {"name":"a"}`},
		{"a first pause that is longer than the longest is by default", receiver, "registration:",
			"delivery: {retry: {minBackoff: 1h}}\n  registration:",
			""},
		{"replicas of two minds", receiver, "registration:",
			"workload: {replicas: 2, autoscaling: {maxReplicas: 3}}\n  registration:",
			"set replicas or autoscaling, not both"},
		{"more replicas at least than at most", receiver, "registration:",
			"workload: {autoscaling: {minReplicas: 4, maxReplicas: 3}}\n  registration:",
			"minReplicas must not be more than maxReplicas"},
		{"limits", receiver, "registration:",
			"workload: {resources: {limits: {memory: 128Mi}}}\n  registration:",
			""},
		{"a device", receiver, "registration:",
			"workload: {resources: {claims: [{name: gpu}]}}\n  registration:",
			"claims are of no use to this server; set requests and limits"},
		{"peers of a policy that is not made", receiver, "registration:",
			"workload: {networkPolicy: {mode: Disabled, from: [{podSelector: {}}]}}\n  registration:",
			"from needs mode: Enabled"},
		{"two ways from outside", receiver, "registration:",
			"expose: {ingress: {}, httpRoute: {parentRefs: [{name: public}]}}\n  registration:",
			"set exactly one of ingress and httpRoute"},
		{"no way from outside", receiver, "registration:",
			"expose: {}\n  registration:",
			"set exactly one of ingress and httpRoute"},
		{"a clock that may be anything", receiver, "registration:",
			"signatureTolerance: 24h\n  registration:",
			"signatureTolerance is a duration between 5s and 1h"},
		{"a sink whose name is a sentence", receiver, "registration:",
			"delivery: {sinks: [{name: The App, http: {uri: \"http://a\"}}]}\n  registration:",
			"a sink name has lower-case letters"},
		{"a patient sink", receiver, "registration:",
			"delivery: {sinks: [{name: app, http: {uri: \"http://a\", timeout: 1m}}]}\n  registration:",
			"timeout is a duration between 100ms and 30s"},
		{"an overlap of more than two secrets", receiver, "managed: {}",
			"managed: {rotation: {interval: 2h, overlap: 2h}}", "overlap must be shorter than interval"},
		{"a rotation that is asked for only", receiver, "managed: {}", "managed: {rotation: {overlap: 0s}}", ""},
		{"a name too long for a ledger", receiver, "name: stripe}\nspec", "name: " + strings.Repeat("a", 41) + "}\nspec",
			"a WebhookReceiver's name has at most 40 characters"},
	} {
		t.Run(tc.why, func(t *testing.T) { judge(t, c, namespace, tc.object, tc.old, tc.new, tc.want) })
	}
}

// judge lets the API server judge a good object of which one piece was replaced. want is part of its message; empty:
// accepted.
func judge(t *testing.T, c client.Client, namespace, text, before, after, want string) {
	t.Helper()
	g := NewWithT(t)
	if before != "" {
		g.Expect(text).To(ContainSubstring(before))
		text = strings.Replace(text, before, after, 1)
	}
	object := parse(g, text, namespace)
	err := c.Create(t.Context(), object.DeepCopy(), client.DryRunAll,
		&client.CreateOptions{Raw: &metav1.CreateOptions{FieldValidation: "Ignore"}})
	agrees(t, object, err)
	if want == "" {
		g.Expect(err).NotTo(HaveOccurred())
		return
	}
	g.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
	g.Expect(err.Error()).To(ContainSubstring(want))
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
		{"the provider", provider, "a PaymentProvider stays at its provider", func(o map[string]any) error {
			unstructured.RemoveNestedField(o, "spec", "stripe")
			return unstructured.SetNestedStringMap(o, map[string]string{"name": "a", "key": "b"},
				"spec", "paddle", "apiKeySecretRef")
		}},
		{"adoption that comes later", plan, "adopt is given when a provider is added to the plan and stays",
			func(o map[string]any) error {
				return unstructured.SetNestedSlice(o, []any{map[string]any{
					"name": "stripe", "adopt": map[string]any{"productID": "prod_1"},
				}}, "spec", "providers")
			}},
		{"the adopted product", strings.Replace(plan, "{name: stripe}", "{name: stripe, adopt: {productID: prod_1}}", 1),
			"adopt.productID is fixed while the provider sells the plan", func(o map[string]any) error {
				return unstructured.SetNestedSlice(o, []any{map[string]any{
					"name": "stripe", "adopt": map[string]any{"productID": "prod_2"},
				}}, "spec", "providers")
			}},
		{"the namespace of a provider", plan, "a provider's namespace is fixed", func(o map[string]any) error {
			return unstructured.SetNestedSlice(o, []any{map[string]any{"name": "stripe", "namespace": "x"}}, "spec", "providers")
		}},
		{"a receiver's provider", receiver, "providerRef cannot change", func(o map[string]any) error {
			return unstructured.SetNestedField(o, "other", "spec", "providerRef", "name")
		}},
		{"an event's sinks", event, "a WebhookEvent's spec never changes", func(o map[string]any) error {
			return unstructured.SetNestedStringSlice(o, []string{"app", "other"}, "spec", "sinks")
		}},
		{"an event's key", event, "a WebhookEvent's spec never changes", func(o map[string]any) error {
			unstructured.RemoveNestedField(o, "spec", "orderKey")
			return nil
		}},
		{"an event's time", event, "a WebhookEvent's spec never changes", func(o map[string]any) error {
			return unstructured.SetNestedField(o, "2026-01-31T10:00:00.000001Z", "spec", "occurredAt")
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

func tiers(list string) string { return "tiers: {mode: Graduated, tiers: [" + list + "]}" }

func parse(g Gomega, text, namespace string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	g.Expect(yaml.Unmarshal([]byte(text), &o.Object)).To(Succeed())
	o.SetNamespace(namespace)
	return o
}
