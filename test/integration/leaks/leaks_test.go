// Package leaks plants recognizable secrets and personal data everywhere, lets Kassa live through everything that it
// does and through faults that repeat what was sent, and looks for the planted values in all that was told.
package leaks

import (
	"context"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := controlplane.Run(m, controlplane.Options{NoFsync: true})
	postgres.Close()
	os.Exit(code)
}

// ctx is of what has no context of its own.
var ctx = context.Background()

// Nothing that was planted is told: not by a log at its chattiest, an object, an Event, a metric, a trace, an answer or
// a command.
func TestNothingIsTold(t *testing.T) {
	l := begin(t)
	l.open()
	l.sell()
	l.dun()
	l.recover()
	l.rotate()
	l.sendAll("evt_good")
	l.told("after a good life")
	l.refusals()
	l.outages()
	l.erase()
	l.dump()
	l.remove()
	l.told("after the end")
	l.logs()
	l.traces()
	l.heard()
	l.evidence.judge(t, l.values)
}
