package dashboard_test

import (
	"cmp"
	"os"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) {
	defer postgres.Close()
	stack.Main(m, controlplane.Options{NoFsync: true})
}

const (
	// day is how long one of the two lasts.
	day = 6 * time.Minute
	// stretch is how many times longer it is in the picture.
	stretch = float64(shown) / float64(day)
	// scraped is how long in the picture it is from one scrape to the next.
	scraped = 2 * time.Minute
)

// TestPicture draws it into the folder DASHBOARD_PICTURE. What was scraped is kept in the folder DASHBOARD_DATA, if one
// is named, and is drawn again without another run where it is there.
func TestPicture(t *testing.T) {
	into := os.Getenv("DASHBOARD_PICTURE")
	if into == "" {
		t.Skip("make dashboard-picture draws it")
	}
	g := NewWithT(t)
	db := open(t, cmp.Or(os.Getenv("DASHBOARD_DATA"), t.TempDir()))
	if db.Head().NumSeries() == 0 {
		live(t, db)
	}
	midnight := time.UnixMilli(db.Head().MaxTime()).Add(-shown)
	got := answers{From: midnight.UnixMilli(), To: midnight.Add(shown).UnixMilli(), Panels: map[int][]line{}}
	for _, p := range panels(t) {
		lines, err := p.ask(t.Context(), db, midnight, scraped)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(len(lines) > 0).To(Equal(p.Type != "row"), "%s is empty", p.Title)
		got.Panels[p.ID] = lines
	}
	draw(t, got, into)
	remember(t, got, into)
}

// answers are those of the panels by their ids, of the day from that millisecond on.
type answers struct {
	From   int64          `json:"from"`
	To     int64          `json:"to"`
	Panels map[int][]line `json:"panels"`
}

// live has a shop live for two days, of which the second one ends with yesterday.
func live(t *testing.T, into *tsdb.DB) {
	t.Helper()
	s := deploy(t)
	begun, midnight := time.Now(), time.Now().UTC().Truncate(shown).Add(-shown)
	now := func() time.Time { return midnight.Add(time.Duration(float64(time.Since(begun))*stretch) - shown) }
	b, done := newBuyers(s), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { b.live(now, done) })
	all.Go(func() { b.happen(now, midnight, done) })
	for at := midnight.Add(-shown); !at.After(midnight.Add(shown)); at = at.Add(scraped) {
		<-time.After(time.Duration(float64(at.Sub(now())) / stretch))
		s.scrape(into, at)
	}
	close(done)
	all.Wait()
	t.Logf("%d visitors, to %d of whom no checkout was opened", b.visitors.Load(), b.refused.Load())
}
