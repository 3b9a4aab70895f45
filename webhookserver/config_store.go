package webhookserver

import (
	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/store"
)

// secretNames are the Secrets that a receiver's spec names.
func secretNames(r *v1alpha1.WebhookReceiver) []string {
	out := append(sinkSecrets(r.Spec.Delivery), reception.LiveSecret(r))
	for _, part := range store.Parts(r) {
		out = append(out, part.Name)
	}
	return out
}

// setDatabase tells where the database is, and returns what is wrong with that. A database that is known counts on,
// whatever becomes of its Secrets: events would be refused for want of what is there. c.mu is held.
func (c *config) setDatabase() string {
	if c.receiver == nil || c.database == nil {
		return ""
	}
	why := c.tellDatabase()
	if !c.databaseKnown {
		c.databaseKnown = why == ""
		return why
	}
	if why != "" && why != c.unrenewed {
		c.log.Warn("the database's address is not renewed", "reason", why)
	}
	c.unrenewed = why
	return ""
}

func (c *config) tellDatabase() string {
	if len(store.Parts(c.receiver)) == 0 {
		return "spec.store is not set, and this server was started for a database"
	}
	address, missing := store.AddressOf(c.receiver, func(name string) (map[string][]byte, string) {
		secret := c.secret(name)
		return secret.data, secret.err
	})
	if missing != "" {
		return missing
	}
	if err := c.database(address); err != nil {
		return "spec.store.postgres: " + err.Error()
	}
	return ""
}
