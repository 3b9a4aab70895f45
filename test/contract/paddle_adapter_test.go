package contract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

// Everything that the adapter sends while it shows that it keeps its contract, and everything that the sandbox answers
// to that, is as Paddle's OpenAPI says.
func TestPaddleJudgesTheAdapter(t *testing.T) {
	judge := &contract.PaddleJudge{Prefix: "/paddle"}
	connect := func(t *testing.T, revoked bool) provider.Connection {
		t.Helper()
		key := "pdl_sdbx_" + "apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc"
		s := sandbox.New(sandbox.Options{})
		srv := httptest.NewServer(s.Handler())
		t.Cleanup(srv.Close)
		s.Paddle().Revoke(key, revoked)
		conn, err := paddle.Adapter{}.Connect(provider.Config{
			Mode: billing.Test, APIKey: key, BaseURL: srv.URL + "/paddle", HTTP: &http.Client{Transport: judge},
		})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	providertest.Run(t, providertest.Fixture{
		Adapter: paddle.Adapter{}, Mode: billing.Test, PageSize: 200,
		Connect:     func(t *testing.T) provider.Connection { t.Helper(); return connect(t, false) },
		Refused:     func(t *testing.T) provider.Connection { t.Helper(); return connect(t, true) },
		GoneProduct: "pro_" + strings.Repeat("0", 26), GonePrice: "pri_" + strings.Repeat("0", 26),
	})
	for _, problem := range judge.Problems() {
		t.Error(problem)
	}
	if judge.Checked() < 100 {
		t.Errorf("only %d messages were judged", judge.Checked())
	}
	t.Logf("%d messages were judged", judge.Checked())
}
