package stripe

import (
	"html/template"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

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
	status, view := http.StatusGone, hosted.Portal{Seller: sellerName, Gone: true}
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
	hosted.WritePortal(w, status, view)
}

// portalOf is what a customer sees.
func (a *account) portalOf(customer *resource) hosted.Portal {
	v := hosted.Portal{Seller: sellerName, Email: customer.text("email")}
	for _, sub := range a.table("subscription").rows {
		if sub.text("customer") != customer.key() {
			continue
		}
		item := sub.run.items[0]
		row := hosted.Subscription{
			ID: sub.key(), Name: item.name, Status: sub.text("status"),
			Price: readable(item.amount, sub.text("currency")) + " " + item.price.Recurring.words(),
			On:    time.Unix(sub.number("current_period_end"), 0),
			Ends:  sub.object["cancel_at_period_end"] == true, Over: sub.text("status") == "canceled",
		}
		if row.Over {
			row.On = time.Unix(sub.number("ended_at"), 0)
		}
		if method := a.methodOf(sub); method != nil {
			row.Card = hosted.CardName(method.card.Brand, method.card.Last4())
		}
		v.Subscriptions = append(v.Subscriptions, row)
	}
	return v
}
