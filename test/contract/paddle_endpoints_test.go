package contract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

// A registration for every event that a receiver can ask for, in both modes, is as Paddle's OpenAPI says.
func TestPaddleJudgesTheEndpoints(t *testing.T) {
	for mode, prefix := range map[billing.Mode]string{billing.Test: "sdbx", billing.Live: "live"} {
		judge := &contract.PaddleJudge{Prefix: "/paddle"}
		srv := httptest.NewServer(sandbox.New(sandbox.Options{}).Handler())
		t.Cleanup(srv.Close)
		conn, err := paddle.Adapter{}.Connect(provider.Config{
			Mode: mode, BaseURL: srv.URL + "/paddle", HTTP: &http.Client{Transport: judge},
			APIKey: "pdl_" + prefix + "_apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc",
		})
		must(t, err)
		names, _ := paddle.Codec{}.NativeEvents([]string{"*"})
		in := provider.EndpointSpec{
			Owner: billing.Owner{Cluster: "c-1", Namespace: "shop", Name: "hooks", UID: "u-1"},
			URL:   "https://hooks.example.com/paddle?a=b", Events: names,
		}
		made, err := conn.Endpoints().Create(t.Context(), in)
		must(t, err)
		in.Events = []string{paddle.Adapter{}.EndpointTraits().QuietEvent}
		_, err = conn.Endpoints().Update(t.Context(), made.ID, in)
		must(t, err)
		_, err = conn.Endpoints().List(t.Context())
		must(t, err)
		must(t, conn.Endpoints().Delete(t.Context(), made.ID))
		must(t, conn.Endpoints().Delete(t.Context(), made.ID))
		for _, problem := range judge.Problems() {
			t.Error(problem)
		}
		want := []string{
			"DELETE /notification-settings/{notification_setting_id}: 204",
			"DELETE /notification-settings/{notification_setting_id}: 404", "GET /notification-settings: 200",
			"PATCH /notification-settings/{notification_setting_id}: 200", "POST /notification-settings: 201",
		}
		if diff := cmp.Diff(want, judge.Seen()); diff != "" {
			t.Errorf("other requests were judged (-want +got):\n%s", diff)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
