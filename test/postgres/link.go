package postgres

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Link is a network between clients and a server that can fail.
type Link struct {
	// Address is what clients connect to.
	Address string

	to       string
	listener net.Listener
	down     atomic.Bool
	lossy    atomic.Bool
	answers  atomic.Int64
	silent   atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// NewLink makes a network to the server.
func (s *Server) NewLink(tb testing.TB) *Link {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	u, err := url.Parse(s.URL(""))
	if err != nil {
		tb.Fatal(err)
	}
	l := &Link{Address: listener.Addr().String(), to: u.Host, listener: listener, conns: map[net.Conn]bool{}}
	go l.accept()
	tb.Cleanup(func() {
		_ = listener.Close()
		l.cut()
	})
	return l
}

// Through is a database's URL with this network in between.
func (l *Link) Through(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		panic(err)
	}
	u.Host = l.Address
	return u.String()
}

// Outage cuts every connection and refuses new ones, until end is called.
func (l *Link) Outage() (end func()) {
	l.down.Store(true)
	l.cut()
	return func() { l.down.Store(false) }
}

// LoseAnswers cuts the connection in place of every other answer to a write, until end is called. The write is done,
// or what is due is in the hands of somebody who does not know.
func (l *Link) LoseAnswers() (end func()) {
	l.lossy.Store(true)
	return func() { l.lossy.Store(false) }
}

// Silence keeps every connection, and takes new ones, and lets no answer through, until end is called. What was held
// back is lost then, with its connection.
func (l *Link) Silence() (end func()) {
	l.silent.Store(true)
	return func() {
		l.silent.Store(false)
		l.cut()
	}
}

func (l *Link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

func (l *Link) note(c net.Conn, there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if there {
		l.conns[c] = true
	} else {
		delete(l.conns, c)
	}
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.serve(client)
	}
}

func (l *Link) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	l.note(client, true)
	defer l.note(client, false)
	if l.down.Load() {
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", l.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	l.answer(client, server)
}

// wrote says that an answer tells of rows that were written. What is due is taken in hand by a statement that says of
// itself that it selects: it is known by the payload, as all that zstd compressed begins alike.
func wrote(answer []byte) bool {
	for _, sign := range []string{"INSERT 0 ", "UPDATE ", "\x28\xb5\x2f\xfd"} {
		if bytes.Contains(answer, []byte(sign)) {
			return true
		}
	}
	return false
}

// answer passes what the server says.
func (l *Link) answer(client, server net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if l.silent.Load() {
			continue
		}
		if l.lossy.Load() && wrote(buffer[:n]) && l.answers.Add(1)%2 == 0 {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
