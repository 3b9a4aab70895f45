package main

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestOnlyWhatIsSignedIsTaken(t *testing.T) {
	trust, err := standardwebhooks.NewWebhook("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{seen: map[string]int{}, trust: trust}
	const body = `{"id":"stripe:acct_1:evt_1","type":"dev.kassa.payment.succeeded"}`
	post := func(signature string, now time.Time) int {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/billing", strings.NewReader(body))
		r.Header.Set("Webhook-Id", "stripe:acct_1:evt_1")
		r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("Webhook-Signature", signature)
		w := httptest.NewRecorder()
		a.receive(w, r)
		return w.Code
	}
	now := time.Now()
	right, err := trust.Sign("stripe:acct_1:evt_1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason    string
		signature string
		at        time.Time
		want      int
	}{
		{"none", "", now, 401},
		{"another", "v1,AAAA", now, 401},
		{"of another time", right, now.Add(-time.Second), 401},
		{"right", right, now, 204},
		{"right, again", right, now, 204},
	} {
		if got := post(c.signature, c.at); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
	if a.seen["stripe:acct_1:evt_1"] != 2 || len(a.events) != 1 {
		t.Errorf("%v, %v", a.seen, a.events)
	}
}
