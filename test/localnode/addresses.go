package localnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
)

// addresses gives each pod an address in 127.77.n.0/24. The node owns that net among the nodes of all processes of
// this machine by listening on a port of 127.77.n.1.
type addresses struct {
	claim io.Closer
	third int

	mu   sync.Mutex
	next int
	used map[int]bool
}

const (
	claimAttempts         = 64
	firstHost, afterHosts = 2, 255
	claimPort             = 7077
)

func claimAddresses(ctx context.Context) (*addresses, error) {
	var listen net.ListenConfig
	var last error
	for range claimAttempts {
		third := 1 + rand.IntN(254)
		l, err := listen.Listen(ctx, "tcp4", fmt.Sprintf("127.77.%d.1:%d", third, claimPort))
		if err == nil {
			return &addresses{claim: l, third: third, next: firstHost, used: map[int]bool{}}, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no free net in 127.77.0.0/16 (only Linux has these addresses): %w", last)
}

var errNoAddress = errors.New("every address of the node is in use")

// take gives out the addresses in turn, so that one is not used again soon after its pod ended.
func (a *addresses) take() (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range afterHosts - firstHost {
		host := a.next
		a.next++
		if a.next == afterHosts {
			a.next = firstHost
		}
		if !a.used[host] {
			a.used[host] = true
			return fmt.Sprintf("127.77.%d.%d", a.third, host), nil
		}
	}
	return "", errNoAddress
}

func (a *addresses) put(ip string) {
	parsed := net.ParseIP(ip).To4()
	if parsed == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.used, int(parsed[3]))
}

func (a *addresses) release() { _ = a.claim.Close() }
