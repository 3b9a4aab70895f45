package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// PaddleJudge is a transport that validates every request and every answer on the way between a client and a stand-in
// of Paddle, and remembers what was wrong. It changes nothing. It is safe for concurrent use.
//
// A test of the adapter connects through it to a sandbox at an address, and in the end asks what was wrong:
//
//	judge := &contract.PaddleJudge{Prefix: "/paddle"}
//	conn, err := paddle.New().Connect(provider.Config{
//		APIKey: key, BaseURL: address + "/paddle", HTTP: &http.Client{Transport: judge},
//	})
//	… // use conn
//	for _, problem := range judge.Problems() {
//		t.Error(problem)
//	}
//	if judge.Checked() == 0 {
//		t.Error("nothing was judged")
//	}
type PaddleJudge struct {
	// Prefix is what the paths have before those of the description, such as /paddle.
	Prefix string
	// To carries the requests on; nil is net/http's own transport.
	To http.RoundTripper
	// Skip leaves requests out that are meant to be wrong; nil leaves none out. Their answers are validated.
	Skip func(*http.Request) bool

	mu       sync.Mutex
	checked  int
	seen     []string
	problems []string
}

// RoundTrip implements http.RoundTripper.
func (j *PaddleJudge) RoundTrip(r *http.Request) (*http.Response, error) {
	schemas, err := Paddle()
	if err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
		_ = r.Body.Close() // all of it was read
	}
	at := *r.URL
	at.Path = strings.TrimPrefix(at.Path, j.Prefix)
	if j.Skip == nil || !j.Skip(r) {
		j.note(r.Method, &at, "request", body, schemas.Request(r.Method, &at, r.Header, body))
	}
	forward := r.Clone(r.Context())
	forward.Body, forward.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		forward.Body = http.NoBody
	}
	to := j.To
	if to == nil {
		to = http.DefaultTransport
	}
	res, err := to.RoundTrip(forward)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // all of it was read
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	j.note(r.Method, &at, "answer", answer, schemas.Response(r.Method, at.Path, res.StatusCode, answer))
	j.mu.Lock()
	j.checked++
	j.seen = append(j.seen, fmt.Sprintf("%s %s: %d", r.Method, schemas.Template(r.Method, at.Path), res.StatusCode))
	j.mu.Unlock()
	res.Body = io.NopCloser(bytes.NewReader(answer))
	return res, nil
}

func (j *PaddleJudge) note(method string, at *url.URL, what string, body []byte, err error) {
	if err == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.problems = append(j.problems,
		fmt.Sprintf("%s %s: the %s is not Paddle's:\n%v\n%s", method, at.RequestURI(), what, err, body))
}

// Problems are the requests and answers that are not as the description has them.
func (j *PaddleJudge) Problems() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.problems)
}

// Checked is how many answers were validated.
func (j *PaddleJudge) Checked() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.checked
}

// Seen are the kinds of requests with the status of their answers, sorted, each once: "GET /prices/{price_id}: 200".
func (j *PaddleJudge) Seen() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := slices.Clone(j.seen)
	slices.Sort(seen)
	return slices.Compact(seen)
}
