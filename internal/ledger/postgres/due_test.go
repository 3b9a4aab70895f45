package postgres_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Due brings what small events say, and of large ones, however well they were compressed, how much it is: whoever has
// room for that asks for it.
func TestDueLeavesOutLargePayloads(t *testing.T) {
	g := NewWithT(t)
	url := database(t)
	l := start(t, url, "a", time.Hour)
	noise := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	payloads := map[string][]byte{
		"evt_small": []byte(`{"id": "evt_small"}`), "evt_most": noise[:32<<10],
		"evt_text": []byte(strings.Repeat("all the same ", 80_000)), "evt_more": noise[:32<<10+1], "evt_noise": noise,
	}
	for id, payload := range payloads {
		w := workOf(id, id, 1, "app")
		w.Payload, w.Later = payload, true
		_, err := l.Keep(t.Context(), w)
		g.Expect(err).NotTo(HaveOccurred())
	}
	due, err := l.Due(t.Context(), 100)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(due).To(HaveLen(len(payloads)))
	for _, d := range due {
		want := payloads[d.ID]
		g.Expect(d.Size).To(Equal(len(want)), d.ID)
		if small := len(want) <= 32<<10; small {
			g.Expect(d.Payload).To(Equal(want), d.ID)
		} else {
			g.Expect(d.Payload).To(BeNil(), d.ID)
		}
		g.Expect(l.Payload(t.Context(), d.ID)).To(Equal(want), d.ID)
	}

	g.Expect(l.Payload(t.Context(), "evt_other")).To(BeNil())
	exec(t, url, "UPDATE kassa.payloads SET body = '\\x00' WHERE event_id = 'evt_text'")
	g.Expect(l.Payload(t.Context(), "evt_text")).To(BeNil())
	exec(t, url, "UPDATE kassa.deliveries SET held_until = now() - interval '1 second' WHERE event_id = 'evt_text'")
	g.Expect(l.Due(t.Context(), 100)).To(ConsistOf(And(
		HaveField("ID", "evt_text"), HaveField("Payload", BeNil()), HaveField("Size", BeZero()))))
}
