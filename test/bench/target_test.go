package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// target is one replica, and the connections to it that are idle. The load is on the processors that it loads, so it
// does without net/http's client, which needs three goroutines for a request.
type target struct {
	address, path string
	idle          chan *connection
}

type connection struct {
	net.Conn
	answers *bufio.Reader
	request []byte
}

const (
	mostIdle      = 1024
	answerTimeout = 30 * time.Second
)

func newTarget(address, path string) *target {
	return &target{address: address, path: path, idle: make(chan *connection, mostIdle)}
}

// close ends the connections that are idle.
func (t *target) close() {
	for {
		select {
		case c := <-t.idle:
			_ = c.Close()
		default:
			return
		}
	}
}

// post returns the answer's status, 0 when there was none.
func (t *target) post(body []byte, signature string) int {
	c, err := t.connect()
	if err != nil {
		return 0
	}
	res, err := c.exchange(t, body, signature)
	if err != nil || res.Close {
		_ = c.Close()
	} else {
		t.release(c)
	}
	if err != nil {
		return 0
	}
	return res.StatusCode
}

func (t *target) connect() (*connection, error) {
	select {
	case c := <-t.idle:
		return c, nil
	default:
	}
	c, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, answers: bufio.NewReaderSize(c, 512)}, nil
}

func (t *target) release(c *connection) {
	select {
	case t.idle <- c:
	default:
		_ = c.Close()
	}
}

// exchange returns an answer whose body was read.
func (c *connection) exchange(t *target, body []byte, signature string) (*http.Response, error) {
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	c.request = fmt.Appendf(c.request[:0], "POST %s HTTP/1.1\r\nHost: %s\r\nStripe-Signature: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", t.path, t.address, signature, len(body))
	c.request = append(c.request, body...)
	if _, err := c.Write(c.request); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}
