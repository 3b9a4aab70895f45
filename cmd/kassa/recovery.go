package main

import (
	"errors"
	"net/http"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kassa-dev/kassa/controllers/webhookreceiver"
)

// setUpRecovery lets the operator bring receivers what they missed, and what decides their doubts. Its client reaches
// Services, straight or by the proxy of the environment, and follows no redirect: what it posts is meant for nobody
// else.
func setUpRecovery(mgr ctrl.Manager, receivers *webhookreceiver.Reconciler, o webhookreceiver.Options) error {
	counts, err := webhookreceiver.NewRecoveryMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	rereads, err := webhookreceiver.NewRereadMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	recovery := &webhookreceiver.Recovery{
		Receivers: receivers, Metrics: counts,
		HTTP: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	return errors.Join(recovery.Setup(mgr, o),
		(&webhookreceiver.Reread{Recovery: recovery, Metrics: rereads}).Setup(mgr, o))
}
