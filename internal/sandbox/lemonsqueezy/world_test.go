package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const (
	mediaType = "application/vnd.api+json"
	testKey   = "eyJ0" + "ZXN0a2V5MTIz"
	liveKey   = "eyJ0" + "live"
)

// world is a sandbox that is asked in LemonSqueezy's name.
type world struct {
	*sandbox.Sandbox
	g           *WithT
	t           *testing.T
	key         string
	accept      string
	contentType string
}

func newWorld(t *testing.T, o sandbox.Options) *world {
	t.Helper()
	return &world{
		Sandbox: sandbox.New(o), g: NewWithT(t), t: t, key: "Bearer " + testKey, accept: mediaType, contentType: mediaType,
	}
}

// answer is one of any kind: of an object, of a list, or of errors.
type answer struct {
	status  int
	header  http.Header
	JSONAPI struct {
		Version string `json:"version"`
	} `json:"jsonapi"`
	Data  json.RawMessage   `json:"data"`
	Links map[string]string `json:"links"`
	Meta  struct {
		TestMode *bool `json:"test_mode"`
		Page     *page `json:"page"`
	} `json:"meta"`
	Errors []struct {
		Status string            `json:"status"`
		Title  string            `json:"title"`
		Detail string            `json:"detail"`
		Source map[string]string `json:"source"`
	} `json:"errors"`
}

type page struct {
	CurrentPage int `json:"currentPage"`
	From        int `json:"from"`
	LastPage    int `json:"lastPage"`
	PerPage     int `json:"perPage"`
	To          int `json:"to"`
	Total       int `json:"total"`
}

// object is one of JSON:API's resources.
type object struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"`
}

// send asks the API; path is below /lemonsqueezy. Whatever is answered has JSON:API's members.
func (w *world) send(method, path string, body ...string) answer {
	w.t.Helper()
	req := httptest.NewRequest(method, "/lemonsqueezy"+path, strings.NewReader(strings.Join(body, "")))
	for name, value := range map[string]string{
		"Authorization": w.key, "Accept": w.accept, "Content-Type": w.contentType,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, req)
	out := answer{status: rec.Code, header: rec.Header()}
	if out.status == http.StatusNoContent {
		w.g.Expect(rec.Body.String()).To(BeEmpty())
		return out
	}
	if log := w.Requests(); log[len(log)-1].Fault == "" {
		w.g.Expect(out.header.Get("Content-Type")).To(Equal(mediaType), "%s %s", method, path)
	}
	w.g.Expect(json.Unmarshal(rec.Body.Bytes(), &out)).To(Succeed(), rec.Body.String())
	w.g.Expect(out.JSONAPI.Version).To(Equal("1.0"), "%s %s", method, path)
	w.g.Expect(out.status >= 400).To(Equal(len(out.Errors) > 0), "%s %s", method, path)
	for _, e := range out.Errors {
		w.g.Expect(e.Status).To(Equal(strconv.Itoa(out.status)))
		w.g.Expect([]string{e.Title, e.Detail}).NotTo(ContainElement(""))
	}
	return out
}

func (w *world) get(path string, query ...string) answer {
	w.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		q.Add(query[i], query[i+1])
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return w.send(http.MethodGet, path)
}

// one is the object of an answer.
func (w *world) one(a answer) object {
	w.t.Helper()
	w.g.Expect(a.status).To(Equal(http.StatusOK))
	var out object
	w.g.Expect(json.Unmarshal(a.Data, &out)).To(Succeed(), string(a.Data))
	return out
}

// ids are those of a list.
func (w *world) ids(a answer) []string {
	w.t.Helper()
	w.g.Expect(a.status).To(Equal(http.StatusOK))
	var list []object
	w.g.Expect(json.Unmarshal(a.Data, &list)).To(Succeed(), string(a.Data))
	out := []string{}
	for _, o := range list {
		out = append(out, o.ID)
	}
	return out
}

// dashboard does what a seller does in the dashboard, through the door, and returns the status and the ids that were
// answered.
func (w *world) dashboard(method, path, body string) (int, made) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, httptest.NewRequest(method, "/_kassa/lemonsqueezy"+path, strings.NewReader(body)))
	var out made
	text, err := io.ReadAll(rec.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	if len(text) > 0 {
		w.g.Expect(json.Unmarshal(text, &out)).To(Succeed(), string(text))
	}
	return rec.Code, out
}

type made struct {
	ID       json.Number   `json:"id"`
	Variants []json.Number `json:"variants"`
	Error    string        `json:"error"`
}

func (w *world) store(name, currency string) string {
	w.t.Helper()
	status, out := w.dashboard("POST", "/stores", fmt.Sprintf(`{"name":%q,"currency":%q}`, name, currency))
	w.g.Expect(status).To(Equal(http.StatusOK))
	return out.ID.String()
}

// product makes one with as many variants, each at 29.00 a month; more begins with a comma.
func (w *world) product(store string, variants int, more string) (id string, variantIDs []string) {
	w.t.Helper()
	const variant = `{"name":"Monthly","price":{"unit_price":2900,"renewal_interval_unit":"month",` +
		`"renewal_interval_quantity":1}}`
	status, out := w.dashboard("POST", "/products", fmt.Sprintf(`{"store_id":%s,"name":"Pro","variants":[%s]%s}`,
		store, strings.TrimSuffix(strings.Repeat(variant+",", variants), ","), more))
	w.g.Expect(status).To(Equal(http.StatusOK), out.Error)
	for _, v := range out.Variants {
		variantIDs = append(variantIDs, v.String())
	}
	return out.ID.String(), variantIDs
}
