package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// sound finds what is wrong with what Parse returned, whatever the body was.
func sound(body []byte, e billing.Event, err error) error {
	if err != nil {
		if !errors.Is(err, provider.ErrMalformedEvent) {
			return fmt.Errorf("an error that is no ErrMalformedEvent: %w", err)
		}
		return nil
	}
	switch {
	case !plain(e.ID, provider.MaxEventID):
		return fmt.Errorf("the id is %q", e.ID)
	case !plain(e.NativeType, provider.MaxNativeType):
		return fmt.Errorf("the native type is %q", e.NativeType)
	case e.Type != "" && !slices.Contains(billing.EventTypes(), e.Type):
		return fmt.Errorf("no such type: %q", e.Type)
	case !bytes.Equal(e.Native, body):
		return errors.New("the native event is not the body")
	case !json.Valid(body):
		return errors.New("the body is no JSON")
	case !e.Time.IsZero() && (e.Time.Year() < 1970 || e.Time.Year() > 9999):
		return errors.New("the time is " + e.Time.String())
	case e.Mode != "" && e.Mode != billing.Test && e.Mode != billing.Live:
		return errors.New("the mode is " + string(e.Mode))
	}
	return soundParts(e)
}

func soundParts(e billing.Event) error {
	for k := range e.Metadata {
		if strings.HasPrefix(k, "kassa") {
			return fmt.Errorf("a mark among the metadata: %q", k)
		}
	}
	if s := e.Subscription; s != nil {
		for _, at := range []*time.Time{s.CurrentPeriodEnd, s.TrialEnd} {
			if at != nil && (at.Year() < 1970 || at.Year() > 9999) {
				return errors.New("a time of the subscription is " + at.String())
			}
		}
	}
	for _, part := range []any{e.Customer, e.Subscription, e.Payment, e.Checkout, e.Dispute} {
		if _, err := json.Marshal(part); err != nil {
			return err
		}
	}
	return nil
}

// plain says that a text can be in a header, a log and an object's field.
func plain(s string, most int) bool {
	return s != "" && len(s) <= most && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (f CodecFixture) parse(t *testing.T) {
	for _, x := range f.Examples {
		t.Run(x.Why, func(t *testing.T) {
			g := NewWithT(t)
			body := slices.Clone(x.Body)
			e, err := f.Codec.Parse(body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(sound(x.Body, e, nil)).To(Succeed())
			g.Expect(&e.Native[0]).To(BeIdenticalTo(&body[0]), "the body itself, not a copy")
			again, err := f.Codec.Parse(slices.Clone(x.Body))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cmp.Diff(again, e)).To(BeEmpty(), "the same body is the same event")

			// The buffer of a body is used again when its request is done; what was read of it lives on.
			for i := range body {
				body[i] = '#'
			}
			g.Expect(cmp.Diff(again, e, cmpopts.IgnoreFields(billing.Event{}, "Native"))).To(BeEmpty(),
				"nothing but Native is a part of the body")

			spaced := append([]byte(" \r\n\t"), x.Body...)
			spaced = append(spaced, "\n \t"...)
			wide, err := f.Codec.Parse(spaced)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cmp.Diff(again, wide, f.ignore(x.Body, again, "Native"))).To(BeEmpty(), "white space around it")
		})
	}
}

// concurrent is for the race detector: one codec serves all requests.
func (f CodecFixture) concurrent(t *testing.T) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, x := range f.Examples {
				if err := f.check(f.Sign(x.Body, signedAt, secretA), x.Body, secretB, secretA); err != nil {
					t.Errorf("%s: %v", x.Why, err)
				}
				e, err := f.Codec.Parse(x.Body)
				if err == nil {
					err = sound(x.Body, e, nil)
				}
				if err != nil {
					t.Errorf("%s: %v", x.Why, err)
				}
				if names, _ := f.Codec.NativeEvents([]string{string(e.Type)}); e.Type != "" && len(names) == 0 {
					t.Errorf("%s: no event is %s", x.Why, e.Type)
				}
			}
		})
	}
	all.Wait()
}

// ignore leaves out fields, and the id where it is made of the whole body.
func (f CodecFixture) ignore(body []byte, e billing.Event, fields ...string) cmp.Option {
	if !bytes.Contains(body, []byte(e.ID)) {
		fields = append(fields, "ID")
	}
	return cmpopts.IgnoreFields(billing.Event{}, fields...)
}

func (f CodecFixture) parseGarbage(t *testing.T) {
	g := NewWithT(t)
	body := string(f.body())
	for why, text := range map[string]string{
		"nothing": "", "white space": " \n", "null": "null", "a list": "[]", "nothing in it": "{}", "a number": "1",
		"a text": `"x"`, "no JSON": "t=1&v=2", "a list of it": "[" + body + "]", "two of it": body + body, "more": body + "x",
		"a comma after it": body + ",", "a form": "payload=" + body, "a bomb of lists": strings.Repeat("[", 1<<20),
		"a bomb of objects": strings.Repeat(`{"a":`, 1<<18), "no UTF-8": "{\"id\":\"\xff\xfe\"}",
		"UTF-16": "{\x00\"\x00i\x00d\x00", "a comment": "//\n" + body, "an apostrophe": strings.ReplaceAll(body, `"`, `'`),
		"a name without quotes": "{id:1}", "a comma too many": strings.TrimSuffix(body, "}") + ",}",
		"a line break in a text": strings.Replace(body, "evt_1", "evt\n1", 1),
		"no such escape":         strings.Replace(body, "evt_1", `evt\x1`, 1),
		"NaN":                    strings.TrimSuffix(body, "}") + `,"z":NaN}`,
		"a zero too many":        strings.TrimSuffix(body, "}") + `,"z":01}`,
	} {
		_, err := f.Codec.Parse([]byte(text))
		g.Expect(err).To(MatchError(provider.ErrMalformedEvent), why)
		g.Expect(len(err.Error())).To(BeNumerically("<", 500), why)
	}
	for i := range body {
		_, err := f.Codec.Parse([]byte(body[:i]))
		g.Expect(err).To(MatchError(provider.ErrMalformedEvent), "%d bytes of it", i)
	}
	for _, depth := range []int{50, 5000, 100000} {
		deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		text := []byte(strings.TrimSuffix(body, "}") + `,"zz":` + deep + "}")
		e, err := f.Codec.Parse(text)
		g.Expect(sound(text, e, err)).To(Succeed(), "%d deep", depth)
		g.Expect(err == nil || depth > 50).To(BeTrue(), "metadata may be nested")
	}
}

// parseMutated makes every field something that it is not, and takes it away.
func (f CodecFixture) parseMutated(t *testing.T) {
	for _, x := range f.Examples {
		t.Run(x.Why, func(t *testing.T) {
			parts, err := takeApart(x.Body)
			if err != nil {
				t.Fatal(err)
			}
			try := func(what string) {
				body := parts.text(extra{})
				e, err := f.Codec.Parse(body)
				if err := sound(body, e, err); err != nil {
					t.Fatalf("%s: %v\n%.1000s", what, err, body)
				}
			}
			for _, p := range parts.places {
				was := p.get()
				for _, odd := range oddValues() {
					p.set(odd)
					try(p.key)
				}
				if p.object != nil {
					delete(p.object, p.key)
					try("no " + p.key)
				}
				p.set(was)
			}
		})
	}
}

// parseNames gives objects names twice, and names in other letters: an app's reader takes the last of two names and
// does not take ID for id. An event that is read otherwise here would be another one there.
func (f CodecFixture) parseNames(t *testing.T) {
	for _, x := range f.Examples {
		t.Run(x.Why, func(t *testing.T) {
			g := NewWithT(t)
			want, err := f.Codec.Parse(x.Body)
			g.Expect(err).NotTo(HaveOccurred())
			parts, err := takeApart(x.Body)
			g.Expect(err).NotTo(HaveOccurred())
			same := f.ignore(x.Body, want, "Native", "Metadata")
			for _, o := range parts.objects {
				var loud []member
				for k, v := range o {
					loud = append(loud, member{strings.ToUpper(k), otherThan(v)}, member{k + " ", otherThan(v)})
					body := parts.text(extra{object: o, before: []member{{k, otherThan(v)}}})
					got, err := f.Codec.Parse(body)
					if err != nil {
						g.Expect(err).To(MatchError(provider.ErrMalformedEvent))
						continue
					}
					g.Expect(cmp.Diff(want, got, same)).To(BeEmpty(), "%s is there twice", k)
				}
				got, err := f.Codec.Parse(parts.text(extra{object: o, after: loud}))
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(cmp.Diff(want, got, same)).To(BeEmpty(), "the names in other letters are others: %v", loud)
			}
		})
	}
}

func (f CodecFixture) identity(t *testing.T) {
	g, native := NewWithT(t), f.natives()[0]
	parse := func(id, native string) (billing.Event, error) {
		t.Helper()
		body := f.Event(id, native)
		e, err := f.Codec.Parse(body)
		g.Expect(sound(body, e, err)).To(Succeed(), "%q %q", id, native)
		return e, err
	}
	one, err := parse("evt_1", native)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one.ID).To(Equal("evt_1"))
	g.Expect(one.NativeType).To(Equal(native))
	long := strings.Repeat("x", provider.MaxEventID)
	e, err := parse(long, native)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.ID).To(Equal(long))
	e, err = parse("evt_1", long[:provider.MaxNativeType])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Type).To(BeEmpty(), "nobody knows this event")
	_, err = parse("evt_1", long[:provider.MaxNativeType]+"x")
	g.Expect(err).To(MatchError(provider.ErrMalformedEvent))
	_, err = parse("evt_1", "")
	g.Expect(err).To(MatchError(provider.ErrMalformedEvent), "what happened is not told")
	odd := []string{"", long + "x", "evt 1", "evt\n1", "evt\x001", "evt_é", "\u202e1_tve", " evt_1", "evt_1\t"}
	for _, id := range odd {
		if e, err := parse(id, native); err == nil {
			g.Expect(e.ID).NotTo(Equal("evt_1"), "%q is another event", id)
		}
		_, err = parse("evt_1", native+id+" ")
		g.Expect(err).To(MatchError(provider.ErrMalformedEvent), "%q", id)
	}
}
