package store

import (
	"bytes"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
)

// The first bytes of what is compressed tell how much it was, whatever it was, and of very little that it was that.
func TestSize(t *testing.T) {
	noise := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	for _, n := range []int{1, 100, 255, 256, 257, 4096, 32 << 10, 64<<10 + 255, 64<<10 + 256, 1 << 20} {
		for name, body := range map[string][]byte{"text": bytes.Repeat([]byte("a"), n), "noise": noise[:n]} {
			g := NewWithT(t)
			packed := Pack(body)
			size, err := Size(packed[:min(len(packed), SizeLength)])
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(size).To(Equal(max(n, untold-1)), name)
			g.Expect(Unpack(packed)).To(Equal(body), name)
		}
	}
	g := NewWithT(t)
	_, err := Size([]byte("{}"))
	g.Expect(err).To(HaveOccurred())
}
