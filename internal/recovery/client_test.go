package recovery

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

const secret = "whsec_" + "test_0123456789"

// receiverAt answers by path. What is not signed is not answered.
func receiverAt(t *testing.T, answer func(w http.ResponseWriter, path string, body []byte)) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := (stripe.Codec{}).Verify(r.Header, body, []string{secret}, time.Now(), time.Minute); err != nil {
			t.Error(err)
		}
		answer(w, r.URL.Path, body)
	}))
	t.Cleanup(server.Close)
	return &Client{HTTP: server.Client(), Address: server.URL, Codec: stripe.Codec{}, Secret: secret}
}

func TestClientAsks(t *testing.T) {
	g := NewWithT(t)
	c := receiverAt(t, func(w http.ResponseWriter, path string, body []byte) {
		var q Question
		g.Expect(path).To(Equal(UnknownPath))
		g.Expect(json.Unmarshal(body, &q)).To(Succeed())
		_ = json.NewEncoder(w).Encode(Answer{Unknown: q.IDs[1:]})
	})
	g.Expect(c.Unknown(t.Context(), []string{"evt_1", "evt_2"})).To(Equal([]string{"evt_2"}))
	for _, answer := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) },
	} {
		c = receiverAt(t, func(w http.ResponseWriter, _ string, _ []byte) { answer(w) })
		_, err := c.Unknown(t.Context(), []string{"evt_1"})
		g.Expect(err).To(BeAssignableToTypeOf(&UnavailableError{}))
	}
}

// An event is brought as it is, again where the receiver asks for that, and not where it never takes it.
func TestClientBrings(t *testing.T) {
	g, event := NewWithT(t), &billing.Event{ID: "evt_1", Native: []byte(`{"id":"evt_1"}`)}
	for name, c := range map[string]struct {
		statuses []int
		problem  string
		result   Result
		err      string
	}{
		"at once":        {[]int{200}, "", "processed", ""},
		"in the end":     {[]int{503, 200}, "", "processed", ""},
		"no event":       {[]int{400}, "malformed", "", "the receiver refuses the event: malformed"},
		"of live mode":   {[]int{400}, "mode", "", "the receiver refuses the event: mode"},
		"another secret": {[]int{400}, "signature", "", "the receiver answers HTTP 400 Bad Request"},
		"a proxy's no":   {[]int{403, 403, 403}, "", "", "the receiver answers HTTP 403 Forbidden"},
		"not for now":    {[]int{503, 502, 503}, "unavailable", "", "the receiver answers HTTP 503 Service Unavailable"},
		"not yet able":   {[]int{404, 404, 404}, "", "", "the receiver answers HTTP 404 Not Found"},
	} {
		n := 0
		client := receiverAt(t, func(w http.ResponseWriter, path string, body []byte) {
			g.Expect([]string{path, string(body)}).To(Equal([]string{EventsPath, string(event.Native)}))
			w.Header().Set(ResultHeader, "processed")
			w.WriteHeader(c.statuses[n])
			_, _ = w.Write([]byte(`{"type":"https://kassa.dev/problems/` + c.problem + `"}`))
			n++
		})
		result, err := client.Take(t.Context(), event)
		g.Expect(n).To(Equal(len(c.statuses)), name)
		g.Expect(result).To(Equal(c.result), name)
		if c.err != "" {
			g.Expect(err).To(MatchError(c.err), name)
			var refused *RefusedError
			g.Expect(errors.As(err, &refused)).To(Equal(slices.Contains(forGood, c.problem)), name)
		}
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	away := &Client{HTTP: gone.Client(), Address: gone.URL, Codec: stripe.Codec{}, Secret: secret}
	_, err := away.Take(t.Context(), event)
	g.Expect(err).To(MatchError("the receiver cannot be reached"), "and neither address nor secret is told")
}
