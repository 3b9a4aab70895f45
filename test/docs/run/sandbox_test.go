package run

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
)

const good, failsLater = "4242424242424242", "4000000000000341"

// sandbox begins with one of the reader's own, and goes on at that of the shop, in which there are subscriptions. It is
// the shop's last page, because months go by.
func sandbox(w *world) {
	p := w.open("docs/sandbox.md")
	own, at := newCalls(w), w.ownSandbox(p)
	w.buysAt("Stripe", "jane", good)
	w.asked("jane", "POST", "/v1/subscriptions/"+w.subscription("jane")+"/cancel")
	canceled := p.Next(`curl -d '{"advance": "745h"}' http://127.0.0.1:30111`)
	p.TypeLines(canceled, 0, 1)
	w.Eventually(func() (string, error) { return p.Try(canceled, 1, 2) }).Should(ContainSubstring("subscription.canceled"))

	p.Type("curl -H 'Authorization: Bearer sk_test_1'", "127.0.0.1:12111", at, "http://127.0.0.1:8080", own.url)
	p.Expect(p.Type("door=http://127.0.0.1:12111/_kassa", "127.0.0.1:12111", at)).To(And(
		ContainSubstring("invoice.payment_failed"), ContainSubstring("subscription.canceled"),
		ContainSubstring("subscription_expired")))
	w.Eventually(own.got).Should(ContainElements("/stripe invoice.payment_failed", "/paddle subscription.canceled"))

	p.Assign("door", "http://127.0.0.1:30111/_kassa")
	told := p.Type(`curl -d '{"advance": "1h"}' $door/clock`)
	advanced, now := split(told, "}\n")
	w.Expect(clock(w, now)).To(BeTemporally(">=", clock(w, advanced)))
	w.Expect(clock(w, now)).To(BeTemporally(">", time.Now().Add(745*time.Hour)))
	failing := w.buysAt("Stripe", "reader", failsLater)
	w.taken("subscription.activated", failing)
	p.Type(`curl -d '{"advance": "745h"}' $door/clock`)
	w.taken("payment.failed", failing)
	failing = w.buysAt("Paddle", "reader", failsLater)
	w.taken("subscription.activated", failing)
	at = w.run("curl http://127.0.0.1:30111/_kassa/state | jq -j '.paddle[].subscriptions[-1].id'")
	p.Type(`curl -d '{"advance": "744h"}' $door/clock`, "sub_01…", at)
	w.taken("payment.failed", failing)
	w.says("curl http://127.0.0.1:30111/_kassa/state | "+
		`jq -r '.paddle[].subscriptions[] | .id + " " + .status'`, at+" active")
	w.deliveries(p)
}

// ownSandbox begins one as the page says, and returns its address.
func (w *world) ownSandbox(p *page) string {
	w.t.Helper()
	at := controlplane.FreeAddress(w.t)
	text := strings.Replace(p.Next("kassa sandbox --listen 127.0.0.1:12111").Text, "127.0.0.1:12111", at, 1)
	process, err := child.Start(child.Command{
		Path: "/bin/bash", Args: []string{"-c", "exec " + text}, Env: w.Env, Dir: w.Dir, Output: io.Discard,
	})
	w.must(err)
	w.t.Cleanup(process.Kill)
	w.says("curl http://"+at+"/_kassa/health || true", `^$|ok`)
	return at
}

// deliveries are repeated, kept back, and lost.
func (w *world) deliveries(p *page) {
	w.t.Helper()
	user := w.buysAt("Stripe", "again", good)
	id := w.taken("payment.succeeded", user)
	c := p.Next(`curl -d '{"message": "evt_1…", "times": 3}'`)
	p.Expect(p.TypeLines(c, 0, 1, "evt_1…", atProvider(id))).To(ContainSubstring(`"sent": 3`))
	p.TypeLines(c, 1, 2)
	w.announces()
	p.Expect(p.TypeLines(c, 2, 3)).To(MatchRegexp(`"sent": [1-9]`))
	w.run("curl -X POST http://127.0.0.1:30111/_kassa/deliveries/hold")
	w.announces()
	p.Expect(p.TypeLines(c, 3, 4)).To(MatchRegexp(`"lost": [1-9]`))
	w.Eventually(func() (string, error) { return p.Try(c, 4, 5) }).Should(MatchRegexp(`"status": 200`))
	p.Expect(p.TypeLines(c, 5, 6)).To(MatchRegexp(`"delivered": [1-9]`))
	var app struct{ Deliveries map[string]int }
	p.Expect(json.Unmarshal([]byte(w.run("curl http://127.0.0.1:30080/events")), &app)).To(Succeed())
	p.Expect(app.Deliveries[id]).To(Equal(1), "what comes again goes nowhere")
}

// split cuts after the first such text.
func split(text, after string) (string, string) {
	at := strings.Index(text, after) + len(after)
	return text[:at], text[at:]
}

func clock(w *world, told string) time.Time {
	w.t.Helper()
	var c struct{ Now time.Time }
	w.Expect(json.Unmarshal([]byte(told), &c)).To(Succeed(), told)
	return c.Now
}

// calls is an endpoint of the reader's that notes what comes.
type calls struct {
	url string
	mu  sync.Mutex
	all []string
}

func newCalls(w *world) *calls {
	w.t.Helper()
	c := &calls{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct {
			Type      string
			EventType string `json:"event_type"`
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, r.URL.Path+" "+event.Type+event.EventType)
	}))
	w.t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *calls) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.all...)
}
