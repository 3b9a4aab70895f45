package kube

import (
	"context"
)

// Unknown is answered from memory; see ledger.Ledger.
func (l *Ledger) Unknown(_ context.Context, ids []string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work == nil || !l.loaded {
		return nil, notLoaded()
	}
	now := l.opts.Clock.Now()
	var out []string
	for _, id := range ids {
		k := keyOf(id)
		if l.claiming[k] != nil {
			continue
		}
		if known, _ := l.answer(k, now); known == nil {
			out = append(out, id)
		}
	}
	return out, nil
}
