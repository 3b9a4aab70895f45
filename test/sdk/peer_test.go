package sdk_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/test/npm"
)

// peer is a process that answers questions with a provider's library.
type peer struct {
	t      *testing.T
	in     *json.Encoder
	out    *bufio.Scanner
	stderr *strings.Builder
}

// refusal is the library's no.
type refusal struct{ Refused, Kind string }

func (r *refusal) Error() string { return r.Kind + ": " + r.Refused }

// start runs node/<name>.cjs until the test ends.
func start(t *testing.T, name string) *peer {
	t.Helper()
	modules, err := install()
	if err != nil {
		missing(t, err)
	}
	p := &peer{t: t, stderr: &strings.Builder{}}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("node", name+".cjs"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = p.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.out = json.NewEncoder(stdin), bufio.NewScanner(stdout)
	p.out.Buffer(nil, 1<<20)
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait() // the test's context may have ended it
	})
	return p
}

// ask decodes the answer to a question into value. The error is a *refusal.
func (p *peer) ask(question map[string]any, value any) error {
	p.t.Helper()
	if err := p.in.Encode(question); err != nil {
		p.t.Fatalf("%v\n%s", err, p.stderr)
	}
	if !p.out.Scan() {
		p.t.Fatalf("no answer: %v\n%s", p.out.Err(), p.stderr)
	}
	var answer struct {
		refusal
		Value json.RawMessage
	}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		p.t.Fatalf("%v: %s", err, p.out.Bytes())
	}
	switch {
	case answer.Kind == "TypeError":
		p.t.Fatalf("the question could not be asked: %s", answer.Refused)
	case answer.Refused != "":
		return &answer.refusal
	}
	if err := json.Unmarshal(answer.Value, value); err != nil {
		p.t.Fatalf("%v: %s", err, answer.Value)
	}
	return nil
}

// missing skips the test, or fails it where peers are required.
func missing(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("KASSA_REQUIRE_PEERS") == "1" {
		t.Fatalf("the official libraries are required here: %v", why)
	}
	t.Skipf("the official libraries are not there, so nothing was compared with them: %v", why)
}

// install makes sure that the libraries are in the cache, and returns their node_modules.
var install = sync.OnceValues(func() (string, error) { return npm.Install("node", "sdk") })
