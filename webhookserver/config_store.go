package webhookserver

import (
	"strings"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// secretNames are the Secrets that a receiver's spec names.
func secretNames(r *v1alpha1.WebhookReceiver) []string {
	out := append(sinkSecrets(r.Spec.Delivery), signingSecretName(r))
	if ref := dsnSecret(r); ref != nil {
		out = append(out, ref.Name)
	}
	return out
}

// dsnSecret is nil where nothing is kept in a database.
func dsnSecret(r *v1alpha1.WebhookReceiver) *v1alpha1.SecretKeyReference {
	if r.Spec.Store == nil || r.Spec.Store.Postgres == nil {
		return nil
	}
	return &r.Spec.Store.Postgres.DSNSecretRef
}

// setDatabase tells where the database is, and returns what is wrong with that. A database that is known counts on,
// whatever becomes of its Secret: events would be refused for want of what is there. c.mu is held.
func (c *config) setDatabase() string {
	if c.receiver == nil || c.database == nil {
		return ""
	}
	why := c.tellDatabase(dsnSecret(c.receiver))
	switch {
	case why == "":
		c.databaseKnown = true
	case c.databaseKnown:
		c.log.Warn("the database's connection string is not renewed", "reason", why)
		return ""
	}
	return why
}

func (c *config) tellDatabase(ref *v1alpha1.SecretKeyReference) string {
	if ref == nil {
		return "spec.store is not set, and this server was started for a database"
	}
	secret := c.secret(ref.Name)
	if secret.err != "" {
		return "the Secret " + ref.Name + " " + secret.err
	}
	dsn := strings.TrimSpace(string(secret.data[ref.Key]))
	if dsn == "" {
		return "the Secret " + ref.Name + " has no connection string under " + ref.Key
	}
	if err := c.database(dsn); err != nil {
		return "the Secret " + ref.Name + ": " + err.Error()
	}
	return ""
}
