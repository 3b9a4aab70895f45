package trigger_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/trigger"
)

func receiver(edit ...func(*v1alpha1.WebhookReceiver)) *v1alpha1.WebhookReceiver {
	r := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks"},
		Spec:       v1alpha1.WebhookReceiverSpec{URL: "https://hooks.example.com/stripe"},
	}
	for _, e := range edit {
		e(r)
	}
	return r
}

func suspended(r *v1alpha1.WebhookReceiver) {
	r.Spec.Suspend = true
	r.Status.SigningSecretName, r.Status.URL = "hooks-signing", "https://old.example.com/before"
}

func TestWays(t *testing.T) {
	at := func(to string) func(*v1alpha1.WebhookReceiver) {
		return func(r *v1alpha1.WebhookReceiver) { r.Spec.URL = to }
	}
	withTLS := func(r *v1alpha1.WebhookReceiver) { r.Spec.TLS = &v1alpha1.ServerTLS{SecretName: "tls"} }
	for name, test := range map[string]struct {
		of      *v1alpha1.WebhookReceiver
		address string
		forward bool
		url     string
		port    int32
		chosen  bool
		proto   string
	}{
		"as the provider":      {of: receiver(), url: "https://hooks.example.com/stripe"},
		"suspended":            {of: receiver(suspended), url: "https://old.example.com/before"},
		"forward":              {of: receiver(), forward: true, url: "http:///stripe", port: 80, proto: "https"},
		"forward to TLS":       {of: receiver(withTLS), forward: true, url: "https:///stripe", port: 443},
		"forward of plain":     {of: receiver(at("http://a.example.com/x")), forward: true, url: "http:///x", port: 80},
		"a Service":            {of: receiver(at("http://a.shop.svc/x?y=1")), url: "http:///x?y=1", port: 80, chosen: true},
		"a Service in full":    {of: receiver(at("http://a.b.svc.cluster.x/x")), url: "http:///x", port: 80, chosen: true},
		"no Service":           {of: receiver(at("https://a.svcs.example.com/x")), url: "https://a.svcs.example.com/x"},
		"an address":           {of: receiver(), address: "http://127.0.0.1:1", url: "http://127.0.0.1:1/stripe"},
		"an address with path": {of: receiver(), address: "http://127.0.0.1:1/x", url: "http://127.0.0.1:1/x"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w, err := trigger.WayTo(test.of, test.address, test.forward)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.URL.String()).To(Equal(test.url))
			g.Expect(w.Forward).To(Equal(test.port != 0))
			g.Expect(w.Port).To(Equal(test.port))
			g.Expect(w.Chosen).To(Equal(test.chosen))
			g.Expect(w.Header.Get("X-Forwarded-Proto")).To(Equal(test.proto))
		})
	}
	_, err := trigger.WayTo(receiver(), "127.0.0.1:8080", false)
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("is no URL")))
}

func TestAnswers(t *testing.T) {
	problem := `{"type":"https://kassa.dev/problems/signature","detail":"The signature is missing."}`
	for name, test := range map[string]struct {
		status int
		body   string
		want   trigger.Answer
		says   string
	}{
		"taken": {200, "", trigger.Answer{Status: 200}, "200 OK"},
		"refused": {
			400, problem, trigger.Answer{Status: 400, Problem: "signature", Detail: "The signature is missing."},
			"signature is missing",
		},
		"a proxy":  {502, "<html>", trigger.Answer{Status: 502}, "something in front of it"},
		"redirect": {301, "", trigger.Answer{Status: 301}, "something in front of it"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			to, err := url.Parse(server.URL)
			g.Expect(err).NotTo(HaveOccurred())
			answer, err := trigger.Post(context.Background(), trigger.Client(false), to, http.Header{}, []byte("{}"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(answer).To(Equal(test.want))
			g.Expect(answer.String()).To(ContainSubstring(test.says))
		})
	}
}

// watch makes a folder for the PATH with programs that write their arguments into its file seen, and then run those of
// that name. The first two have to be there.
func watch(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		program, err := exec.LookPath(name)
		switch {
		case err == nil:
		case i > 1:
			continue
		case os.Getenv("KASSA_REQUIRE_PEERS") != "":
			t.Fatal(err)
		default:
			t.Skip(name + " is not installed, so no script was run")
		}
		text := fmt.Sprintf("#!/bin/sh\necho \"$0 $*\" >>%s/seen\nexec %s \"$@\"\n", dir, program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The script signs as each provider does, with a secret that is not in it.
func TestScripts(t *testing.T) {
	watched := watch(t, "curl", "python3", "openssl", "perl", "date")
	for p, codec := range map[billing.Provider]provider.WebhookCodec{
		billing.Stripe: stripe.Codec{}, billing.Paddle: paddle.Codec{}, billing.LemonSqueezy: lemonsqueezy.Codec{},
	} {
		t.Run(string(p), func(t *testing.T) {
			g, body := NewWithT(t), []byte(`{"name":"O'Neill $HOME"}`)
			verified := make(chan error, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				g.Expect(got).To(Equal(body))
				verified <- codec.Verify(r.Header, got, []string{"s3cret"}, time.Now(), time.Minute)
			}))
			defer server.Close()
			script := trigger.Script(receiver(), p, server.URL, body)
			g.Expect(script).To(ContainSubstring("hooks-signing"))
			cmd := exec.CommandContext(t.Context(), "bash", "-euc", "kubectl() { echo -n s3cret; }\n"+script)
			cmd.Env = append(os.Environ(), "PATH="+watched+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			g.Expect(err).NotTo(HaveOccurred(), string(out))
			g.Expect(<-verified).To(Succeed())
			seen, err := os.ReadFile(filepath.Join(watched, "seen"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(seen)).To(And(ContainSubstring(server.URL), Not(ContainSubstring("s3cret"))),
				"arguments are seen by every user of the machine")
		})
	}
}

func TestPricesOfPlans(t *testing.T) {
	g := NewWithT(t)
	plan := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pro"},
		Spec: v1alpha1.PlanSpec{Prices: []v1alpha1.Price{
			{Name: "monthly", Amount: "29.00", Currency: "EUR"}, {Name: "yearly", Amount: "290.00", Currency: "EUR"},
		}},
		Status: v1alpha1.PlanStatus{Providers: []v1alpha1.PlanProviderStatus{
			{Name: "other", ProductID: "prod_0"},
			{Name: "stripe", ProductID: "prod_1", Prices: []v1alpha1.PlanPriceStatus{
				{Name: "monthly", ID: "price_m"}, {Name: "yearly", ID: "price_y"},
			}},
		}},
	}
	r := receiver(func(r *v1alpha1.WebhookReceiver) { r.Spec.ProviderRef.Name = "stripe" })
	sold, err := trigger.SoldBy(plan, "yearly", r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sold).To(Equal(trigger.Sold{
		PriceID: "price_y", ProductID: "prod_1", Money: billing.Money{Minor: 29000, Currency: "EUR"},
	}))
	sold, err = trigger.SoldBy(plan, "", r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sold.PriceID).To(Equal("price_m"))
	_, err = trigger.SoldBy(plan, "weekly", r)
	g.Expect(err).To(MatchError(ContainSubstring(`no price "weekly"`)))
	r.Spec.ProviderRef.Namespace = "elsewhere"
	_, err = trigger.SoldBy(plan, "", r)
	g.Expect(err).To(MatchError(ContainSubstring("not sold at the PaymentProvider elsewhere/stripe")))
}
