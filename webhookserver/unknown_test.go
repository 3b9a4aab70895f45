package webhookserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/recovery"
	database "github.com/kassa-dev/kassa/test/postgres"
)

// inside posts to the port that only the cluster reaches.
func (r *replica) inside(path, body, signature string) answer {
	r.f.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.health+path, strings.NewReader(body))
	r.f.g.Expect(err).NotTo(HaveOccurred())
	if signature != "" {
		req.Header.Set(signatureHeader, signature)
	}
	res, err := http.DefaultClient.Do(req)
	return answerOf(r.f.t, res, err)
}

func signedNow(body string) string { return sign(testSecret, time.Now(), []byte(body)) }

func (r *replica) unknown(ids ...string) []string {
	r.f.t.Helper()
	body, err := json.Marshal(recovery.Question{IDs: append([]string{}, ids...)})
	r.f.g.Expect(err).NotTo(HaveOccurred())
	got := r.inside(recovery.UnknownPath, string(body), signedNow(string(body)))
	r.f.g.Expect(got.StatusCode).To(Equal(http.StatusOK), got.body)
	var out recovery.Answer
	r.f.g.Expect(json.Unmarshal([]byte(got.body), &out)).To(Succeed())
	return out.Unknown
}

// A receiver tells which events it does not know, takes those, and knows them then: in objects and in a database.
func TestUnknown(t *testing.T) {
	app := newApp(t, nil)
	objects, sql := newFixture(t, nil), newSQLFixture(t, database.Shared(t), app.sink("app"))
	for name, r := range map[string]*replica{"objects": objects.start(), "database": sql.startSQL()} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
			g.Expect(r.unknown("evt_2", "evt_1", "evt_3")).To(Equal([]string{"evt_2", "evt_3"}))
			g.Expect(r.unknown()).To(BeEmpty())
			for _, want := range []string{"processed", "duplicate"} {
				body := eventBody("evt_2", "invoice.paid")
				got := r.inside(recovery.EventsPath, body, signedNow(body))
				g.Expect(got.StatusCode).To(Equal(http.StatusOK), got.body)
				g.Expect(got.Header.Get(recovery.ResultHeader)).To(Equal(want))
			}
			g.Expect(r.unknown("evt_2", "evt_1", "evt_3")).To(Equal([]string{"evt_3"}))
		})
	}
	NewWithT(t).Eventually(app.ids, patience, often).Should(ConsistOf(HaveSuffix("evt_1"), HaveSuffix("evt_2")))
}

// Nothing is told to, or taken from, somebody who has not the signing secret; an event is no question, and a question
// is no event.
func TestUnknownIsSigned(t *testing.T) {
	f := newFixture(t, nil)
	r, question, event := f.start(), `{"ids":["evt_1"]}`, eventBody("evt_1", "invoice.paid")
	old := time.Now().Add(-time.Hour)
	for path, body := range map[string]string{recovery.UnknownPath: question, recovery.EventsPath: event} {
		for _, signature := range []string{
			"", "x", sign("another", time.Now(), []byte(body)), sign(testSecret, old, []byte(body)), signedNow(body + " "),
		} {
			f.g.Expect(r.inside(path, body, signature).StatusCode).To(Equal(http.StatusBadRequest), path+" "+signature)
		}
		other := recovery.UnknownPath
		if path == other {
			other = recovery.EventsPath
		}
		f.g.Expect(r.inside(other, body, signedNow(body)).StatusCode).To(Equal(http.StatusBadRequest), path)
	}
	many := `{"ids":["evt_1"` + strings.Repeat(`,"evt_1"`, recovery.MaxIDs) + `]}`
	for _, body := range []string{
		"", "{}", "[]", `{"ids":null}`, `{"ids":[1]}`, `{"ids":[""]}`, `{"ids":["évt"]}`, question + question, many,
		`{"ids":[],"id":"evt_1"}`, fmt.Sprintf(`{"ids":[%q]}`, strings.Repeat("x", 129)),
	} {
		f.g.Expect(r.inside(recovery.UnknownPath, body, signedNow(body)).StatusCode).To(Equal(http.StatusBadRequest), body)
	}
	f.g.Expect(get(t, r.health+recovery.UnknownPath).StatusCode).To(Equal(http.StatusMethodNotAllowed))
	f.ledger.do(func() { f.ledger.claimErr = ledger.ErrUnavailable })
	got := r.inside(recovery.UnknownPath, question, signedNow(question))
	f.g.Expect(got.StatusCode).To(Equal(http.StatusServiceUnavailable))
	f.g.Expect(got.Header.Get("Retry-After")).NotTo(BeEmpty())
}

// The operator tells what is wrong with an event from what is wrong with its signature, which the next sweep has right.
func TestWhatIsRefusedForGood(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	for _, c := range []struct{ body, secret, problem string }{
		{`{"id":"evt_1","type":"invoice.paid","livemode":true}`, testSecret, "mode"},
		{"{}", testSecret, "malformed"},
		{strings.Repeat(" ", maxBody+1), testSecret, "too-large"},
		{eventBody("evt_1", "invoice.paid"), "whsec_" + "replaced", ""},
	} {
		operator := recovery.Client{HTTP: http.DefaultClient, Address: r.health, Codec: testCodec{}, Secret: c.secret}
		_, err := operator.Take(t.Context(), &billing.Event{Native: []byte(c.body)})
		if c.problem == "" {
			f.g.Expect(err).To(BeAssignableToTypeOf(&recovery.UnavailableError{}))
		} else {
			f.g.Expect(err).To(Equal(&recovery.RefusedError{Problem: c.problem}))
		}
	}
}
