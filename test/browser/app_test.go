package browser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

const (
	appToken = "token-of-the-shop"
	user     = "user-1"
	visitor  = "" // nobody is signed in
)

func email(who string) string {
	if who == visitor {
		who = "jane"
	}
	return who + "@example.com"
}

// app is the seller's application. Events come to it, and buyers come back to its /done. Whoever visits it is signed in
// as the user: its /buy takes over from a pricing page of the members' checkout server, and its /portal leads to the
// provider's.
type app struct {
	url string

	mu      sync.Mutex
	events  []event
	done    int
	client  *http.Client // reaches the members' server
	members string       // URL of it
}

type event struct {
	Type string
	Data struct {
		Customer struct{ UserID string }
	}
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", a.take)
	mux.HandleFunc("GET /done", a.thank)
	mux.HandleFunc("GET /buy", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		a.lead(w, r, "/v1/checkouts", map[string]string{
			"plan": q.Get("plan"), "price": q.Get("price"), "currency": q.Get("currency"), "email": email(user),
		})
	})
	mux.HandleFunc("GET /portal", func(w http.ResponseWriter, r *http.Request) {
		a.lead(w, r, "/v1/portal", map[string]string{})
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// serves says where the members' server is, and with which client it is reached.
func (a *app) serves(members string, client *http.Client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.members, a.client = members, client
}

func (a *app) take(_ http.ResponseWriter, r *http.Request) {
	var e event
	if json.NewDecoder(r.Body).Decode(&e) == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.events = append(a.events, e)
	}
}

func (a *app) thank(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done++
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Done</title><h1 id="thanks">Thank you</h1></html>`)
}

// lead sends the browser to the url of the members' server's answer.
func (a *app) lead(w http.ResponseWriter, r *http.Request, path string, question any) {
	to, err := a.ask(r, path, question)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (a *app) ask(r *http.Request, path string, question any) (string, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	client, address := a.client, a.members+path
	a.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+appToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Kassa-User-Id", user)
	req.Header.Set("Kassa-User-Email", email(user))
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ URL string }
	if err := json.Unmarshal(text, &answer); err != nil || res.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s: %s", res.Status, text)
	}
	_, err = url.Parse(answer.URL)
	return answer.URL, err
}

// count is how many events of a kind came of a user's customers, or of those whom nobody knows.
func (a *app) count(kind, who string) func() int {
	return func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		n := 0
		for _, e := range a.events {
			if e.Type == "dev.kassa."+kind && e.Data.Customer.UserID == who {
				n++
			}
		}
		return n
	}
}

func (a *app) landed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done
}
