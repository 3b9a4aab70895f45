package registration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/registration"
)

const (
	serverURL = "https://hooks.example.com/in"
	quiet     = "quiet.event"
)

var (
	us     = billing.Owner{Cluster: "c1", Namespace: "shop", Name: "hooks", UID: "u1"}
	others = billing.Owner{Cluster: "c2", Namespace: "shop", Name: "hooks", UID: "u2"}

	stripe = provider.EndpointTraits{
		Secrets: provider.SecretToldOnce, Marks: true, QuietEvent: quiet, MaxActive: 16,
	}
	paddle = provider.EndpointTraits{
		Secrets: provider.SecretTold, Marks: true, UniqueURL: true, QuietEvent: quiet, MaxActive: 10,
	}
	lemon = provider.EndpointTraits{Secrets: provider.SecretChosen, UniqueURL: true, QuietEvent: quiet}

	kinds = map[string]provider.EndpointTraits{"told once": stripe, "told": paddle, "chosen": lemon}

	errKilled = errors.New("killed")
)

// world is a provider, a Secret and a status, as one registration sees them. Every write can be the last one of the
// process that does it.
type world struct {
	*WithT
	traits  provider.EndpointTraits
	at      []provider.Endpoint // with the secrets that they really sign with
	made    int
	data    map[string][]byte
	version int
	known   registration.Known
	now     time.Time

	writes int
	// dies says whether the process ends after a write, counted from 1.
	dies func(write int) bool
	// watch is called after every write.
	watch func()
	// turn is called before every call, by two processes at once.
	turn func()
}

func newWorld(t *testing.T, traits provider.EndpointTraits) *world {
	t.Helper()
	return &world{WithT: NewWithT(t), traits: traits, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (w *world) wrote() error {
	w.writes++
	if w.watch != nil {
		w.watch()
	}
	if w.dies != nil && w.dies(w.writes) {
		return errKilled
	}
	return nil
}

func (w *world) wait() {
	if w.turn != nil {
		w.turn()
	}
}

// told is an endpoint as the provider shows it.
func (w *world) told(e provider.Endpoint, justMade bool) provider.Endpoint {
	if w.traits.Secrets == provider.SecretChosen || w.traits.Secrets == provider.SecretToldOnce && !justMade {
		e.Secret = ""
	}
	return e
}

func (w *world) List(context.Context) ([]provider.Endpoint, error) {
	w.wait()
	var out []provider.Endpoint
	for _, e := range w.at {
		out = append(out, w.told(e, false))
	}
	return out, nil
}

func refused(class provider.Class, code string) error {
	return &provider.Error{Class: class, Code: code, Operation: "test"}
}

func (w *world) taken(url, except string) bool {
	return w.traits.UniqueURL && slices.ContainsFunc(w.at, func(e provider.Endpoint) bool {
		return e.URL == url && e.ID != except
	})
}

func (w *world) Create(_ context.Context, in provider.EndpointSpec) (provider.Endpoint, error) {
	w.wait()
	if w.taken(in.URL, "") {
		return provider.Endpoint{}, refused(provider.ClassConflict, "duplicate")
	}
	if w.traits.MaxActive > 0 && len(w.at) >= w.traits.MaxActive {
		return provider.Endpoint{}, refused(provider.ClassTerminal, "maximum")
	}
	w.made++
	e := provider.Endpoint{ID: fmt.Sprintf("we_%d", w.made), Active: true, Secret: fmt.Sprintf("secret-of-%d", w.made)}
	w.at = append(w.at, w.set(e, in))
	e = w.told(w.at[len(w.at)-1], true)
	return e, w.wrote()
}

func (w *world) set(e provider.Endpoint, in provider.EndpointSpec) provider.Endpoint {
	e.URL, e.Events, e.Active = in.URL, slices.Clone(in.Events), true
	if w.traits.Marks {
		e.Owner = in.Owner
	}
	if in.Secret != "" {
		w.Expect(w.traits.Secrets).To(Equal(provider.SecretChosen), "only some providers can be told a secret")
		e.Secret = in.Secret
	}
	return e
}

func (w *world) index(id string) int {
	return slices.IndexFunc(w.at, func(e provider.Endpoint) bool { return e.ID == id })
}

func (w *world) Update(_ context.Context, id string, in provider.EndpointSpec) (provider.Endpoint, error) {
	w.wait()
	i := w.index(id)
	if i < 0 {
		return provider.Endpoint{}, refused(provider.ClassNotFound, "missing")
	}
	if w.taken(in.URL, id) {
		return provider.Endpoint{}, refused(provider.ClassConflict, "duplicate")
	}
	w.Expect(w.at[i].Owner.Identifies() && !w.at[i].Owner.Same(us)).To(BeFalse(), "another's endpoint was touched")
	w.at[i] = w.set(w.at[i], in)
	return w.told(w.at[i], false), w.wrote()
}

func (w *world) Delete(_ context.Context, id string) error {
	w.wait()
	if i := w.index(id); i >= 0 {
		w.Expect(w.at[i].Owner.Identifies() && !w.at[i].Owner.Same(us)).To(BeFalse(), "another's endpoint was touched")
		w.at = slices.Delete(w.at, i, i+1)
	}
	return w.wrote()
}

// store is the Secret as one process sees it.
type store struct {
	*world
	read int
}

func (s *store) Load(context.Context) (registration.Record, error) {
	s.wait()
	s.read = s.version
	return registration.Decode(s.data), nil
}

func (s *store) Save(_ context.Context, r registration.Record) error {
	s.wait()
	if s.read != s.version {
		return refused(provider.ClassConflict, "stored meanwhile")
	}
	s.data = registration.Encode(r, s.data)
	s.Expect(registration.Decode(s.data).Equal(r)).To(BeTrue(), "what is stored is read again: %+v", r)
	s.version++
	s.read = s.version
	return s.wrote()
}

// goal is what a spec wants.
type goal struct {
	url      string
	events   []string
	rotate   string
	interval time.Duration
	overlap  time.Duration
	adopt    *registration.Adoption
	manual   bool
}

func basic() goal { return goal{url: serverURL, events: []string{"a", "b"}, overlap: time.Hour} }

func (w *world) state(to goal) registration.State {
	return registration.State{
		Provider: "Acme", Traits: w.traits, Owner: us, URL: to.url, Events: to.events, Adopt: to.adopt,
		Rotate: to.rotate, Interval: to.interval, Overlap: to.overlap, Known: w.known, Now: w.now,
	}
}

// reconcile is one pass of the operator; the status is written when it went well.
func (w *world) reconcile(to goal) error {
	keep := &store{world: w}
	var record registration.Record
	var err error
	if to.manual {
		err = registration.Leave(context.Background(), w, keep, w.state(to))
	} else {
		record, err = registration.Converge(context.Background(), w, keep, w.state(to), func(registration.Note) {})
	}
	if err != nil {
		return err
	}
	next := registration.Known{EndpointID: record.Serving.ID}
	for _, h := range record.Retiring {
		next.Retiring = append(next.Retiring, registration.Held{ID: h.ID, Until: h.Until})
	}
	if next.EndpointID == w.known.EndpointID && slices.Equal(next.Retiring, w.known.Retiring) {
		return nil
	}
	w.known = next
	return w.wrote()
}

// settle reconciles until it goes well.
func (w *world) settle(to goal) {
	var err error
	for range 10 {
		if err = w.reconcile(to); err == nil {
			return
		}
	}
	w.Expect(err).NotTo(HaveOccurred())
}

func (w *world) record() registration.Record { return registration.Decode(w.data) }

// live are the secrets that replicas believe.
func (w *world) live() []string {
	r := w.record()
	out := []string{string(w.data[registration.KeySecret])}
	for _, h := range r.Retiring {
		out = append(out, h.Secret)
	}
	return out
}

func isQuiet(e provider.Endpoint) bool { return slices.Equal(e.Events, []string{quiet}) }

// serving are the endpoints that are sent events and whose signatures are believed.
func (w *world) serving() int {
	n := 0
	for _, e := range w.at {
		if !isQuiet(e) && e.Active && slices.Contains(w.live(), e.Secret) {
			n++
		}
	}
	return n
}

// expectGood: one endpoint serves, its secret is stored, and every other is another's or retires quietly.
func (w *world) expectGood(to goal, retiring int) {
	r := w.record()
	w.Expect(r.Retiring).To(HaveLen(retiring), "%+v", r)
	mine := 0
	for _, e := range w.at {
		held := slices.IndexFunc(r.Retiring, func(h registration.Held) bool { return h.ID == e.ID })
		switch {
		case e.Owner.Same(others):
		case e.ID == r.Serving.ID:
			mine++
			w.Expect(e.Secret).To(Equal(r.Serving.Secret))
			w.Expect(e.Events).To(Equal(to.events))
			w.Expect(e.URL).To(HavePrefix(to.url))
			w.Expect(e.Active).To(BeTrue())
			w.Expect(r.Serving.Unconfirmed).To(BeFalse())
			w.Expect(e.Owner.Same(us)).To(Equal(w.traits.Marks))
		case held >= 0:
			w.Expect(isQuiet(e)).To(BeTrue(), "%+v", e)
			w.Expect(e.Secret).To(Equal(r.Retiring[held].Secret))
		default:
			w.Expect(e).To(BeNil(), "an endpoint is left")
		}
	}
	w.Expect(mine).To(Equal(1), "%+v %+v", r, w.at)
	before := w.writes
	w.Expect(w.reconcile(to)).To(Succeed())
	w.Expect(w.writes).To(Equal(before), "nothing is written when everything is as it should be")
}
