package page

import (
	"bytes"
	"crypto/rand"
	"sync"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// What is kept is bounded, whatever is asked for.
const (
	maxPrepared  = 256 // pages, of at most 30 kB as a rule
	maxLanguages = 1024
)

// sale is a document with what is found out about it once.
type sale struct {
	doc        *storefront.Document
	periods    []storefront.Recurring
	currencies []billing.Currency
	period     storefront.Recurring // shown when nothing is asked for
	currency   billing.Currency
	test       bool // money is not real at one of the providers at least
	policy     string
	pages      bounded[choice, *rendered]
}

// prepared keeps pages of one document, without what is new in each answer.
type prepared struct {
	mu        sync.Mutex
	sale      *sale
	languages bounded[string, asked]
}

type asked struct {
	locale   int
	currency string
}

// sale is the document's. A new document ends what was kept of the one before.
func (p *Pages) sale(doc *storefront.Document) *sale {
	p.prepared.mu.Lock()
	defer p.prepared.mu.Unlock()
	if s := p.prepared.sale; s != nil && s.doc == doc {
		return s
	}
	s := &sale{doc: doc, periods: periods(doc), currencies: currencies(doc), policy: p.formTargets(doc)}
	s.period, s.currency = opening(doc)
	s.pages.limit = maxPrepared
	for _, provider := range doc.Providers {
		s.test = s.test || (provider.Weight > 0 && provider.Mode == billing.Test)
	}
	p.prepared.sale = s
	return s
}

// bounded is a map that forgets everything when it is full. That costs one page's rendering for each that comes back.
type bounded[K comparable, V any] struct {
	mu    sync.RWMutex
	limit int
	m     map[K]V
}

func (b *bounded[K, V]) get(k K) (V, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, ok := b.m[k]
	return v, ok
}

func (b *bounded[K, V]) put(k K, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil || len(b.m) >= b.limit {
		b.m = map[K]V{}
	}
	b.m[k] = v
}

// Marks stand in a rendered page for what each answer has of its own. Nobody who writes a plan can know them.
var nonceMark, tokenMark = "N" + rand.Text(), "T" + rand.Text()

// rendered is a page in pieces, between which a nonce or a token belongs.
type rendered struct {
	pieces [][]byte
	token  []bool // after pieces[i] comes the token, otherwise the nonce
}

func cut(page []byte) *rendered {
	r := &rendered{}
	for {
		n, t := bytes.Index(page, []byte(nonceMark)), bytes.Index(page, []byte(tokenMark))
		switch {
		case n < 0 && t < 0:
			r.pieces = append(r.pieces, bytes.Clone(page))
			return r
		case t < 0 || (n >= 0 && n < t):
			r.pieces, r.token = append(r.pieces, bytes.Clone(page[:n])), append(r.token, false)
			page = page[n+len(nonceMark):]
		default:
			r.pieces, r.token = append(r.pieces, bytes.Clone(page[:t])), append(r.token, true)
			page = page[t+len(tokenMark):]
		}
	}
}

// fill puts the page together.
func (r *rendered) fill(nonce, token string) []byte {
	size := 0
	for _, piece := range r.pieces {
		size += len(piece)
	}
	out := make([]byte, 0, size+len(r.token)*max(len(nonce), len(token)))
	for i, piece := range r.pieces {
		out = append(out, piece...)
		if i < len(r.token) {
			if r.token[i] {
				out = append(out, token...)
			} else {
				out = append(out, nonce...)
			}
		}
	}
	return out
}
