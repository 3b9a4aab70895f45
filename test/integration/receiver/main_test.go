// Package receiver tests deployed receivers as real processes: the operator registers and deploys them, a local node
// runs, kills and rolls them, and the sandbox is Stripe.
package receiver

import (
	"testing"
	"time"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 20 * time.Millisecond

func TestMain(m *testing.M) {
	stack.Main(m, controlplane.Options{NoFsync: true})
}
