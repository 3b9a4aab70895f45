package kube

import (
	"bufio"
	"bytes"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	usualLine = 32 << 10
	// longestLine has room for any object: etcd takes requests of 1.5 MiB, and a segment stays well below.
	longestLine = 2 << 20
)

// watchOf makes a watch of an answer's body, which it closes. It stands on client-go's StreamWatcher, so it ends as
// client-go's watches do: a connection that breaks ends it, and what cannot be decoded is an Error event.
func watchOf(body io.ReadCloser) watch.Interface {
	return watch.NewStreamWatcher(newChanges(body),
		apierrors.NewClientErrorReporter(http.StatusInternalServerError, http.MethodGet, "ClientWatchDecoding"))
}

// changes reads a watch's changes one by one. The API server writes each as one line: its JSON encoder ends a document
// with a line feed, and has none within one, where it would have to be escaped or be white space, which it leaves out.
// Should anything between rewrite the JSON, a line is no whole document or has more after it, which is an error: the
// ledger is listed instead, and no change is missed or taken for another.
type changes struct {
	body  io.ReadCloser
	lines *bufio.Scanner
	decoder
}

var _ watch.Decoder = (*changes)(nil)

func newChanges(body io.ReadCloser) *changes {
	c := &changes{body: body, lines: bufio.NewScanner(body)}
	c.lines.Buffer(make([]byte, usualLine), longestLine)
	c.lines.Split(wholeLines)
	return c
}

// Close ends a Decode that waits.
func (c *changes) Close() { _ = c.body.Close() }

// Decode waits for the next change.
func (c *changes) Decode() (watch.EventType, runtime.Object, error) {
	for c.lines.Scan() {
		if line := c.lines.Bytes(); len(bytes.TrimSpace(line)) > 0 {
			return c.event(line)
		}
	}
	if err := c.lines.Err(); err != nil {
		return "", nil, err
	}
	return "", nil, io.EOF
}

// wholeLines splits lines as bufio.ScanLines does, but for one that is cut off.
func wholeLines(text []byte, end bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1, text[:i], nil
	}
	if end && len(text) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// event decodes one line.
func (c *changes) event(line []byte) (watch.EventType, runtime.Object, error) {
	var kind watch.EventType
	var o runtime.Object
	var early []byte // the object, if it comes before what it is
	c.r.Reset(line)
	for name := range c.object {
		switch string(name) {
		case "type":
			kind = watch.EventType(c.text())
		case "object":
			if kind == "" {
				early = c.r.Raw()
				continue
			}
			o = c.changed(kind)
		}
	}
	if early != nil && c.r.Close() == nil {
		c.r.Reset(early)
		o = c.changed(kind)
	}
	if err := c.r.Close(); err != nil {
		return "", nil, err
	}
	if o == nil {
		return "", nil, errShape
	}
	return kind, o, nil
}

func (c *changes) changed(kind watch.EventType) runtime.Object {
	switch kind {
	case watch.Added, watch.Modified, watch.Deleted, watch.Bookmark:
	case watch.Error:
		s := &metav1.Status{}
		c.unmarshal(c.r.Raw(), s)
		return s
	default:
		c.r.Fail(errShape)
	}
	o := &v1alpha1.EventLedger{}
	c.whole(o)
	return o
}
