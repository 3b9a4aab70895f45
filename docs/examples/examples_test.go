// Package examples holds what applications do with Kassa's events. The same is asked of each of them here.
package examples

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const token = "a-token-for-tests"

func TestExamplesTakeEvents(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "app")
	for name, command := range map[string][]string{
		"go": {"go", "build", "-o", bin, "./go"}, "node": {"node", "node/app.mjs"}, "python": {"python3", "python/app.py"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				if os.Getenv("KASSA_REQUIRE_PEERS") != "" {
					t.Fatal(err)
				}
				t.Skip(command[0] + " is not installed, so this example was not run")
			}
			if name == "go" {
				out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
				NewWithT(t).Expect(err).NotTo(HaveOccurred(), string(out))
				command = []string{bin}
			}
			asked(t, start(t, command))
		})
	}
}

// start runs an example and says where it listens.
func start(t *testing.T, command []string) string {
	t.Helper()
	g := NewWithT(t)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	_, port, err := net.SplitHostPort(l.Addr().String())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l.Close()).To(Succeed())
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TOKEN="+token, "PORT="+port)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	g.Expect(cmd.Start()).To(Succeed())
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	url := "http://127.0.0.1:" + port
	g.Eventually(func() error { _, _, err := ask(t, http.MethodGet, url+"/access", "", ""); return err }).
		WithTimeout(30 * time.Second).Should(Succeed())
	return url
}

// asked is what every application has to get right.
func asked(t *testing.T, url string) {
	t.Helper()
	g := NewWithT(t)
	event := func(id, kind, at, data string) string {
		return fmt.Sprintf(`{"specversion": "1.0", "id": %q, "type": "dev.kassa.%s", "subject": "sub_1",
			"time": "2026-01-%sZ", "data": %s}`, id, kind, at, data)
	}
	post := func(auth, body string) int {
		status, _, err := ask(t, http.MethodPost, url+"/billing", auth, body)
		g.Expect(err).NotTo(HaveOccurred())
		return status
	}
	access := func() string {
		_, body, err := ask(t, http.MethodGet, url+"/access", "", "")
		g.Expect(err).NotTo(HaveOccurred())
		return body
	}
	created := event("a", "subscription.created", "31T10:00:00",
		`{"customer":{"userID":"42"},"subscription":{"status":"Active","plan":"pro"}}`)
	for _, auth := range []string{"", "Bearer", "Bearer x" + token, token} {
		g.Expect(post(auth, created)).To(Equal(http.StatusUnauthorized), auth)
	}
	g.Expect(access()).To(MatchJSON(`{}`), "who has no token is not believed")
	for _, bad := range []string{"", "[]", `{"type":"x"}`, "{"} {
		g.Expect(post("Bearer "+token, bad)).To(Equal(http.StatusBadRequest), bad)
	}
	took := func(body string) { g.Expect(post("Bearer "+token, body)).To(Equal(http.StatusNoContent), body) }
	took(created)
	took(event("b", "subscription.past_due", "31T10:00:05.5", `{"subscription":{"status":"PastDue"}}`))
	took(created) // again: the id is known, and the status stays
	took(event("c", "subscription.updated", "31T10:00:01", `{"subscription":{"status":"Active"}}`))
	took(event("d", "payment.failed", "31T10:00:09", `{"payment":{"status":"Failed"}}`))
	g.Expect(access()).To(MatchJSON(`{"sub_1":
		{"user": "42", "plan": "pro", "status": "PastDue", "asOf": "2026-01-31T10:00:05.5Z"}}`))
}

func ask(t *testing.T, method, url, auth, body string) (status int, answer string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", auth)
	req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(read), err
}
