package plugin

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/stack"
)

const often = 50 * time.Millisecond

// An event is triggered and comes to the sink. Then the sink lets go of one, which is dead until it is replayed.
func TestTriggerAndReplay(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g, secrets := NewWithT(t), []string{r.SigningSecret()}
	at := "--address=" + r.ReplicaURL(r.Replicas()[0])

	type sent struct {
		ID, Native, Outcome string
		Sinks               []string
		Answer              struct{ Status int }
	}
	events := func(text string) (out []sent) {
		g.Expect(json.Unmarshal([]byte(text), &out)).To(Succeed(), text)
		return out
	}
	got := kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", at, "--count=2", "--user=42", "-o=json")
	g.Expect(got.code).To(Equal(0))
	list := events(got.out)
	g.Expect(list).To(HaveLen(2))
	for _, e := range list {
		g.Expect(e.ID).To(HavePrefix("evt_kassa_trigger_"))
		g.Expect(e.Native).To(Equal("invoice.paid"))
		g.Expect(e.Answer.Status).To(Equal(http.StatusOK))
		g.Expect(e.Outcome).To(Equal("Processed"))
		g.Expect(e.Sinks).To(Equal([]string{"app"}))
		g.Expect(sink.Taken()).To(HaveKeyWithValue(s.CloudEventID(e.ID), 1))
	}
	status := kassa(t, s, secrets, "status")
	g.Expect(status.code).To(Equal(0))
	watched := follow(t, s, "events", "hooks", "--watch")
	g.Eventually(watched.String, stack.Patience, often).Should(ContainSubstring(list[1].ID))

	sink.Answer(func(string, int) int { return http.StatusGone })
	got = kassa(t, s, secrets, "trigger", "hooks", "customer.subscription.deleted", at, "-o=json")
	g.Expect(got.code).To(Equal(1))
	dead := events(got.out)[0]
	g.Expect(dead.Outcome).To(Equal("Dead"))

	g.Eventually(watched.String, stack.Patience, often).Should(MatchRegexp(`Dead +subscription.canceled.*` + dead.ID))
	g.Expect(strings.Count(watched.String(), list[1].ID)).To(Equal(1), "a state is told once")

	got = kassa(t, s, secrets, "events", "hooks", "--dead")
	g.Expect(got.code).To(Equal(0))
	g.Expect(got.out).To(ContainSubstring(dead.ID))
	g.Expect(got.out).NotTo(ContainSubstring(list[0].ID))
	got = kassa(t, s, secrets, "events", "-o=wide")
	for _, id := range []string{dead.ID, list[0].ID, list[1].ID} {
		g.Expect(strings.Count(got.out, id)).To(Equal(1), "each event is one line")
	}
	g.Eventually(func() int {
		status = kassa(t, s, secrets, "status")
		return status.code
	}, stack.Patience, time.Second).Should(Equal(1))
	g.Expect(status.out).To(ContainSubstring("DeadLetters"))

	got = kassa(t, s, secrets, "events", "show", dead.ID)
	g.Expect(got.out).To(And(ContainSubstring("Dead"), Not(ContainSubstring("kassa-trigger@example.com"))))
	got = kassa(t, s, secrets, "events", "show", dead.ID, "--payload")
	g.Expect(got.out).To(ContainSubstring(`"status": "canceled"`))
	g.Expect(got.err).To(ContainSubstring("personal data"))

	got = kassa(t, s, secrets, "events", "replay", "--dead", "hooks")
	g.Expect(got.code).To(Equal(1), "the sink still lets go of it")
	sink.Answer(nil)
	got = kassa(t, s, secrets, "events", "replay", dead.ID)
	g.Expect(got.code).To(Equal(0))
	g.Expect(sink.Taken()).To(HaveKeyWithValue(s.CloudEventID(dead.ID), 1))
	got = kassa(t, s, secrets, "events", "replay", list[0].ID)
	g.Expect(got.code).To(Equal(2), "what every sink took is not kept")
	g.Eventually(func() int { return kassa(t, s, secrets, "status").code }, stack.Patience, time.Second).Should(Equal(0))
}

// What is said before, and instead of, sending.
func TestTriggerRefusesAndWarns(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g, secrets := NewWithT(t), []string{r.SigningSecret()}
	at := "--address=" + r.ReplicaURL(r.Replicas()[0])

	got := kassa(t, s, secrets, "trigger", "hooks", "payment.suceeded", at)
	g.Expect(got.code).To(Equal(2))
	g.Expect(got.err).To(ContainSubstring("--list"))
	got = kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", "--address=http://127.0.0.1:1")
	g.Expect(got.code).To(Equal(2))
	g.Expect(got.err).To(ContainSubstring("cannot be reached"))
	got = kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", at[:len(at)-1])
	g.Expect(got.code).To(Equal(1), "another path is refused")
	g.Expect(got.out).To(ContainSubstring("404"))
	got = kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded")
	g.Expect(got.code).To(Equal(2), "the node has no way for kubectl port-forward")
	g.Expect(got.err).To(ContainSubstring("through the API server"))

	got = kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", at, "--dry-run")
	g.Expect(got.code).To(Equal(0))
	g.Expect(sink.Tried()).To(BeEmpty())
	run(t, s, got.out)
	g.Eventually(sink.Taken, stack.Patience, often).Should(HaveLen(1), "the script sends the event")

	for typed, want := range map[string]string{"ho": "hooks", "x": ""} {
		got = kassa(t, s, secrets, "__complete", "trigger", typed)
		name, _, _ := strings.Cut(got.out, "\t")
		g.Expect(strings.TrimPrefix(name, ":4\n")).To(Equal(want))
	}
	got = kassa(t, s, secrets, "__complete", "trigger", "hooks", "invoice.p")
	g.Expect(strings.Fields(got.out)).To(ContainElements("invoice.paid", "invoice.payment_failed"))

	mode := []byte(`{"status":{"provider":{"mode":"Live"}}}`)
	object := r.Object()
	s.KillOperators() // nobody puts it right
	g.Expect(s.Client.Status().Patch(context.Background(), object,
		client.RawPatch(types.MergePatchType, mode))).To(Succeed())
	got = kassa(t, s, secrets, "trigger", "hooks", "payment.succeeded", at)
	g.Expect(got.code).To(Equal(2))
	g.Expect(got.err).To(And(ContainSubstring("Live mode"), ContainSubstring("--live")))
	g.Expect(sink.Tried()).To(HaveLen(1))
}

// run runs a script with the stack's kubectl.
func run(t *testing.T, s *stack.Stack, script string) {
	t.Helper()
	for _, name := range []string{"bash", "curl", "python3"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("KASSA_REQUIRE_PEERS") != "" {
				t.Fatal(err)
			}
			t.Skip(name + " is not installed, so no script was run")
		}
	}
	kubectl := "kubectl() { " + s.Plane.KubectlPath() + " \"$@\"; }\n"
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", kubectl+script)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Plane.KubeconfigPath())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	NewWithT(t).Expect(string(out)).To(ContainSubstring("200 OK"))
}
