package contract_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

// pastOfPaddle is an account to which something happened every minute from a time on, and which has a destination for
// it. The judge is on the way to it.
func pastOfPaddle(t *testing.T, judge *contract.PaddleJudge, begin time.Time, events int) provider.History {
	t.Helper()
	now := begin
	sb := sandbox.New(sandbox.Options{Now: func() time.Time { return now }, WebhookTransport: nowhere{}})
	srv := httptest.NewServer(sb.Handler())
	t.Cleanup(func() {
		srv.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = sb.Close(ctx)
	})
	conn, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: sellerKey, BaseURL: srv.URL + "/paddle", HTTP: &http.Client{Transport: judge},
	})
	must(t, err)
	names, _ := paddle.Codec{}.NativeEvents(nil)
	names = slices.DeleteFunc(names, func(n string) bool {
		return strings.HasPrefix(n, "discount_group.") // which the description is too old for
	})
	_, err = conn.Endpoints().Create(t.Context(), provider.EndpointSpec{
		Owner: owner, URL: "https://hooks.example.com/a", Events: names,
	})
	must(t, err)
	for i := range events {
		_, err := sb.Paddle().Account(sellerKey).Emit(names[i%len(names)], nil)
		must(t, err)
		now = now.Add(time.Minute)
	}
	return conn.(provider.History)
}

// nowhere carries no webhooks.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

// What the adapter asks to read the history, from either end, and what the sandbox answers, is as Paddle's OpenAPI
// says, and so is every event that the app gets from it.
func TestPaddleJudgesTheHistory(t *testing.T) {
	judge := &contract.PaddleJudge{Prefix: "/paddle"}
	begin, made := time.Now().Add(-72*time.Hour).Truncate(time.Second), 500
	history := pastOfPaddle(t, judge, begin, made)
	from := begin.Add(10*time.Minute + 30*time.Second) // there is an event more than a minute before
	for why, c := range map[string]struct {
		span          provider.Span
		calls, events int
	}{
		"an hour":                {provider.Span{From: from, To: from.Add(time.Hour)}, 1 + 1, 200},
		"all that came later":    {provider.Span{From: from}, 1 + 3, made - 10},
		"nothing came before":    {provider.Span{From: begin.Add(-time.Hour)}, 1 + 3, made},
		"nothing came meanwhile": {provider.Span{From: time.Now().Add(-time.Minute)}, 1, 200},
	} {
		calls, events := readAll(t, history, c.span)
		if calls != c.calls || len(events) != c.events {
			t.Errorf("%s: %d events were read with %d calls, want %d with %d", why, len(events), calls, c.events, c.calls)
		}
		for _, e := range events {
			schemas, err := contract.Paddle()
			must(t, err)
			if err := schemas.Event(e.NativeType, e.Native); err != nil {
				t.Errorf("%s: %v\n%s", e.NativeType, err, e.Native)
			}
			if lacking := schemas.Lacking(e.NativeType, e.Native); len(lacking) > 0 {
				t.Errorf("%s lacks %v", e.NativeType, lacking)
			}
		}
	}
	for _, problem := range judge.Problems() {
		t.Error(problem)
	}
	want := []string{"GET /events: 200", "GET /notifications: 200", "POST /notification-settings: 201"}
	if diff := cmp.Diff(want, judge.Seen()); diff != "" {
		t.Errorf("other requests were judged (-want +got):\n%s", diff)
	}
}

// readAll reads a history to its end.
func readAll(t *testing.T, history provider.History, span provider.Span) (calls int, events []billing.Event) {
	t.Helper()
	for cursor := ""; ; {
		page, err := history.Events(t.Context(), span, cursor)
		must(t, err)
		if page.Malformed > 0 {
			t.Errorf("%d of the sandbox's events are none", page.Malformed)
		}
		events = append(events, page.Events...)
		calls++
		if cursor = page.Next; cursor == "" {
			return calls, events
		}
	}
}
