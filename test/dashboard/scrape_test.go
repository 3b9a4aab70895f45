package dashboard_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/localnode"
)

// target is what Prometheus knows of a pod by the chart's PodMonitor.
type target struct {
	url    string
	labels map[string]string
}

// namespace is called so, whatever the test's is.
const namespace = "shop"

// targets are all pods that serve metrics now.
func (s *shop) targets() []target {
	out := []target{{s.operator, map[string]string{"namespace": "kassa-system", "pod": "kassa-operator"}}}
	add := func(pods []localnode.Pod, label, name string) {
		for _, p := range pods {
			out = append(out, target{
				fmt.Sprintf("http://%s:%d/metrics", p.IP, workload.PortHealth),
				map[string]string{"namespace": namespace, "pod": p.Name, label: name},
			})
		}
	}
	add(s.stripe.Replicas(), underscored(v1alpha1.LabelReceiver), "stripe")
	add(s.paddle.Replicas(), underscored(v1alpha1.LabelReceiver), "paddle")
	add(s.checkout.Replicas(), underscored(v1alpha1.LabelCheckoutEndpoint), "shop")
	return out
}

// underscored is what Prometheus makes of a label of Kubernetes.
func underscored(label string) string {
	out := []byte(label)
	for i, c := range out {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			out[i] = '_'
		}
	}
	return string(out)
}

// open opens a database that takes two days at once.
func open(t *testing.T, folder string) *tsdb.DB {
	t.Helper()
	options := tsdb.DefaultOptions()
	options.MinBlockDuration, options.MaxBlockDuration = (72 * time.Hour).Milliseconds(), (72 * time.Hour).Milliseconds()
	options.RetentionDuration = 0
	db, err := tsdb.Open(folder, nil, nil, options, nil)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// scrape reads every target into the database, as of a time.
func (s *shop) scrape(db *tsdb.DB, at time.Time) {
	var all sync.WaitGroup
	var mu sync.Mutex
	into := db.Appender(s.T.Context())
	for _, to := range s.targets() {
		all.Go(func() {
			text, kind, err := s.read(to.url)
			if err != nil {
				s.T.Logf("scraping %s: %v", to.url, err) // a gap, as it would be anywhere
				return
			}
			mu.Lock()
			defer mu.Unlock()
			s.g.Expect(take(into, text, kind, to.labels, at)).To(Succeed(), to.url)
		})
	}
	all.Wait()
	s.g.Expect(into.Commit()).To(Succeed())
}

func (s *shop) read(url string) ([]byte, string, error) {
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	answer, err := s.stripe.Do(req)
	if err == nil && answer.Status != http.StatusOK {
		err = fmt.Errorf("HTTP %d", answer.Status)
	}
	return []byte(answer.Body), answer.Header.Get("Content-Type"), err
}

// growing are metrics that grow with the clock, and so are stretched with it: what waits for an hour of the picture is
// an hour old, and a process that works half of the time does so there.
var growing = map[string]bool{
	"kassa_receiver_inbox_oldest_seconds": true, "kassa_objects_oldest_seconds": true, "process_cpu_seconds_total": true,
}

// take appends what a target told, with the labels of the target.
func take(into storage.Appender, text []byte, kind string, own map[string]string, at time.Time) error {
	parser, err := textparse.New(text, kind, nil, textparse.ParserOptions{FallbackContentType: "text/plain"})
	if err != nil {
		return err
	}
	for {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case entry != textparse.EntrySeries:
			continue
		}
		_, _, value := parser.Series()
		var series labels.Labels
		parser.Labels(&series)
		if growing[series.Get("__name__")] {
			value *= stretch
		}
		with := labels.NewBuilder(series)
		for name, text := range own {
			with.Set(name, text)
		}
		if _, err := into.Append(0, with.Labels(), at.UnixMilli(), value); err != nil {
			return err
		}
	}
}
