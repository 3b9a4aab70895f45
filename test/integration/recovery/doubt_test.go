package recovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	lemons "github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// seller is a provider at which a subscription is read, and whose events are forged.
type seller struct {
	adapter provider.Adapter
	api     string // of a subscription, in the sandbox
	// stock makes the account and something to buy.
	stock func(s *stack.Stack) (cfg provider.Config, account *v1alpha1.PaymentProvider, price string)
	// event tells an object as it is at a time.
	event func(id string, at time.Time, object map[string]any) map[string]any
	// status of an object is kept in a part of it.
	part func(object map[string]any) map[string]any
	gone []string
	// monthly is what a subscription brings. At LemonSqueezy a Plan would know that.
	monthly string
}

func whole(object map[string]any) map[string]any { return object }

func byHand(name, path string) func(s *stack.Stack) (provider.Config, *v1alpha1.PaymentProvider, string) {
	return func(s *stack.Stack) (provider.Config, *v1alpha1.PaymentProvider, string) {
		peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == name })]
		key := peer.Key(s.Namespace)
		_, price := peer.ByHand(s.T, s.SandboxURL, key)
		cfg := provider.Config{Mode: billing.Test, APIKey: key, BaseURL: s.SandboxURL + path, HTTP: http.DefaultClient}
		return cfg, peer.Provider("seller", s.SandboxURL), price
	}
}

var sellers = []seller{
	{
		adapter: stripe.Adapter{}, api: "/v1/subscriptions/", stock: byHand("stripe", ""), part: whole, monthly: "2900",
		gone: []string{"sub_gone1", "sub_gone2"},
		event: func(id string, at time.Time, object map[string]any) map[string]any {
			return map[string]any{"id": id, "object": "event", "type": "customer.subscription.updated", "created": at.Unix(),
				"livemode": false, "data": map[string]any{"object": object}}
		},
	},
	{
		adapter: paddle.Adapter{}, api: "/paddle/subscriptions/", stock: byHand("paddle", "/paddle"), part: whole,
		monthly: "2900", gone: []string{"sub_" + strings.Repeat("0", 26), "sub_" + strings.Repeat("1", 26)},
		event: func(id string, at time.Time, object map[string]any) map[string]any {
			return map[string]any{"event_id": id, "event_type": "subscription.updated", "occurred_at": at.Format(time.RFC3339),
				"data": object}
		},
	},
	{
		adapter: lemons.Adapter{}, api: "/lemonsqueezy/v1/subscriptions/", stock: stockLemonSqueezy, monthly: "-",
		gone: []string{"900001", "900002"},
		part: func(object map[string]any) map[string]any { return object["attributes"].(map[string]any) },
		event: func(id string, at time.Time, object map[string]any) map[string]any {
			object["attributes"].(map[string]any)["updated_at"] = at.Format("2006-01-02T15:04:05.000000Z")
			return map[string]any{"data": object, "meta": map[string]any{"event_name": "subscription_updated",
				"webhook_id": id, "test_mode": true}}
		},
	},
}

func stockLemonSqueezy(s *stack.Stack) (provider.Config, *v1alpha1.PaymentProvider, string) {
	shop, g := s.Sandbox.LemonSqueezy(), NewWithT(s.T)
	store := strconv.FormatInt(shop.AddStore(lemonsqueezy.Store{Name: "Shop", Currency: "USD"}), 10)
	unit, once, amount := "month", int64(1), int64(2900)
	storeID, err := strconv.ParseInt(store, 10, 64)
	g.Expect(err).NotTo(HaveOccurred())
	_, variants, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: storeID, Name: "Pro", Variants: []lemonsqueezy.DraftVariant{{Name: "Monthly",
			Price: lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	cfg := provider.Config{Mode: billing.Test, APIKey: "eyJ0" + "ZXN0a2V5MTIz", StoreID: store,
		BaseURL: s.SandboxURL + "/lemonsqueezy", HTTP: http.DefaultClient}
	return cfg, &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "seller"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: cfg.BaseURL,
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "seller", Key: "key"}, StoreID: store,
			},
		},
	}, strconv.FormatInt(variants[0], 10)
}

// Two events of one second contradict each other, in both orders, and the one that is wrong has the greater id. The
// provider decides, also where recovery is disabled. What it has no more is asked for once.
func TestDoubtsAreDecided(t *testing.T) {
	for _, s := range sellers {
		t.Run(string(s.adapter.Type()), func(t *testing.T) { newDoubtful(t, s).run() })
	}
}

type doubtful struct {
	seller
	*stack.Stack
	*WithT
	cfg   provider.Config
	hooks *stack.Receiver
	dsn   string
	at    time.Time
	looks map[string]int // the test's own at the provider, by subscription
}

func newDoubtful(t *testing.T, of seller) *doubtful {
	d := &doubtful{seller: of, Stack: stack.New(t, forgetful), WithT: NewWithT(t), dsn: postgres.Shared(t).Database(t),
		at: time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Second), looks: map[string]int{}}
	d.Operator()
	return d
}

func (d *doubtful) run() {
	cfg, account, price := d.stock(d.Stack)
	d.cfg = cfg
	d.Create(stack.Secret("seller", "key", cfg.APIKey), account, stack.Secret("database", "dsn", d.dsn))
	one := int32(1)
	d.hooks = d.CreateReceiver("hooks", stack.NewSink(d.T), func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Name, r.Spec.Workload = "seller", &v1alpha1.Workload{Replicas: &one}
		r.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
		r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
		}}
	})
	d.hooks.AwaitReady(1)
	d.Sandbox.Webhooks().Hold() // only what is forged comes
	first, second := d.buy(price, "u1"), d.buy(price, "u2")

	d.contradict(first, first, false)
	d.contradict(second, second, true)
	d.contradict(first, d.gone[0], false)
	wrong := "PastDue " + d.monthly + " true"
	d.Expect([]string{d.row(first)(), d.row(second)(), d.row(d.gone[0])()}).To(HaveEach(wrong))
	d.look(2 * time.Minute)
	right := "Active " + d.monthly + " false"
	for _, id := range []string{first, second} {
		d.Eventually(d.row(id), stack.Patience, often).Should(Equal(right))
	}
	d.Expect(d.row(d.gone[0])()).To(Equal(wrong), "nobody knows better")

	d.contradict(first, d.gone[1], false)
	d.look(3 * time.Minute)
	d.Eventually(func() int { return d.asked(d.gone[1]) }, stack.Patience, often).Should(Equal(1))
	d.Expect([]int{d.asked(d.gone[0]), d.asked(first), d.asked(second)}).To(HaveEach(1), "it is asked once")
}

// buy pays for a subscription, and returns its id.
func (d *doubtful) buy(price, user string) string {
	d.T.Helper()
	conn, err := d.adapter.Connect(d.cfg)
	d.Expect(err).NotTo(HaveOccurred())
	at := conn.(provider.Seller)
	buyer := provider.User{ID: user, Email: user + "@example.com"}
	opened, err := at.Checkouts().Open(d.T.Context(), provider.CheckoutSpec{
		PriceID: price, Plan: "pro", Price: "monthly", Recurring: true, Quantity: 1, UserID: buyer.ID, Email: buyer.Email,
		SuccessURL: "https://app.example.com/done", PageURL: "https://pay.example.com", IdempotencyKey: user,
	})
	d.Expect(err).NotTo(HaveOccurred())
	page := opened.URL
	if d.adapter.Type() == billing.Paddle {
		page = d.SandboxURL + "/paddle-checkout/" + opened.ID
	}
	form := url.Values{"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {buyer.Email}}
	req, err := http.NewRequestWithContext(d.T.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	d.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	d.Expect(err).NotTo(HaveOccurred())
	d.Expect(resp.Body.Close()).To(Succeed())
	mine, err := at.Subscriptions().List(d.T.Context(), buyer)
	d.Expect(err).NotTo(HaveOccurred())
	d.Expect(mine).To(HaveLen(1))
	return mine[0].ID
}

// contradict sends two events of one second: what the provider has of a subscription, under an id, and something else
// under a greater one.
func (d *doubtful) contradict(of, id string, wrongFirst bool) {
	d.T.Helper()
	var bodies [][]byte
	for i, status := range []string{"active", "past_due"} {
		object := d.object(of)
		object["id"], d.part(object)["status"] = id, status
		body, err := json.Marshal(d.event(fmt.Sprintf("evt_%s_%d", id, i), d.at, object))
		d.Expect(err).NotTo(HaveOccurred())
		bodies = append(bodies, body)
	}
	if wrongFirst {
		slices.Reverse(bodies)
	}
	for _, body := range bodies {
		req, err := http.NewRequestWithContext(d.T.Context(), http.MethodPost, d.hooks.URL(), bytes.NewReader(body))
		d.Expect(err).NotTo(HaveOccurred())
		req.Header = d.adapter.Codec().Sign(body, d.hooks.SigningSecret(), time.Now())
		answer, err := d.hooks.Do(req)
		d.Expect(err).NotTo(HaveOccurred())
		d.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
	}
}

// object is a subscription as the API tells it.
func (d *doubtful) object(id string) map[string]any {
	d.T.Helper()
	d.looks[id]++
	req, err := http.NewRequestWithContext(d.T.Context(), http.MethodGet, d.SandboxURL+d.api+id, http.NoBody)
	d.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+d.cfg.APIKey)
	for _, header := range []string{"Accept", "Content-Type"} {
		req.Header.Set(header, "application/vnd.api+json")
	}
	resp, err := http.DefaultClient.Do(req)
	d.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	d.Expect(json.NewDecoder(resp.Body).Decode(&out)).To(Succeed())
	if data, ok := out["data"].(map[string]any); ok && d.adapter.Type() != billing.Stripe {
		return data
	}
	return out
}

// row is what the database has of a subscription: its status, what it brings, and whether that is in doubt.
func (d *doubtful) row(id string) func() string {
	return func() string {
		conn, err := pgx.Connect(d.T.Context(), d.dsn)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = conn.Close(d.T.Context()) }()
		var out string
		err = conn.QueryRow(d.T.Context(), `
			SELECT concat_ws(' ', s.status, COALESCE(round(l.monthly_minor)::text, '-'), s.tied::text)
			FROM kassa.subscriptions s JOIN kassa.subscription_lives l USING (provider, account, id)
			WHERE id = $1`, id).Scan(&out)
		if err != nil {
			return err.Error()
		}
		return out
	}
}

// look makes it time to look.
func (d *doubtful) look(interval time.Duration) {
	d.T.Helper()
	object := d.hooks.Object()
	d.Change(object, func() { object.Spec.Recovery.Interval = &metav1.Duration{Duration: interval} })
}

// asked counts the reads of a subscription at the provider, but for the test's own.
func (d *doubtful) asked(id string) (n int) {
	for _, r := range d.Sandbox.Requests() {
		if r.Method == http.MethodGet && r.Path == d.api+id {
			n++
		}
	}
	return n - d.looks[id]
}
