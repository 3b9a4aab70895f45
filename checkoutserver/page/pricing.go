package page

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/kassa-dev/kassa/internal/storefront"
)

// Pricing answers GET / with all plans of the document, which nobody may change afterwards. The query interval=year and
// currency=EUR choose what is shown. The page is whole without JavaScript.
func (p *Pages) Pricing(doc *storefront.Document, w http.ResponseWriter, r *http.Request) {
	s := p.sale(doc)
	page, err := p.prepare(s, p.choose(s, r))
	if err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	nonce, token := rand.Text(), ""
	if p.settings.Anonymous {
		token = p.token(w, r)
	}
	policy := policyStart + nonce + "'; img-src https:; form-action " + s.policy
	p.write(w, http.StatusOK, policy, "()", page.fill(nonce, token))
}

// prepare renders a page once for all who ask for the same. Two may render it at the same time; one is kept.
func (p *Pages) prepare(s *sale, c choice) (*rendered, error) {
	if page, ok := s.pages.get(c); ok {
		return page, nil
	}
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "pricing.html", p.view(s, c, nonceMark, tokenMark)); err != nil {
		return nil, fmt.Errorf("render the pricing page: %w", err)
	}
	page := cut(out.Bytes())
	s.pages.put(c, page)
	return page, nil
}

// Failed answers a purchase that cannot be begun, in words for the buyer.
func (p *Pages) Failed(w http.ResponseWriter, r *http.Request, status int) {
	l, nonce := p.locale(r), rand.Text()
	p.say(w, status, nonce, note{p.frame(l, nonce, l.text().Failed), l.text().TryAgain, p.path(PathPricing)})
}

// note is a page that says one thing.
type note struct {
	frame
	Text string
	Back string
}

func (p *Pages) say(w http.ResponseWriter, status int, nonce string, n note) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "note.html", n); err != nil {
		http.Error(w, n.Text, status)
		return
	}
	p.write(w, status, policyStart+nonce+"'; form-action 'none'", "()", out.Bytes())
}

func (p *Pages) locale(r *http.Request) locale {
	i, _ := p.localeOf(r)
	return locales[i]
}
