package telemetry

import (
	"errors"
	"net/url"
)

// ErrPassword is what is wrong with an endpoint that names a user.
var ErrPassword = errors.New("a URL with a user and a password is not taken: every server is told it, in clear, and " +
	"no collector is; let OTEL_EXPORTER_OTLP_HEADERS have them, or a collector in the cluster add them")

// CheckEndpoint says what is wrong with a collector's URL, without its words: it may hold a password. The exporter
// sends to whatever it makes of such a one, and says nothing.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("it has to be the URL of a collector, such as http://collector.observability:4318")
	case u.User != nil:
		return ErrPassword
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("a URL with a query or a fragment is not taken: traces go to a path below it")
	}
	return nil
}
