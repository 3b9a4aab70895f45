package validate

import (
	"errors"
	"slices"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var modeRules = []Rule{
	{
		ID: "KASSA030", Name: "wrong-key", Severity: Error, Docs: "docs/providers.md#the-key",
		Summary: "A Secret has a key of another mode, of another provider or of another kind than its PaymentProvider needs",
		Help:    "Kassa would refuse it before it writes anything, and the account would not be usable.",
		check:   wrongKeys,
	},
	{
		ID: "KASSA031", Name: "live-in-a-test-namespace", Severity: Error, Docs: "docs/providers.md",
		Summary: "Live mode, or a live key, is in a namespace whose name says test",
		Help: "Tests would move real money. Give Live accounts a namespace of their own. A namespace counts as one for " +
			"tests if a part of its name is test, staging, dev, qa, sandbox or the like.",
		check: liveInTest,
	},
	{
		ID: "KASSA032", Name: "test-in-a-live-namespace", Severity: Warning, Docs: "docs/providers.md",
		Summary: "Test mode, or a test key, is in a namespace whose name says production",
		Help:    "Customers would get what they ordered without paying. Write mode: Live, or move it to another namespace.",
		check:   testInLive,
	},
	{
		ID: "KASSA033", Name: "live-at-another-address", Severity: Warning, Docs: "docs/providers.md",
		Summary: "A PaymentProvider in Live mode has a baseURL",
		Help:    "The live key is sent there instead of to the provider. Remove baseURL, unless it is a proxy of yours.",
		check:   liveElsewhere,
	},
}

func wrongKeys(j *judge) {
	for _, p := range j.providers {
		adapter, err := j.Registry.Adapter(typeOf(p.T))
		if err != nil {
			continue
		}
		mode := billing.Mode(p.T.Spec.Mode)
		if ref := apiKeyOf(p.T); ref != nil {
			j.eachValue(p.key.Namespace, ref, func(s *secret, value string) {
				j.wrongKey(&p, s, ref.Key, adapter.CheckKey(value, mode))
			})
		}
		tokens, ok := adapter.(provider.ClientTokens)
		if paddle := p.T.Spec.Paddle; ok && paddle != nil && paddle.ClientTokenSecretRef != nil {
			ref := paddle.ClientTokenSecretRef
			j.eachValue(p.key.Namespace, ref, func(s *secret, value string) {
				j.wrongKey(&p, s, ref.Key, tokens.CheckClientToken(value, mode))
			})
		}
	}
}

func (j *judge) wrongKey(p *paymentProvider, s *secret, key string, err error) {
	var refusal *provider.Error
	if errors.As(err, &refusal) {
		j.report(s.Document, s.paths[key], "PaymentProvider %q cannot use this: %s", p.Name(), refusal.Message)
	}
}

// eachValue calls a function for the value that a reference names, in each Secret of the set that it may mean. An empty
// one, or one that something else fills in, is none.
func (j *judge) eachValue(namespace string, ref *v1alpha1.SecretKeyReference, use func(*secret, string)) {
	for i := range j.secrets {
		s := &j.secrets[i]
		if s.key.Namespace != namespace || s.key.Name != ref.Name {
			continue
		}
		if value := s.values[ref.Key]; value != "" && !strings.ContainsAny(value, "$<{") {
			use(s, value)
		}
	}
}

// typeOf is the provider of an account, or empty where the spec names none.
func typeOf(p *v1alpha1.PaymentProvider) billing.Provider {
	switch {
	case p.Spec.Stripe != nil:
		return billing.Stripe
	case p.Spec.Paddle != nil:
		return billing.Paddle
	case p.Spec.LemonSqueezy != nil:
		return billing.LemonSqueezy
	}
	return ""
}

func apiKeyOf(p *v1alpha1.PaymentProvider) *v1alpha1.SecretKeyReference {
	switch {
	case p.Spec.Stripe != nil:
		return &p.Spec.Stripe.APIKeySecretRef
	case p.Spec.Paddle != nil:
		return &p.Spec.Paddle.APIKeySecretRef
	case p.Spec.LemonSqueezy != nil:
		return &p.Spec.LemonSqueezy.APIKeySecretRef
	}
	return nil
}

var (
	testWords = []string{
		"test", "tests", "testing", "staging", "stage", "dev", "development", "sandbox", "qa", "e2e", "ci", "preview",
		"demo", "uat",
	}
	liveWords = []string{"prod", "production", "live"}
)

// says finds one of some words as a part of a namespace's name.
func says(namespace string, words []string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(namespace, func(r rune) bool { return r == '-' || r == '.' }),
		func(part string) bool { return slices.Contains(words, part) })
}

func liveInTest(j *judge) {
	j.misplaced(v1alpha1.ModeLive, modeLive, "live", func(namespace string) bool {
		return says(namespace, testWords) && !says(namespace, liveWords)
	}, "move it to a namespace of its own")
}

func testInLive(j *judge) {
	j.misplaced(v1alpha1.ModeTest, modeTest, "test", func(namespace string) bool {
		return says(namespace, liveWords) && !says(namespace, testWords)
	}, "write mode: Live with a live key, or move it to another namespace")
}

func (j *judge) misplaced(
	mode v1alpha1.Mode, shape tokenMode, word string, where func(namespace string) bool, instead string,
) {
	for _, p := range j.providers {
		if p.T.Spec.Mode == mode && where(p.key.Namespace) {
			j.report(p.Document, "spec.mode", "mode is %s in namespace %q; %s", mode, p.key.Namespace, instead)
		}
	}
	for _, l := range j.leaks {
		if l.document == nil || l.token.what == "" || l.token.mode != shape {
			continue
		}
		if namespace := j.keyOf(l.document).Namespace; where(namespace) {
			j.reportAt(l.document, l.place, l.path, "%s of %s mode is in namespace %q; %s", l.token.what, word, namespace,
				instead)
		}
	}
}

func liveElsewhere(j *judge) {
	for _, p := range j.providers {
		if p.T.Spec.Mode == v1alpha1.ModeLive && p.T.Spec.BaseURL != "" {
			j.report(p.Document, "spec.baseURL", "the live key of %q is sent to this address instead of the provider's; "+
				"remove baseURL, unless it is a proxy of yours", p.Name())
		}
	}
}
