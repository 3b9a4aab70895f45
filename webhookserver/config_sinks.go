package webhookserver

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/trust"
)

// Defaults of a sink, as the API promises.
const (
	defaultSinkTimeout   = 3 * time.Second
	defaultMaxConcurrent = 64
)

// sinkSecrets are the names of the Secrets that the sinks need.
func sinkSecrets(d *v1alpha1.Delivery) []string {
	if d == nil {
		return nil
	}
	var out []string
	for i := range d.Sinks {
		for _, ref := range []*v1alpha1.SecretKeyReference{
			d.Sinks[i].HTTP.TokenSecretRef, d.Sinks[i].HTTP.SigningSecretRef,
		} {
			if ref != nil && !slices.Contains(out, ref.Name) {
				out = append(out, ref.Name)
			}
		}
	}
	return out
}

// connect makes the sinks of a spec, with the lines that are there already. c.mu is held.
func (c *config) connect(d *v1alpha1.Delivery) []sink {
	if d == nil {
		return nil
	}
	out := make([]sink, len(d.Sinks))
	ids, pools := make([]lineID, len(out)), make([]*x509.CertPool, len(out))
	for i, s := range d.Sinks {
		out[i] = sink{
			name: s.Name, timeout: duration(s.HTTP.Timeout, defaultSinkTimeout), events: s.Events,
			binary: s.HTTP.Format == v1alpha1.FormatBinary,
		}
		var err error
		if out[i].credentials, err = credentialsOf(s.HTTP, c.secret); err != nil {
			out[i].unready = err.Error()
		}
		ids[i] = lineID{name: s.Name, uri: s.HTTP.URI, bundle: bundleID(s.HTTP.CABundle), most: defaultMaxConcurrent}
		if s.HTTP.MaxConcurrent != nil {
			ids[i].most = int(max(*s.HTTP.MaxConcurrent, 1))
		}
		if len(s.HTTP.CABundle) > 0 {
			if pools[i], err = trust.Pool(s.HTTP.CABundle); err != nil {
				out[i].unready = "not sent: http.caBundle has " + err.Error()
				pools[i] = x509.NewCertPool() // trusts nobody
			}
		}
	}
	for i, l := range c.lines.replace(ids, pools) {
		out[i].line = l
	}
	return out
}

// same says that nothing changed that an event which waits for the sink could be waiting for.
func (s sink) same(o sink) bool {
	return s.line == o.line && s.unready == o.unready && s.credentials.token == o.credentials.token &&
		slices.EqualFunc(s.credentials.keys, o.credentials.keys, bytes.Equal)
}
