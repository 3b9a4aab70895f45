package registration_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/registration"
)

func TestRefusals(t *testing.T) {
	adopt := func(id, secret, problem string) func(*goal) {
		return func(g *goal) { g.adopt = &registration.Adoption{ID: id, Secret: secret, Problem: problem} }
	}
	const elsewhere = "https://elsewhere.example.com"
	for _, c := range []struct {
		reason  string
		traits  provider.EndpointTraits
		before  func(*world)
		to      func(*goal)
		want    string
		message string
	}{
		{"an id that is not there", stripe, nil, adopt("we_x", "s", ""), v1alpha1.ReasonMissing, "no endpoint we_x"},
		{
			"another's", paddle, func(w *world) { byHand(w, "we_hand", elsewhere).Owner = others }, adopt("we_hand", "", ""),
			v1alpha1.ReasonOwnedByAnother, "c2/shop/hooks",
		},
		{
			"a secret that is needed", stripe, func(w *world) { byHand(w, "we_hand", elsewhere) }, adopt("we_hand", "", ""),
			v1alpha1.ReasonSigningSecretMissing, "is required",
		},
		{
			"a secret that cannot be read", lemon, func(w *world) { byHand(w, "we_hand", elsewhere) },
			adopt("we_hand", "", "it is not there"), v1alpha1.ReasonSigningSecretMissing, "it is not there",
		},
		{
			"a secret that is too long", lemon, func(w *world) { byHand(w, "we_hand", elsewhere) },
			adopt("we_hand", strings.Repeat("x", 41), ""), v1alpha1.ReasonSigningSecretMissing, "6 to 40 characters",
		},
		{
			"another's at the URL that only one can have", paddle,
			func(w *world) { byHand(w, "we_hand", serverURL).Owner = others }, nil, v1alpha1.ReasonOwnedByAnother, "we_hand",
		},
		{"another took the serving one over", paddle, func(w *world) {
			w.settle(basic())
			w.at[0].Owner = others
		}, nil, v1alpha1.ReasonOwnedByAnother, "we_1"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w, to := newWorld(t, c.traits), basic()
			if c.before != nil {
				c.before(w)
			}
			if c.to != nil {
				c.to(&to)
			}
			w.writes = 0
			s := w.state(to)
			s.Observed, _ = w.List(t.Context())
			s.Record = w.record()
			step := registration.Next(s)
			w.Expect(step.Kind).To(Equal(registration.Refuse))
			w.Expect(step.Problem.Reason).To(Equal(c.want))
			w.Expect(step.Problem.Stalled).To(BeTrue())
			w.Expect(step.Problem.Message).To(ContainSubstring(c.message))
			w.Expect(w.reconcile(to)).NotTo(Succeed())
			w.Expect(w.writes).To(BeZero())
		})
	}
}

// Another's endpoint at the same URL is no business of ours where two may have it, and an unmarked one neither where
// its secret cannot be known.
func TestStripeLeavesOthersAtItsURL(t *testing.T) {
	w := newWorld(t, stripe)
	byHand(w, "we_theirs", serverURL).Owner = others
	byHand(w, "we_unmarked", serverURL)
	w.settle(basic())
	w.Expect(w.at).To(HaveLen(3))
	w.Expect(w.at[1].Events).To(Equal([]string{"z"}))
}

// Each endpoint of a server has a URL of its own where no two may share one, also when the URL has a query, and a new
// base moves all of them.
func TestURLsAreToldApart(t *testing.T) {
	w, to := newWorld(t, paddle), basic()
	to.url = serverURL + "?team=growth"
	for _, rotate := range []string{"", "1", "2"} {
		to.rotate = rotate
		w.settle(to)
	}
	urls := func() []string {
		var out []string
		for _, e := range w.at {
			out = append(out, e.URL)
		}
		return out
	}
	w.Expect(urls()).To(ConsistOf(to.url, to.url+"&kassa=1", to.url+"&kassa=2"))
	to.url = "https://new.example.com"
	w.settle(to)
	w.Expect(urls()).To(ConsistOf(to.url, to.url+"?kassa=1", to.url+"?kassa=2"))
	w.expectGood(to, 2)
}

// An adoption is done once: a rotation replaces the endpoint for good, also when the Secret is lost afterwards.
func TestAdoptionIsDoneOnce(t *testing.T) {
	for kind, traits := range kinds {
		t.Run(kind, func(t *testing.T) {
			w, to := newWorld(t, traits), basic()
			byHand(w, "we_hand", "https://old.example.com")
			adoptHand(&to)
			w.settle(to)
			w.Expect(w.record().Serving.ID).To(Equal("we_hand"))
			w.Expect(w.record().Serving.Secret).To(Equal("secret-by-hand"))
			to.rotate = "1"
			w.settle(to)
			w.now = w.now.Add(2 * time.Hour)
			w.settle(to)
			w.expectGood(to, 0)
			w.data, w.version = nil, w.version+1
			w.settle(to)
			w.expectGood(to, 0)
		})
	}
}

// A retiring endpoint is remembered by the status when the Secret is lost, where the provider tells its secret.
func TestLostSecretKeepsWhatRetires(t *testing.T) {
	w, to := newWorld(t, paddle), basic()
	to.rotate = "1"
	w.settle(basic())
	w.settle(to)
	before := w.record()
	w.data, w.version = nil, w.version+1
	w.settle(to)
	w.Expect(w.record().Retiring).To(Equal(before.Retiring))
	w.Expect(w.record().Serving.ID).To(Equal(before.Serving.ID))
	w.expectGood(to, 1)
}

// Nothing that somebody put into the Secret is lost, and nothing of it is believed.
func TestForeignKeysOfTheSecret(t *testing.T) {
	g := NewWithT(t)
	data := registration.Encode(registration.Record{
		Serving:  registration.Held{ID: "we_2", Secret: "two"},
		Retiring: []registration.Held{{ID: "we_1", Secret: "one", Until: time.Unix(9, 0)}},
	}, map[string][]byte{"note": []byte("mine"), "signing-secret-x": []byte("x")})
	g.Expect(data).To(And(HaveKey("note"), HaveKey("signing-secret-x"), HaveKey("signing-secret-1")))
	after := registration.Encode(registration.Record{Serving: registration.Held{ID: "we_2", Secret: "two"}}, data)
	g.Expect(after).To(And(HaveKey("note"), HaveKey("signing-secret-x"), Not(HaveKey("signing-secret-1")),
		Not(HaveKey("endpoint-id-1")), Not(HaveKey("retire-at-1"))))
	after["endpoint-id"] = []byte("we_3")
	g.Expect(registration.Decode(after).Serving.Secret).To(BeEmpty(), "it does not fit its checksum")
}

func TestToken(t *testing.T) {
	g := NewWithT(t)
	g.Expect(registration.Token("now")).To(Equal("now"))
	long := strings.Repeat("x", 300)
	g.Expect(len(registration.Token(long))).To(BeNumerically("<=", 256))
	g.Expect(registration.Token(long)).NotTo(Equal(registration.Token(long + "y")))
}
