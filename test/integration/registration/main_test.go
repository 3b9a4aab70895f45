// Package registration tests the endpoints that the operator keeps at the providers for deployed receivers, and the
// rotation of their secrets.
package registration

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
