package stripe

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

//go:embed portal.html
var portalHTML string

var portalTemplate = template.Must(template.New("portal").Parse(portalHTML))

// portalView is what a customer sees.
type portalView struct {
	Seller, Email, Card, Problem, Nonce string
	Gone                                bool
	ReturnURL                           template.URL
	Subscriptions                       []portalSubscription
	Cards                               []hosted.Card
}

type portalSubscription struct {
	ID, Name, Price, Status, Until string
	Canceling, Ended               bool
}

// portalPage does a step and shows what there is then.
func (s *Server) portalPage(w http.ResponseWriter, r *http.Request, do func(*account, *resource) (int, string)) {
	id := r.PathValue("id")
	s.mu.Lock()
	a := s.sessions[id]
	s.mu.Unlock()
	if a == nil {
		http.NotFound(w, r)
		return
	}
	a.mu.Lock()
	a.catchUp()
	session := a.table("billing_portal.session").byID[id]
	if session == nil {
		a.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	status, view := http.StatusGone, portalView{Gone: true}
	if time.Unix(session.number("created"), 0).Add(portalLife).After(a.now()) {
		customer := a.table("customer").byID[session.text("customer")]
		var problem string
		status, problem = do(a, customer)
		a.catchUp()
		view = a.portalOf(customer)
		view.Problem = problem
	}
	address, back := session.text("url"), session.text("return_url")
	a.mu.Unlock()
	if webURL(back) {
		view.ReturnURL = template.URL(back) //nolint:gosec // http or https, as was just checked
	}
	if wantsJSON(r) {
		body := object{"status": "done", "session": id}
		if view.Problem != "" {
			body = object{"status": "refused", "session": id, "message": view.Problem}
		}
		writeJSON(w, status, encode(body))
		return
	}
	if r.Method == http.MethodPost && status == http.StatusOK {
		http.Redirect(w, r, address, http.StatusSeeOther)
		return
	}
	view.write(w, status)
}

func (a *account) portalOf(customer *resource) portalView {
	v := portalView{Email: customer.text("email")}
	for _, sub := range a.table("subscription").rows {
		if sub.text("customer") != customer.key() {
			continue
		}
		item := sub.run.items[0]
		v.Subscriptions = append(v.Subscriptions, portalSubscription{
			ID: sub.key(), Name: item.name, Status: sub.text("status"),
			Price:     readable(item.amount, sub.text("currency")) + " " + item.price.Recurring.words(),
			Until:     time.Unix(sub.number("current_period_end"), 0).UTC().Format("2 January 2006"),
			Canceling: sub.object["cancel_at_period_end"] == true, Ended: sub.text("status") == "canceled",
		})
		if method := a.methodOf(sub); method != nil {
			v.Card = method.card.Brand + " ending in " + method.card.Last4()
		}
	}
	return v
}

func (v *portalView) write(w http.ResponseWriter, status int) {
	v.Seller, v.Nonce, v.Cards = sellerName, rand.Text(), hosted.Cards()
	var out bytes.Buffer
	if err := portalTemplate.Execute(&out, v); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+v.Nonce+
		"'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
