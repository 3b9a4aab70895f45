package webhookserver

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of a request and of all requests together. With the defaults a full server stays below 64 MB.
const (
	maxBody       = 1 << 20 // bytes of one body
	maxInFlight   = 1024    // requests at once
	maxBuffered   = 24 << 20
	maxHeader     = 32 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 20 * time.Second
	idleTimeout   = 2 * time.Minute
	firstBuffer   = 6 << 10
	// keptBuffer is the largest buffer that goes back to the pool, so that one burst of large bodies does not
	// stay in memory. It is also how much of a declared length is believed: whoever claims the memory of all
	// has to send as much.
	keptBuffer = 16 << 10
)

var (
	errTooLarge   = errors.New("body too large")
	errOverloaded = errors.New("too much in flight")
	errAborted    = errors.New("body could not be read")
)

// gate bounds what is in flight. It never waits: the provider repeats what it could not deliver.
type gate struct {
	requests, bytes       atomic.Int64
	maxRequests, maxBytes int64
}

func (g *gate) enter() bool {
	if g.requests.Add(1) > g.maxRequests {
		g.requests.Add(-1)
		return false
	}
	return true
}

func (g *gate) leave() { g.requests.Add(-1) }

func (g *gate) reserve(n int64) bool {
	if g.bytes.Add(n) > g.maxBytes {
		g.bytes.Add(-n)
		return false
	}
	return true
}

func (g *gate) release(n int64) { g.bytes.Add(-n) }

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, firstBuffer); return &b }}

// body is a request's body in a pooled buffer, accounted for at the gate until free.
type body struct {
	gate     *gate
	buffer   *[]byte
	reserved int64
	limit    int64
}

// readBody reads a body of at most limit bytes. The errors are errTooLarge, errOverloaded and errAborted.
func readBody(w http.ResponseWriter, r *http.Request, g *gate, limit int64) (*body, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	b := &body{gate: g, buffer: buffers.Get().(*[]byte), limit: limit}
	if err := b.read(http.MaxBytesReader(w, r.Body, limit), min(r.ContentLength+1, keptBuffer)); err != nil {
		b.free()
		return nil, err
	}
	return b, nil
}

func (b *body) bytes() []byte { return *b.buffer }

// read fills the buffer; size is what it begins with: one byte more than a small body, so that its end is seen without
// growing, or 0 when nothing is known.
func (b *body) read(from io.Reader, size int64) error {
	if err := b.grow(max(int64(cap(*b.buffer)), size)); err != nil {
		return err
	}
	for {
		buf := *b.buffer
		if len(buf) == cap(buf) {
			if err := b.grow(min(int64(2*cap(buf)), b.limit+1)); err != nil {
				return err
			}
			buf = *b.buffer
		}
		n, err := from.Read(buf[len(buf):cap(buf)])
		*b.buffer = buf[:len(buf)+n]
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case isTooLarge(err):
			return errTooLarge
		default:
			return errAborted
		}
	}
}

func isTooLarge(err error) bool {
	_, is := errors.AsType[*http.MaxBytesError](err)
	return is
}

func (b *body) grow(size int64) error {
	if more := size - b.reserved; more > 0 {
		if !b.gate.reserve(more) {
			return errOverloaded
		}
		b.reserved = size
	}
	if size > int64(cap(*b.buffer)) {
		larger := make([]byte, len(*b.buffer), size)
		copy(larger, *b.buffer)
		*b.buffer = larger
	}
	return nil
}

func (b *body) free() {
	b.gate.release(b.reserved)
	if cap(*b.buffer) <= keptBuffer {
		*b.buffer = (*b.buffer)[:0]
		buffers.Put(b.buffer)
	}
	b.buffer = nil
}
