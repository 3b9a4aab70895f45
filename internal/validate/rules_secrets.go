package validate

import (
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

const keepOut = "keep the value out of Git (External Secrets, Sealed Secrets, SOPS, or kubectl create secret) and " +
	"replace it at the provider, because it stays in the history"

var secretRules = []Rule{
	{
		ID: "KASSA010", Name: "live-secret-committed", Severity: Error, Docs: "docs/providers.md#the-key",
		Summary: "A Secret manifest has a live key, or a signing secret, in plain text",
		Help: "base64 hides nothing: whoever reads the repository can move money, or sign events. Keep the value out of " +
			"Git and replace it at the provider.",
		check: func(j *judge) {
			committed(func(t token) bool { return t.mode != modeTest })(j)
			committedKeys(j)
		},
	},
	{
		ID: "KASSA011", Name: "key-outside-a-secret", Severity: Error, Docs: "docs/providers.md#the-key",
		Summary: "A provider's key or a signing secret stands outside of a Secret",
		Help: "Specs, ConfigMaps, environment values, annotations and comments are read by many who may not read Secrets. " +
			"Put the value into a Secret and name that.",
		check: outsideSecret,
	},
	{
		ID: "KASSA012", Name: "test-key-committed", Severity: Warning, Docs: "docs/providers.md#the-key",
		Summary: "A Secret manifest has a test key in plain text",
		Help:    "With a test key anybody can fill, read and empty the test account. Keep it out of Git, too.",
		check:   committed(func(t token) bool { return t.mode == modeTest }),
	},
	{
		ID: "KASSA013", Name: "password-in-connection-string", Severity: Error, Docs: "docs/sql.md",
		Summary: "A connection string with a password stands in plain text",
		Help:    "Whoever reads it can read all customers and payments. Keep it in a Secret that is not in Git.",
		check:   connectionStrings,
	},
	{
		ID: "KASSA014", Name: "connection-without-tls", Severity: Warning, Docs: "docs/sql.md",
		Summary: "The connection string of a database does not ask for verified TLS",
		Help:    "Customers' data would go over the network in plain text. Add sslmode=verify-full.",
		check:   connectionsWithoutTLS,
	},
	{
		ID: "KASSA015", Name: "card-number", Severity: Error, Docs: "docs/checkout.md",
		Summary: "There is a card number",
		Help: "Card data must never be stored by you. Buyers type it into the provider's own page. Remove it from the " +
			"history, too.",
		check: cardNumbers,
	},
	{
		ID: "KASSA016", Name: "card-field", Severity: Error, Docs: "docs/checkout.md",
		Summary: "A field is named like the security code, the expiry or the number of a card",
		Help:    "No part of Kassa takes card data, and none may be stored. Leave the field out.",
		check:   cardFields,
	},
}

func committed(counts func(token) bool) func(*judge) {
	return func(j *judge) {
		for _, l := range j.leaks {
			if l.inSecret && l.token.what != "" && counts(l.token) {
				mode := map[tokenMode]string{modeLive: " of live mode", modeTest: " of test mode"}[l.token.mode]
				j.reportAt(l.document, l.place, l.path, "%s%s stands here in plain text; %s", l.token.what, mode, keepOut)
			}
		}
	}
}

// committedKeys finds live keys that have no shape of their own, by who names them.
func committedKeys(j *judge) {
	for _, p := range j.providers {
		ref := apiKeyOf(p.T)
		if ref == nil || p.T.Spec.Mode != v1alpha1.ModeLive {
			continue
		}
		j.eachValue(p.key.Namespace, ref, func(s *secret, value string) {
			if len(value) >= minKey && !placeholder(value) && len(tokensIn(value)) == 0 {
				j.report(s.Document, s.paths[ref.Key], "the key of PaymentProvider %q, which is in Live mode, stands here in "+
					"plain text; %s", p.Name(), keepOut)
			}
		})
	}
}

// minKey is the length that a provider's key has at least.
const minKey = 20

func outsideSecret(j *judge) {
	for _, l := range j.leaks {
		if l.inSecret || l.token.what == "" {
			continue
		}
		where := "outside of a Secret"
		if l.document == nil {
			where = "in a comment"
		}
		j.reportAt(l.document, l.place, l.path, "%s stands %s; name a Secret instead, such as apiKeySecretRef or "+
			"valueFrom.secretKeyRef, and replace the value at the provider, because it stays in the history",
			l.token.what, where)
	}
}

func connectionStrings(j *judge) {
	for _, l := range j.leaks {
		if !l.connection {
			continue
		}
		if l.inSecret {
			j.reportAt(l.document, l.place, l.path, "this connection string has a password in plain text; keep the value "+
				"out of Git (External Secrets, Sealed Secrets, SOPS, or kubectl create secret), and change the password")
			continue
		}
		j.reportAt(l.document, l.place, l.path, "this connection string has a password; put it into a Secret that is not "+
			"in Git, name that by dsnSecretRef or valueFrom.secretKeyRef, and change the password")
	}
}

func connectionsWithoutTLS(j *judge) {
	for _, s := range j.secrets {
		for name, value := range s.values {
			if why := looseTLS(value); why != "" {
				j.report(s.Document, s.paths[name], "this connection string %s; end it with ?sslmode=verify-full", why)
			}
		}
	}
}

func cardNumbers(j *judge) {
	for _, l := range j.leaks {
		if l.card {
			j.reportAt(l.document, l.place, l.path, "this looks like the number of a card; remove it, and try things out "+
				"with the provider's published test cards, such as 4242 4242 4242 4242")
		}
	}
}

func cardFields(j *judge) {
	for _, l := range j.leaks {
		if l.key != "" {
			j.reportAt(l.document, l.place, l.path, "%s is a name of card data, which must not be stored; leave it out: "+
				"buyers type it into the provider's page", strings.TrimSpace(l.key))
		}
	}
}
