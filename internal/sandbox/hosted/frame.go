package hosted

import (
	"bytes"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed *.html
var files embed.FS

//go:embed style.css
var style template.CSS

var pages = template.Must(template.ParseFS(files, "*.html"))

// frame is what the pages share.
type frame struct {
	Nonce string
	Style template.CSS
	Cards []Card
}

func newFrame() frame { return frame{Nonce: rand.Text(), Style: style, Cards: Cards()} }

func (f frame) policy() string {
	return "default-src 'none'; style-src 'nonce-" + f.Nonce + "'; base-uri 'none'; frame-ancestors 'none'"
}

func write(w http.ResponseWriter, status int, name string, view any, policy string) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, view); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
