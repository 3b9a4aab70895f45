package stack

import (
	"fmt"
	"sync"

	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// Sale watches a sequence for what must not happen on its way: a name that is on sale in the end, and could be bought
// once, cannot be bought for a while.
type Sale struct {
	final map[string]map[string][]string // by account and name of the price
	shelf func(account string) Shelf

	mu   sync.Mutex
	seen map[string]bool
	lost []string
}

// NewSale watches the accounts "first" and "second".
func NewSale(s Sequence, shelf func(account string) Shelf) *Sale {
	return &Sale{
		final: map[string]map[string][]string{"first": s.First, "second": s.Second}, shelf: shelf, seen: map[string]bool{},
	}
}

// Look is to be called for each request to the sandbox.
func (s *Sale) Look(phase traffic.Phase, r traffic.Request) {
	if phase != traffic.AfterCommit || !r.Write() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for account, names := range s.final {
		there := s.shelf(account).Amounts
		for name := range names {
			at, sold := account+"/"+name, len(there[name]) > 0
			if s.seen[at] && !sold {
				s.lost = append(s.lost, fmt.Sprintf("%s after %s %s", at, r.Method, r.Path))
			}
			s.seen[at] = s.seen[at] || sold
		}
	}
}

// Lost is what left the sale, and with which request.
func (s *Sale) Lost() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}
