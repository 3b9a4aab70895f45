package kube_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/internal/ledger/ledgertest"
	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestConformance(t *testing.T) {
	cp := controlplane.Shared(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Shared {
		n := &network{}
		config := rest.CopyConfig(cp.Config())
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &link{network: n, next: next} })
		namespace := cp.Namespace(t)
		return ledgertest.Shared{
			MaxID: kube.MaxID, MaxType: kube.MaxType,
			Outage: n.outage, LoseAnswers: n.loseAnswers,
			Open: func(t *testing.T, o ledgertest.Options) ledger.Ledger {
				client, err := kube.ClientFor(config)
				if err != nil {
					t.Fatal(err)
				}
				l, err := kube.New(kube.Options{
					Client: client, Namespace: namespace, Receiver: "r", Replica: o.Replica,
					ClaimTimeout: o.ClaimTimeout, CommitTimeout: o.CommitTimeout,
					Retention: func() time.Duration { return 72 * time.Hour },
				})
				if err != nil {
					t.Fatal(err)
				}
				return l
			},
		}
	})
}

// network is between all replicas of a test and the API server.
type network struct {
	down, lossy atomic.Bool
	writes      atomic.Int64
}

func (n *network) outage() (end func()) {
	n.down.Store(true)
	return func() { n.down.Store(false) }
}

func (n *network) loseAnswers() (end func()) {
	n.lossy.Store(true)
	return func() { n.lossy.Store(false) }
}

type link struct {
	network *network
	next    http.RoundTripper
}

var errBroken = errors.New("the network is broken")

func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.network.down.Load() {
		return nil, errBroken
	}
	answer, err := l.next.RoundTrip(r)
	if err == nil && r.Method != http.MethodGet && l.network.lossy.Load() && l.network.writes.Add(1)%2 == 0 {
		_ = answer.Body.Close()
		return nil, errBroken
	}
	return answer, err
}
