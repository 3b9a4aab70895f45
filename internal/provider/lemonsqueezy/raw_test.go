package lemonsqueezy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// raw is a connection to store 77 of a server that gives these answers by path, for what the sandbox never says. The
// store is in USD.
func raw(t *testing.T, mode billing.Mode, answers map[string]string) provider.Connection {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		switch {
		case ok:
		case r.URL.Path == "/v1/stores/77":
			body = `{"data":` + object("stores", "77", `"currency":"USD"`) + `}`
		default:
			w.WriteHeader(http.StatusNotFound)
			body = `{"errors":[{"title":"Not Found","detail":"The requested resource does not exist."}]}`
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return dial(t, mode, testKey, srv.URL)
}

func object(kind, id, attributes string) string {
	return fmt.Sprintf(`{"type":%q,"id":%q,"attributes":{%s}}`, kind, id, attributes)
}

func listOf(objects ...string) string {
	return `{"data":[` + strings.Join(objects, ",") + `],"meta":{"page":{"currentPage":1,"lastPage":1}}}`
}
