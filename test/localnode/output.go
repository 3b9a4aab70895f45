package localnode

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// prefixWriter writes whole lines of several pods to one writer.
type prefixWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *prefixWriter) line(prefix, text string) {
	if w.to == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.to, "%s | %s\n", prefix, text)
}

// podLog keeps a pod's output in a file and passes its lines on.
type podLog struct {
	file   *os.File
	lines  *prefixWriter
	prefix string
	rest   []byte
}

func (l *podLog) Write(p []byte) (int, error) {
	if n, err := l.file.Write(p); err != nil {
		return n, err
	}
	if l.lines.to == nil {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.lines.line(l.prefix, string(line))
		l.rest = rest
	}
}
