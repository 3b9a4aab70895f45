package checkout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/localnode"
	"github.com/kassa-dev/kassa/test/stack"
)

// soon is how long a change may take until every replica goes by it.
const soon = 5 * time.Second

// deployed is a shop whose server runs in two replicas, at providers of the sandbox.
type deployed struct {
	*stack.Stack
	*stack.Shop

	t        *testing.T
	g        *WithT
	endpoint *v1alpha1.CheckoutEndpoint
	plan     *v1alpha1.Plan
	pods     []localnode.Pod
	began    int64 // the Deployment's generation
	witness  *witness
}

// witness sees what Stripe is asked for whose session, and with which key.
type witness struct {
	mu      sync.Mutex
	keys    map[string]string
	earlier map[string]time.Duration
}

func (w *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/checkout/sessions" {
			w.session(r)
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *witness) session(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	user := form.Get("client_reference_id")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys[user] = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if d, ok := w.earlier[user]; ok {
		end, _ := strconv.ParseInt(form.Get("expires_at"), 10, 64)
		form.Set("expires_at", strconv.FormatInt(end-int64(d/time.Second), 10))
		body = []byte(form.Encode())
		r.ContentLength = int64(len(body))
		delete(w.earlier, user)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
}

// ago lets a user's next request look to Stripe as if it had come so long ago.
func (w *witness) ago(user string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.earlier[user] = d
}

// keyFor is the key that a user's last session was asked for with; empty where there was none.
func (w *witness) keyFor(user string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys[user]
}

// deploy makes a shop that sells the Plan pro at those markets, to users without a limit that a test would feel. edit
// changes the endpoint before it is created.
func deploy(t *testing.T, edit func(*stack.Stack, *v1alpha1.CheckoutEndpoint), names ...string) *deployed {
	t.Helper()
	keys, seen := map[string]stripe.Key{}, &witness{keys: map[string]string{}, earlier: map[string]time.Duration{}}
	s := stack.New(t, stack.Options{Node: true, Sandbox: sandbox.Options{Keys: keys}, Front: seen.watch})
	for _, name := range []string{"", readerKey, secondKey} {
		keys[s.APIKey()+name] = stripe.Key{Account: "acct_shop"}
	}
	d := &deployed{
		Stack: s, Shop: s.Shop("shop"), t: t, g: NewWithT(t), plan: stack.Plan("pro"), endpoint: endpoint("pro"),
		witness: seen,
	}
	s.Operator()
	d.plan.Spec.Prices, d.plan.Spec.Providers = d.plan.Spec.Prices[:1], nil
	for _, m := range markets {
		if slices.Contains(names, m.name) {
			d.plan.Spec.Providers = append(d.plan.Spec.Providers, m.open(t, s))
			d.endpoint.Spec.Providers = append(d.endpoint.Spec.Providers, v1alpha1.WeightedProvider{Name: m.name})
		}
	}
	d.endpoint.Spec.URL = d.URL()
	d.endpoint.Spec.Subscriptions = &v1alpha1.SubscriptionOptions{}
	d.endpoint.Spec.CustomerPortal = &v1alpha1.CustomerPortal{ReturnURL: "http://app.example.com/account"}
	d.endpoint.Spec.RateLimit = &v1alpha1.ClientRateLimit{RequestsPerMinute: 100_000, Burst: 100_000}
	edit(s, d.endpoint)
	s.Create(stack.Secret("shop-token", "token", shopToken), d.plan, d.endpoint)
	d.settle()
	return d
}

// Further keys of the shop's Stripe account: APIKey and one of these.
const (
	readerKey = "reader"
	secondKey = "second"
)

func asItIs(*stack.Stack, *v1alpha1.CheckoutEndpoint) {}

// settle waits until both replicas are ready, and remembers them.
func (d *deployed) settle() {
	d.t.Helper()
	d.pods = d.AwaitReplicas(2)
	d.began = d.deployment().Generation
}

func (d *deployed) deployment() *appsv1.Deployment {
	d.t.Helper()
	out := &appsv1.Deployment{}
	d.g.Expect(d.Client.Get(d.t.Context(), d.Key(d.Workload()), out)).To(Succeed())
	return out
}

// isAsItWas expects that nothing was started anew since settle.
func (d *deployed) isAsItWas() {
	d.t.Helper()
	d.g.Expect(d.Replicas()).To(Equal(d.pods))
	d.g.Expect(d.deployment().Generation).To(Equal(d.began))
}

// change updates the endpoint.
func (d *deployed) change(how func(*v1alpha1.CheckoutEndpointSpec)) {
	d.t.Helper()
	d.Change(d.endpoint, func() { how(&d.endpoint.Spec) })
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	text   string
}

// member is a text of the body; empty where there is none.
func (r reply) member(name string) string {
	var body map[string]any
	_ = json.Unmarshal([]byte(r.text), &body)
	text, _ := body[name].(string)
	return text
}

// problem is the name of the problem that the answer is.
func (r reply) problem() string {
	return strings.TrimPrefix(r.member("type"), "https://kassa.dev/problems/")
}

// list are the ids of the subscriptions.
func (r reply) list(g Gomega) (ids []string) {
	g.Expect(r.status).To(Equal(http.StatusOK), r.text)
	var body struct{ Subscriptions []struct{ ID string } }
	g.Expect(json.Unmarshal([]byte(r.text), &body)).To(Succeed())
	for _, s := range body.Subscriptions {
		ids = append(ids, s.ID)
	}
	return ids
}

// send makes a request with that header: names and values.
func send(client *http.Client, method, at, body string, header ...string) (reply, error) {
	req, err := http.NewRequest(method, at, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text)}, err
}

// ask is send that must be answered.
func (d *deployed) ask(method, at, body string, header ...string) reply {
	d.t.Helper()
	r, err := send(d.Through, method, at, body, header...)
	d.g.Expect(err).NotTo(HaveOccurred())
	return r
}

// of is the header with which the application's own server asks for a user.
func of(user string, more ...string) []string {
	return append([]string{"Authorization", "Bearer " + shopToken, "Kassa-User-Id", user}, more...)
}

const monthly = `{"plan":"pro","price":"monthly"}`

// buy opens a checkout for a user of the application's, through the Service.
func (d *deployed) buy(user string, more ...string) reply {
	d.t.Helper()
	return d.ask(http.MethodPost, d.URL()+"/v1/checkouts", monthly, of(user, more...)...)
}

// atEach is the base URL of each replica.
func (d *deployed) atEach() (urls []string) {
	for _, p := range d.Replicas() {
		urls = append(urls, d.ReplicaURL(p))
	}
	return urls
}

// line is a line item of a Stripe session.
type line struct {
	Price    struct{ ID string }
	Quantity int
}

// read reads something of the sandbox's Stripe account.
func (d *deployed) read(path string, into any) {
	d.t.Helper()
	key := "Bearer " + d.APIKey() + readerKey
	r, err := send(http.DefaultClient, http.MethodGet, d.SandboxURL+path, "", "Authorization", key)
	d.g.Expect(err).NotTo(HaveOccurred())
	d.g.Expect(r.status).To(Equal(http.StatusOK), r.text)
	d.g.Expect(json.Unmarshal([]byte(r.text), into)).To(Succeed())
}

// sessions are the ids of all of the account's, by the purchase's user.
func (d *deployed) sessions() map[string][]string {
	d.t.Helper()
	out, after := map[string][]string{}, ""
	for {
		var page struct {
			Data []struct {
				ID   string
				User string `json:"client_reference_id"`
			}
			More bool `json:"has_more"`
		}
		d.read("/v1/checkout/sessions?limit=100"+after, &page)
		for _, s := range page.Data {
			out[s.User] = append(out[s.User], s.ID)
			after = "&starting_after=" + url.QueryEscape(s.ID)
		}
		if !page.More {
			return out
		}
	}
}

// priceOf is the price that a Stripe session sells.
func (d *deployed) priceOf(session string) string {
	d.t.Helper()
	var items struct{ Data []line }
	d.read("/v1/checkout/sessions/"+session+"/line_items", &items)
	d.g.Expect(items.Data).To(HaveLen(1))
	return items.Data[0].Price.ID
}

// load is requests one after the other, by several clients, until it is stopped.
type load struct {
	cancel func()
	all    sync.WaitGroup

	mu     sync.Mutex
	made   int
	failed []string
}

// loading begins to call one with ever new numbers, by so many clients. What it returns other than an empty text is a
// failure.
func loading(t *testing.T, clients int, one func(n int) string) *load {
	t.Helper()
	l, done := &load{}, make(chan struct{})
	l.cancel = sync.OnceFunc(func() { close(done) })
	t.Cleanup(func() { l.stop() })
	for range clients {
		l.all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				l.mu.Lock()
				l.made++
				n := l.made
				l.mu.Unlock()
				if why := one(n); why != "" {
					l.mu.Lock()
					l.failed = append(l.failed, why)
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

// more waits for so many more calls to begin.
func (l *load) more(g Gomega, n int) {
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.made
	}
	g.Eventually(count, stack.Patience, often).Should(BeNumerically(">=", count()+n))
}

// stop returns how many calls there were, and what went wrong.
func (l *load) stop() (made int, failed []string) {
	l.cancel()
	l.all.Wait()
	return l.made, l.failed
}

// refusedBy says what is wrong with an answer that should be an opened checkout.
func refusedBy(r reply, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case r.status != http.StatusCreated:
		return fmt.Sprintf("%d %s", r.status, r.text)
	default:
		return ""
	}
}
