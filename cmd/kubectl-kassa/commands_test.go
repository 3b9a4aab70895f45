package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/trigger"
)

// kassa runs a command without a cluster.
func kassa(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/nowhere")
	var text bytes.Buffer
	cmd := newCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &text, ErrOut: &text})
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return text.String(), err
}

func TestEventsThatCanBeTriggeredAreListed(t *testing.T) {
	g := NewWithT(t)
	out, err := kassa(t, "trigger", "--list")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(MatchRegexp(`(?m)^Stripe +payment.succeeded +invoice.paid$`))
	g.Expect(out).To(MatchRegexp(`(?m)^Paddle +payment.succeeded +transaction.completed$`))
	g.Expect(out).To(MatchRegexp(`(?m)^LemonSqueezy +payment.succeeded +subscription_payment_success$`))
	out, err = kassa(t, "trigger", "--list", "-o", "json")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(ContainSubstring(`"native": "invoice.paid"`))
}

func TestMistakesAreToldBeforeTheClusterIsAsked(t *testing.T) {
	for args, want := range map[string]string{
		"trigger":                              "--list has the events",
		"trigger hooks":                        "--list has the events",
		"trigger a b --count 0":                "--count must be from 1",
		"trigger a b --count 33":               "--count must be from 1",
		"trigger a b --forward --address x":    "none of the others can be",
		"trigger a b -o xml":                   "unknown output format",
		"events a -A":                          "use -n instead of -A",
		"events a --watch -o json":             "--watch prints lines",
		"events replay":                        "name events, or a receiver with --dead",
		"events show":                          "name one event",
		"events show a b":                      "name one event",
		"events replay --dead --all a":         "none of the others can be",
		"events show a -o wide":                "unknown output format",
		"status a":                             "unknown command",
		"status --watch -o yaml":               "--watch is for people",
		"trigger a payment.succeeded --user1":  "unknown flag",
		"import --provider stripe":             "--mode is Test or Live",
		"import --provider stripe --mode Test": "--api-key-file or KASSA_API_KEY",
	} {
		t.Run(args, func(t *testing.T) {
			_, err := kassa(t, strings.Fields(args)...)
			g := NewWithT(t)
			g.Expect(err).To(MatchError(ContainSubstring(want)))
			g.Expect(kubectl.ExitCode(err)).To(Equal(kubectl.ExitFailed))
		})
	}
}

// The exit code of trigger says whether every sink took the event.
func TestWhenATriggeredEventIsWell(t *testing.T) {
	taken, refused := trigger.Answer{Status: 200}, trigger.Answer{Status: 400}
	for name, test := range map[string]struct {
		s    sent
		well bool
		says string
	}{
		"taken":          {result(taken, "Processed", true, true), true, "taken by app and crm"},
		"waits":          {result(taken, "Deferred", true, true), false, "it waits"},
		"given up":       {result(taken, "Dead", true, true), false, "given up"},
		"nothing told":   {result(taken, "", true, true), false, "see kubectl kassa events"},
		"not waited for": {result(taken, "", true, false), true, "not waited for"},
		"forgotten":      {result(taken, "", false, false), true, "nothing selects it"},
		"refused":        {result(refused, "", true, false), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(test.s.well()).To(Equal(test.well))
			var out bytes.Buffer
			g.Expect(test.s.people(&out)).To(Succeed())
			g.Expect(out.String()).To(ContainSubstring(test.says))
			g.Expect(strings.Contains(out.String(), "outcome")).To(Equal(test.s.Answer.Taken()))
		})
	}
}

func result(a trigger.Answer, outcome v1alpha1.EventOutcome, recorded, awaited bool) sent {
	return sent{
		ID: "evt_1", Native: "invoice.paid", Sinks: []string{"app", "crm"}, Answer: a,
		Outcome: trigger.Outcome{Outcome: outcome}, recorded: recorded, awaited: awaited,
	}
}

// What replay would not do is told in words that help, and a command only where it does something.
func TestWhatCannotBeReplayed(t *testing.T) {
	in := func(s eventlist.State, database bool) *eventlist.Event {
		return &eventlist.Event{
			Namespace: "shop", Receiver: "hooks", ID: "evt_1", State: s, InDatabase: database, ReceivedAt: time.Now(),
		}
	}
	old := func(e *eventlist.Event) *eventlist.Event {
		e.ReceivedAt = e.ReceivedAt.Add(-2 * inMotion)
		return e
	}
	again := "look at it at the provider, whose repetition goes nowhere"
	for name, test := range map[string]struct {
		e    *eventlist.Event
		want string
	}{
		"given up, in a database": {
			in(eventlist.Dead, true), "\n  kubectl --namespace shop exec deploy/hooks-receiver -- /kassa replay " +
				"--namespace=shop --name=hooks 'evt_1'",
		},
		"waits in a database":      {in(eventlist.Deferred, true), "evt_1 waits, and is sent again by itself"},
		"taken, in a database":     {in(eventlist.Processed, true), "and what it tells is not kept: " + again},
		"claimed, in a database":   {in(eventlist.Claimed, true), "the provider's repetition is taken"},
		"taken":                    {in(eventlist.Processed, false), again},
		"released":                 {in(eventlist.Released, false), again},
		"about to be in the inbox": {in(eventlist.Deferred, false), "sent again by itself"},
		"waits long in a database": {old(in(eventlist.Deferred, true)), "sent again by itself"},
		"deleted unseen":           {old(in(eventlist.Deferred, false)), "whose repetition goes nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(replayable(test.e)).To(MatchError(HaveSuffix(test.want)))
		})
	}
	flag := in(eventlist.Dead, true)
	flag.ID = "--all"
	NewWithT(t).Expect(replayable(flag)).To(MatchError(HaveSuffix(" --name=hooks -- '--all'")))
	NewWithT(t).Expect(inDatabase("shop", "hooks")).To(MatchError(HaveSuffix(" --name=hooks --all")))
	kept := in(eventlist.Dead, false)
	kept.Object = "hooks-1"
	NewWithT(t).Expect(replayable(kept)).To(Succeed())
}

// Files are completed only where files are meant.
func TestNoFilesAreCompletedForNames(t *testing.T) {
	for args, files := range map[string]bool{
		"status": false, "diff": false, "import": false, "events": false, "events show": false, "events replay": false,
		"trigger": false, "diff -n": false, "diff -f": true, "validate": true,
	} {
		out, err := kassa(t, append([]string{"__complete"}, append(strings.Fields(args), "")...)...)
		g := NewWithT(t)
		g.Expect(err).NotTo(HaveOccurred())
		directive := ":4\n" // no files
		if files {
			directive = ":0\n"
		}
		g.Expect(out).To(ContainSubstring(directive), args)
	}
}
