package alerts

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

const rulesFile = "../../charts/kassa/files/alerts.yaml"

// hooks are the labels that a PodMonitor gives a receiver.
const hooks = `namespace="shop",pod="hooks-1",billing_kassa_dev_receiver="hooks"`

// Each case is what Prometheus scraped every minute, and which alerts fire at the end of it: those and no others.
var cases = []struct {
	why    string
	series string
	after  time.Duration
	fires  []string
}{
	{"nineteen of twenty payments succeed", payments("live", 190, 10), 2 * time.Hour, nil},
	{"nine of a hundred fail", payments("live", 91, 9), 2 * time.Hour, []string{"KassaPaymentSuccessLow"}},
	{
		"twelve of a hundred fail", payments("live", 88, 12), 2 * time.Hour,
		[]string{"KassaPaymentSuccessLow", "KassaPaymentsFail"},
	},
	{"payments that are only tests", payments("test", 10, 90), 2 * time.Hour, nil},
	{
		"too few payments to say",
		`kassa_receiver_payments_total{` + hooks + `,provider="Stripe",mode="live",outcome="failed"} 0x60 1x60
		kassa_receiver_payments_total{` + hooks + `,provider="Stripe",mode="live",outcome="succeeded"} 0x120`,
		2 * time.Hour, nil,
	},
	{"one of fifty is disputed", disputes("0+0.02x10080"), 168 * time.Hour, []string{"KassaDisputesHigh"}},
	{"one of two hundred is disputed", disputes("0+0.005x10080"), 168 * time.Hour, nil},
	{
		"a provider opens no checkouts",
		checkouts("created", "0+9x60") + checkouts("terminal", "0+1x60"), time.Hour, []string{"KassaCheckoutsFail"},
	},
	{
		"buyers ask for what nobody sells",
		checkouts("created", "0+5x60") + checkouts("refused", "0+5x60"), time.Hour, nil,
	},
	{
		"one in ten webhooks has a wrong signature",
		requests("processed", "0+9x120") + requests("rejected", "0+1x120"), 2 * time.Hour, []string{"KassaWebhooksFail"},
	},
	{
		"repeated webhooks are no failures",
		requests("processed", "0+5x120") + requests("duplicate", "0+5x120") + requests("unknown", "0+5x120"),
		2 * time.Hour, nil,
	},
	{"webhooks take seven seconds", durations(8), time.Hour, []string{"KassaWebhooksSlow"}},
	{"webhooks take a tenth of a second", durations(100), time.Hour, nil},
	{
		"an event waits for twenty minutes", `kassa_receiver_inbox_oldest_seconds{` + hooks + `} 0+60x20`,
		20 * time.Minute, []string{"KassaEventsWait"},
	},
	{
		"an event waits for fourteen minutes", `kassa_receiver_inbox_oldest_seconds{` + hooks + `} 0+60x14`,
		14 * time.Minute, nil,
	},
	{
		"an event was given up", `kassa_receiver_inbox_events{` + hooks + `,phase="dead"} 1x10`,
		10 * time.Minute, []string{"KassaEventsDead"},
	},
	{"events only wait", `kassa_receiver_inbox_events{` + hooks + `,phase="pending"} 9x10`, 10 * time.Minute, nil},
	{
		"a sink is away", `kassa_receiver_sink_circuit_open{` + hooks + `,sink="app"} 1x15`,
		15 * time.Minute, []string{"KassaSinkDown"},
	},
	{"a sink was away", `kassa_receiver_sink_circuit_open{` + hooks + `,sink="app"} 1x5 0x10`, 15 * time.Minute, nil},
	{
		"a history cannot be read", `kassa_recovery_sweeps_total{provider="Stripe",outcome="failed"} 0+1x60`,
		time.Hour, []string{"KassaRecoveryFails"},
	},
	{"histories are read", `kassa_recovery_sweeps_total{provider="Stripe",outcome="ok"} 0+1x60`, time.Hour, nil},
	{"a Plan is not Ready", standing("Plan", "False", "ProviderError"), 20 * time.Minute, []string{"KassaPlanNotReady"}},
	{"a Plan is Ready", standing("Plan", "True", "InSync"), 20 * time.Minute, nil},
	{"a Plan differs", `kassa_plans_drifted 1x20`, 20 * time.Minute, []string{"KassaPlansDrifted"}},
	{"a Plan differed", `kassa_plans_drifted 1x10 0x10`, 20 * time.Minute, nil},
	{
		"a receiver was never looked at", standing("WebhookReceiver", "Unknown", "Progressing"),
		20 * time.Minute, []string{"KassaObjectNotReady"},
	},
	{"a receiver is Ready", standing("WebhookReceiver", "True", "Succeeded"), 20 * time.Minute, nil},
	{"a key was revoked", provider("CredentialsInvalid"), 5 * time.Minute, []string{"KassaCredentialsInvalid"}},
	{"a provider cannot be reached", provider("Unreachable"), 5 * time.Minute, nil},
	{
		"an account's limit is nearly used up", `kassa_provider_rate_limit_used_ratio{provider="Paddle"} 0.79x20`,
		20 * time.Minute, []string{"KassaRateLimitNearlyUsed"},
	},
	{"half of a limit is used", `kassa_provider_rate_limit_used_ratio{provider="Paddle"} 0.5x20`, 20 * time.Minute, nil},
	{
		"a provider answers 429", calls("rate_limited", "0+2x30") + calls("ok", "0+10x30"), 30 * time.Minute,
		[]string{"KassaProviderRefusesRate"},
	},
	{
		"a provider answers nothing", calls("unavailable", "0+2x30") + calls("ok", "0+1x30"), 30 * time.Minute,
		[]string{"KassaProviderUnavailable"},
	},
	{"a provider answers", calls("unavailable", "0+1x30") + calls("ok", "0+10x30"), 30 * time.Minute, nil},
	{
		"a certificate ends in three days", `kassa_receiver_certificate_expiry_timestamp_seconds{` + hooks + `} 262800x90`,
		90 * time.Minute, []string{"KassaCertificateEnds"},
	},
	{
		"there is no certificate, and one that is good for a month",
		`kassa_receiver_certificate_expiry_timestamp_seconds{` + hooks + `} 0x90
		kassa_checkout_certificate_expiry_timestamp_seconds{namespace="shop",pod="pay-1"} 2592000x90`,
		90 * time.Minute, nil,
	},
}

func payments(mode string, succeeded, failed int) string {
	of := func(outcome string, n int) string {
		return `
		kassa_receiver_payments_total{` + hooks + `,provider="Stripe",mode="` + mode + `",outcome="` + outcome + `"} 0+` +
			strconv.Itoa(n) + `x120`
	}
	return of("succeeded", succeeded) + of("failed", failed)
}

func disputes(values string) string {
	return `kassa_receiver_events_total{` + hooks + `,provider="Stripe",mode="live",type="dispute.opened"} ` + values + `
		kassa_receiver_payments_total{` + hooks + `,provider="Stripe",mode="live",outcome="succeeded"} 0+1x10080`
}

func checkouts(result, values string) string {
	return `
		kassa_checkout_checkouts_total{namespace="shop",provider="Stripe",mode="live",result="` + result + `"} ` + values
}

func requests(result, values string) string {
	return `
		kassa_receiver_requests_total{` + hooks + `,result="` + result + `"} ` + values
}

// durations are of a hundred requests a minute, of which so many take less than three seconds and the others less than
// ten.
func durations(quick int) string {
	out := ""
	for _, b := range []struct {
		le string
		n  int
	}{{"0.1", quick}, {"3", quick}, {"5", quick}, {"10", 100}, {"+Inf", 100}} {
		out += `
		kassa_receiver_request_duration_seconds_bucket{` + hooks + `,result="processed",le="` + b.le + `"} 0+` +
			strconv.Itoa(b.n) + `x60`
	}
	return out
}

func standing(kind, status, reason string) string {
	return `kassa_objects_oldest_seconds{kind="` + kind + `",condition="Ready",status="` + status + `",reason="` + reason +
		`"} 0+60x20`
}

func provider(reason string) string {
	return `kassa_objects{kind="PaymentProvider",condition="Ready",status="False",reason="` + reason + `"} 1x10`
}

func calls(class, values string) string {
	return `
		kassa_provider_requests_total{provider="Stripe",operation="list prices",class="` + class + `"} ` + values
}

func TestAlerts(t *testing.T) {
	var fired []string
	for _, c := range cases {
		fired = append(fired, c.fires...)
		t.Run(c.why, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(firing(t, c.series, c.after)).To(ConsistOf(c.fires))
		})
	}
	for _, name := range alertNames(t) {
		NewWithT(t).Expect(fired).To(ContainElement(name), "no case has it fire")
	}
}

// firing are the alerts that fire once the rules were evaluated every minute up to then.
func firing(t *testing.T, series string, after time.Duration) []string {
	t.Helper()
	g := NewWithT(t)
	store := promqltest.LoadedStorage(t, "load 1m\n\t"+strings.TrimSpace(series)+"\n")
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 50_000_000)
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(engine, store), Queryable: store, AppendableV2: store,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Logger: promslog.NewNopLogger(),
	})
	groups, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, rulesFile)
	g.Expect(errs).To(BeEmpty())
	out := []string{}
	// The longest time that a rule waits is an hour.
	for at := max(after-90*time.Minute, 0); at <= after; at += time.Minute {
		for _, group := range groups {
			group.Eval(t.Context(), time.Unix(0, 0).Add(at))
		}
	}
	for _, group := range groups {
		for _, r := range group.Rules() {
			g.Expect(r.LastError()).NotTo(HaveOccurred(), r.Name())
		}
		for _, r := range group.AlertingRules() {
			for _, alert := range r.ActiveAlerts() {
				if alert.State == rules.StateFiring {
					g.Expect(alert.Annotations.Get("description")).NotTo(Or(BeEmpty(), ContainSubstring("<no value>"),
						ContainSubstring("error expanding")))
					out = append(out, r.Name())
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var alertLine = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)

func alertNames(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range alertLine.FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}

// What to do when an alert fires is where it says.
func TestRunbooks(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile(rulesFile)
	g.Expect(err).NotTo(HaveOccurred())
	guide, err := os.ReadFile("../../docs/troubleshooting.md")
	g.Expect(err).NotTo(HaveOccurred())
	names := alertNames(t)
	g.Expect(names).NotTo(BeEmpty())
	for _, name := range names {
		g.Expect(string(text)).To(ContainSubstring("docs/troubleshooting.md#" + strings.ToLower(name) + "\n"))
		g.Expect(string(guide)).To(ContainSubstring("\n### " + name + "\n"))
	}
}
