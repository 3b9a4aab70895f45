package traffic

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
)

// Phase is a moment in the life of a request.
type Phase int

// The phases at which a Hook is called.
const (
	// BeforeCommit: the request has arrived, and nothing has been done.
	BeforeCommit Phase = iota
	// AfterCommit: the work is done, and nothing has been answered.
	AfterCommit
)

// Hook is called on the request's own goroutine, so that it can hold the request up or stop the client.
type Hook func(Phase, Request)

// Handler logs the requests of one provider, calls the hook, and does the scripted faults.
type Handler struct {
	Provider string
	API      http.Handler
	Log      *Log
	Faults   *Faults
	// Hook returns the hook of the moment, or nil.
	Hook func() Hook
	// ErrorBody is an error answer in the provider's format.
	ErrorBody func(status int) []byte
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := h.Log.begin(Request{
		Provider: h.Provider, Method: r.Method, Path: r.URL.Path, IdempotencyKey: r.Header.Get("Idempotency-Key"),
	})
	fault := h.Faults.next(req)
	if fault != nil {
		req.Fault = fault.String()
	}
	hook := h.Hook()
	if hook != nil {
		hook(BeforeCommit, req)
	}
	answer := &buffer{header: http.Header{}, status: http.StatusOK}
	if runs(fault) {
		ctx := context.WithValue(r.Context(), faultKey{}, fault)
		h.API.ServeHTTP(answer, r.WithContext(ctx))
		req.Status = answer.status
		req.Replayed = answer.header.Get("Idempotent-Replayed") == "true"
	} else {
		wait(r.Context(), fault.DelayMillis)
	}
	h.Log.finish(req)
	if hook != nil {
		hook(AfterCommit, req)
	}
	h.respond(w, r, answer, fault)
}

func runs(f *Fault) bool {
	return f == nil || f.After || f.Saved || f.Body != "" || (f.Status == 0 && !f.Reset)
}

func (h *Handler) respond(w http.ResponseWriter, r *http.Request, answer *buffer, f *Fault) {
	if f == nil {
		answer.sendTo(w, answer.body.Len())
		return
	}
	if f.After {
		wait(r.Context(), f.DelayMillis)
	}
	switch {
	case f.Reset:
		reset(w)
	case f.Body == BodyTruncated:
		answer.sendTo(w, answer.body.Len()/2)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case f.Body == BodyGarbage:
		answer.body.Reset()
		answer.body.WriteString("<html>\x00not json")
		answer.sendTo(w, answer.body.Len())
	case f.Status != 0:
		if !f.Saved {
			answer = &buffer{header: http.Header{"Content-Type": {"application/json"}}, status: f.Status}
			answer.body.Write(h.ErrorBody(f.Status))
		}
		if f.RetryAfter != "" {
			answer.header.Set("Retry-After", f.RetryAfter)
		}
		answer.sendTo(w, answer.body.Len())
	default:
		answer.sendTo(w, answer.body.Len())
	}
}

// reset makes the peer see a broken connection (RST) where the protocol allows it.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// sendTo writes the first n bytes of the body, with the length of all of it announced.
func (b *buffer) sendTo(w http.ResponseWriter, n int) {
	for name, values := range b.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(b.body.Len()))
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes()[:n])
}
