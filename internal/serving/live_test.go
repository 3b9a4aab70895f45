package serving

import (
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

func TestLiveHasSettingsOrAReason(t *testing.T) {
	g := NewWithT(t)
	var l Live[int]
	g.Expect(l.Load()).To(BeNil())
	one := 1
	before, news := l.Set(nil, "no Secret")
	g.Expect(before).To(BeNil())
	g.Expect(news).To(BeTrue())
	_, news = l.Set(nil, "no Secret")
	g.Expect(news).To(BeFalse())
	_, news = l.Set(&one, "")
	g.Expect(news).To(BeTrue())
	before, news = l.Set(&one, "")
	g.Expect(before).To(Equal(&one))
	g.Expect(news).To(BeFalse())

	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 10_000 {
				if settings, why := l.Load(); (settings == nil) == (why == "") {
					t.Errorf("settings %v, reason %q", settings, why)
					return
				}
			}
		})
	}
	all.Go(func() {
		for range 10_000 {
			l.Set(nil, "no Secret")
			l.Set(&one, "")
		}
	})
	all.Wait()
}
