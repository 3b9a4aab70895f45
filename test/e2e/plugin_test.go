package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/gomega"
)

// plugin uses every command of kubectl kassa as somebody does who is not in the cluster: what has the address of a
// Service is reached through the API server and a kubelet.
func (b *bench) plugin() {
	b.t.Helper()
	b.showsStatus()
	b.triggers()
	b.comparesAndImports()
	b.sayf("the plugin showed how everything is, sent events through the API server, and read both catalogues")
}

// kassa is what the plugin, which kubectl finds in the PATH, prints as its result. It has to end with 0.
func (b *bench) kassa(args ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv("E2E_KUBECTL"), append([]string{"kassa"}, args...)...)
	var notes bytes.Buffer
	cmd.Dir, cmd.Stderr = b.root, &notes
	out, err := cmd.Output()
	b.Expect(err).NotTo(HaveOccurred(), "kubectl kassa %s: %s%s", strings.Join(args, " "), out, &notes)
	return string(out)
}

func (b *bench) showsStatus() {
	b.t.Helper()
	text := b.kassa("-n", shop, "status")
	b.Expect(text).To(ContainSubstring("Everything is well."))
	b.Expect(text).To(MatchRegexp(`Operator kassa-system/kassa \S+: 2 of 2 replicas available`))
	b.Expect(text).To(ContainSubstring("Plans: 2 of 2 ready, 0 drifted, 0 with changes to be made"))
	for _, row := range []string{
		`stripe +Stripe +Test +\S.* True `, `paddle +Paddle +Test +\S.* True `, `shop +True +2 `, `stripe +True +2 `,
		`paddle +True +2 `,
	} {
		b.Expect(text).To(MatchRegexp(`(?m)^` + row))
	}
}

// triggers sends events to a Service's pods, and follows them to the application's.
func (b *bench) triggers() {
	b.t.Helper()
	for _, receiver := range []string{"stripe", "paddle"} {
		var sent []struct {
			ID, To, Outcome string
			Answer          struct{ Status int }
		}
		out := b.kassa("-n", shop, "trigger", receiver, "payment.succeeded", "--count", "2", "--output", "json",
			"--plan", "pro/monthly", "--user", "plugin-"+receiver)
		b.mustDecode(out, &sent)
		b.Expect(sent).To(HaveLen(2))
		for _, s := range sent {
			b.Expect([]any{s.Answer.Status, s.Outcome}).To(Equal([]any{http.StatusOK, "Processed"}), out)
			b.Expect(s.To).To(ContainSubstring("through the API server"))
			b.reachedApplication(s.ID, "plugin-"+receiver)
			b.Expect(b.kassa("-n", shop, "events", receiver)).To(MatchRegexp(`payment\.succeeded +` + s.ID + ` +Processed`))
			b.Expect(b.kassa("-n", shop, "events", "show", s.ID)).To(MatchRegexp(`State +Processed`))
		}
	}
}

func (b *bench) reachedApplication(id, user string) {
	b.t.Helper()
	all, found := b.appEvents(b.WithT), 0
	for _, e := range all.Events {
		if e.Type == "dev.kassa.payment.succeeded" && strings.HasSuffix(e.ID, ":"+id) {
			found++
			b.Expect(e.Data.Customer.UserID).To(Equal(user))
			b.Expect(e.Data.Payment.Amount + " " + e.Data.Payment.Currency).To(Equal("29.00 USD"))
			b.Expect(all.Deliveries[e.ID]).To(Equal(1), e.ID)
		}
	}
	b.Expect(found).To(Equal(1), "%s at the application", id)
}

// comparesAndImports reads the catalogues at addresses that only the cluster has.
func (b *bench) comparesAndImports() {
	b.t.Helper()
	var report struct{ Summary map[string]int }
	out := b.kassa("-n", shop, "diff", "--output", "json")
	b.mustDecode(out, &report)
	b.Expect(report.Summary).To(Equal(map[string]int{
		"plans": 2, "equal": 2, "create": 0, "change": 0, "replace": 0, "archive": 0, "retire": 0, "differ": 0, "refused": 0,
		"failed": 0,
	}), out)

	form := http.Header{
		"Authorization": {"Bearer sk_test_sandbox"}, "Content-Type": {"application/x-www-form-urlencoded"},
	}
	var product struct{ ID string }
	b.mustDecode(string(b.mustPost(sandbox+"/v1/products", form, "name=Team").body), &product)
	price := url.Values{"product": {product.ID}, "currency": {"usd"}, "unit_amount": {"9900"},
		"recurring[interval]": {"month"}}
	b.mustPost(sandbox+"/v1/prices", form, price.Encode())
	dir := filepath.Join(os.Getenv("E2E_WORK"), "imported")
	b.kassa("-n", shop, "import", "stripe", "--output-dir", dir)
	b.kassa("validate", dir)
	b.Expect(b.kubectl("apply", "--dry-run=server", "-k", dir)).To(ContainSubstring("plan.billing.kassa.dev/team created"))
	b.Expect(b.kassa("-n", shop, "diff", "--filename", dir)).To(ContainSubstring("1 Plan: 1 equal"))
}

func (b *bench) mustDecode(text string, into any) {
	b.t.Helper()
	b.Expect(json.Unmarshal([]byte(text), into)).To(Succeed(), text)
}
