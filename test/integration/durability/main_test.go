// Package durability tests that deployed receivers lose no event and deliver none twice, whatever is killed, restarted
// or away in the meantime.
package durability

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
