package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// portalSeller stands on the portal, which is one for all stores.
const portalSeller = "Kassa sandbox of LemonSqueezy"

// linkLife is how long a link to the portal works.
const linkLife = 24 * time.Hour

// sign makes the signature of a link.
func (s *Server) sign(parts ...string) string {
	mac := hmac.New(sha256.New, s.linkKey)
	mac.Write([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}

// urlsOf are the links of a subscription, which work for a day from now.
func (s *Server) urlsOf(sub *Subscription) map[string]string {
	user, expires := strconv.FormatInt(sub.CustomerID, 10), strconv.FormatInt(s.now().Add(linkLife).Unix(), 10)
	portal := sub.base + "/billing?" + url.Values{
		"expires": {expires}, "user": {user}, "signature": {s.sign(user, expires)},
	}.Encode()
	at := fmt.Sprintf("%s#%d", portal, sub.ID)
	return map[string]string{
		"customer_portal": portal, "update_payment_method": at, "customer_portal_update_subscription": at,
	}
}

// portalPages serves the customer portal, where a buyer cancels, resumes, and gives another card.
func (s *Server) portalPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /billing", s.portal)
	mux.HandleFunc("POST /billing", s.portal)
}

func (s *Server) portal(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	_ = r.ParseForm() // without the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	customer, ok := s.visitor(r.URL.Query())
	if !ok {
		hosted.WritePortal(w, http.StatusForbidden, hosted.Portal{Seller: portalSeller, Gone: true})
		return
	}
	status, problem := http.StatusOK, ""
	if r.Method == http.MethodPost {
		problem = s.portalStep(customer, r)
		s.settle()
		if problem == "" {
			// Relative, because the path that the browser asked for is longer than the one here.
			w.Header().Set("Location", "?"+r.URL.RawQuery)
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		status = http.StatusPaymentRequired
	}
	view := s.portalOf(customer)
	view.Problem = problem
	hosted.WritePortal(w, status, view)
}

// portalOf is what a customer sees.
func (s *Server) portalOf(customer int64) hosted.Portal {
	view := hosted.Portal{Seller: portalSeller}
	for _, sub := range slices.Backward(s.subscriptions) {
		if sub.CustomerID != customer {
			continue
		}
		line := hosted.Subscription{
			ID: strconv.FormatInt(sub.ID, 10), Name: sub.ProductName + ", " + sub.VariantName, Status: sub.Status,
			Price: readable(s.currencyOf(sub.StoreID), s.cost(sub)), Card: hosted.CardName(sub.CardBrand, sub.CardLastFour),
			On: sub.RenewsAt.Time, Ends: sub.Status == cancelled, Over: sub.Status == expired,
		}
		if p := s.priceOf(sub.VariantID); p != nil {
			line.Price += " " + p.every()
		}
		if line.Ends || line.Over {
			line.On = sub.EndsAt.Time
		}
		view.Email = sub.UserEmail
		view.Subscriptions = append(view.Subscriptions, line)
	}
	return view
}

// visitor is the customer whom a link is for.
func (s *Server) visitor(q url.Values) (int64, bool) {
	user, expires := q.Get("user"), q.Get("expires")
	id, err := strconv.ParseInt(user, 10, 64)
	until, err2 := strconv.ParseInt(expires, 10, 64)
	right := hmac.Equal([]byte(s.sign(user, expires)), []byte(q.Get("signature")))
	return id, right && err == nil && err2 == nil && s.now().Unix() < until
}

// portalStep does what the buyer asked for, and returns what went wrong.
func (s *Server) portalStep(customer int64, r *http.Request) string {
	id, _ := strconv.ParseInt(r.PostFormValue("subscription"), 10, 64)
	sub := s.subscription(id)
	if sub == nil || sub.CustomerID != customer || sub.Status == expired {
		return "There is no such subscription."
	}
	switch r.PostFormValue("action") {
	case "cancel":
		s.cancel(sub)
	case "resume":
		s.resume(sub)
	case "card":
		return s.newCard(sub, hosted.Entry{
			Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
			Email: sub.UserEmail,
		})
	}
	return ""
}

// newCard takes another card, with which an open invoice is paid at once.
func (s *Server) newCard(sub *Subscription, entry hosted.Entry) string {
	d := hosted.Read(entry, s.now())
	switch {
	case d.Problem != "":
		return d.Problem
	case d.Card.Outcome == hosted.Declined:
		return d.Card.Message
	}
	sub.CardBrand, sub.CardLastFour, sub.fails = d.Card.Brand, d.Card.Last4(), failsLater(d.Card)
	if sub.open == nil || !s.again(sub) {
		s.changed(sub)
		return ""
	}
	if sub.Status == pastDue || sub.Status == unpaid {
		s.after(sub, true)
	}
	return ""
}
