package lemonsqueezy_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

// Lists have pages by page[number] and page[size], and tell where they are. Every object comes once.
func TestPages(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	_, want := w.product(w.store("Shop", "USD"), 205, "")
	for _, path := range []string{"/v1/variants", "/v1/prices"} {
		a := w.get(path)
		w.g.Expect(*a.Meta.Page).To(Equal(page{CurrentPage: 1, From: 1, To: 10, PerPage: 10, LastPage: 21, Total: 205}))
		a = w.get(path, "page[size]", "1000")
		w.g.Expect(*a.Meta.Page).To(Equal(page{CurrentPage: 1, From: 1, To: 100, PerPage: 100, LastPage: 3, Total: 205}),
			"the most, instead of an error")
	}
	var got []string
	for number := 1; number <= 5; number++ {
		a := w.get("/v1/variants", "page[size]", "50", "page[number]", strconv.Itoa(number))
		w.g.Expect(*a.Meta.Page).To(Equal(page{
			CurrentPage: number, From: 50*number - 49, To: min(50*number, 205), PerPage: 50, LastPage: 5, Total: 205,
		}))
		w.g.Expect(numberOf(w, a.Links["first"])).To(Equal("1"))
		w.g.Expect(numberOf(w, a.Links["last"])).To(Equal("5"))
		if next, more := a.Links["next"]; more {
			w.g.Expect(numberOf(w, next)).To(Equal(strconv.Itoa(number + 1)))
		} else {
			w.g.Expect(number).To(Equal(5), "only the last page has no next one")
		}
		got = append(got, w.ids(a)...)
	}
	w.g.Expect(slices.Sorted(slices.Values(got))).To(Equal(slices.Sorted(slices.Values(want))))

	for _, beyond := range []string{"6", "9223372036854775807"} {
		a := w.get("/v1/variants", "page[number]", beyond, "page[size]", "50")
		w.g.Expect(w.ids(a)).To(BeEmpty())
		w.g.Expect(string(a.Data)).To(Equal("[]"))
		w.g.Expect(a.Links).NotTo(HaveKey("next"))
	}
	for _, name := range []string{"page[number]", "page[size]"} {
		for _, value := range []string{"0", "-1", "x"} {
			a := w.get("/v1/variants", name, value)
			w.g.Expect(a.status).To(Equal(http.StatusBadRequest))
			w.g.Expect(a.Errors[0].Source).To(Equal(map[string]string{"parameter": name}))
		}
	}
}

// numberOf is the page that a link leads to, of the same list with the same size.
func numberOf(w *world, link string) string {
	w.t.Helper()
	u, err := url.Parse(link)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect([]string{u.Scheme, u.Host, u.Path}).To(Equal([]string{"http", "example.com", "/lemonsqueezy/v1/variants"}))
	w.g.Expect(u.Query().Get("page[size]")).To(Equal("50"))
	return u.Query().Get("page[number]")
}

// An empty list has one page.
func TestAnEmptyListHasAPage(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	for _, path := range []string{"/v1/stores", "/v1/products", "/v1/variants", "/v1/prices"} {
		a := w.get(path)
		w.g.Expect(string(a.Data)).To(Equal("[]"), path)
		w.g.Expect([]int{a.Meta.Page.LastPage, a.Meta.Page.Total}).To(Equal([]int{1, 0}), path)
	}
}

// Each list has its own filters; the pages are of what passes them.
func TestFilters(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first, second := w.store("First", "USD"), w.store("Second", "EUR")
	product, variants := w.product(first, 2, "")
	other, others := w.product(second, 1, "")
	status, _ := w.dashboard("PATCH", "/variants/"+variants[1], `{"status":"draft"}`)
	w.g.Expect(status).To(Equal(http.StatusNoContent))
	status, _ = w.dashboard("PATCH", "/variants/"+variants[0], `{"price":{"unit_price":3900}}`)
	w.g.Expect(status).To(Equal(http.StatusNoContent))
	for _, c := range []struct {
		path  string
		query []string
		want  []string
	}{
		{"/v1/products", []string{"filter[store_id]", first}, []string{product}},
		{"/v1/products", []string{"filter[store_id]", second}, []string{other}},
		{"/v1/products", []string{"filter[store_id]", "1"}, []string{}},
		{"/v1/variants", []string{"filter[product_id]", product}, variants},
		{"/v1/variants", []string{"filter[status]", "published"}, []string{variants[0], others[0]}},
		{"/v1/variants", []string{"filter[status]", "draft", "filter[product_id]", product}, variants[1:]},
		{"/v1/variants", []string{"filter[status]", "draft", "filter[product_id]", other}, []string{}},
	} {
		a := w.get(c.path, c.query...)
		w.g.Expect(w.ids(a)).To(ConsistOf(c.want), "%s %v", c.path, c.query)
		w.g.Expect(a.Meta.Page.Total).To(Equal(len(c.want)), "%s %v", c.path, c.query)
	}
	w.g.Expect(w.ids(w.get("/v1/prices", "filter[variant_id]", variants[0]))).To(HaveLen(2), "the old price stays")
	w.g.Expect(w.ids(w.get("/v1/prices", "filter[variant_id]", others[0]))).To(HaveLen(1))
	for path, name := range map[string]string{
		"/v1/stores": "filter[store_id]", "/v1/products": "filter[name]", "/v1/variants": "filter[store_id]",
		"/v1/prices": "filter[product_id]",
	} {
		a := w.get(path, name, "1")
		w.g.Expect(a.status).To(Equal(http.StatusBadRequest), path)
		w.g.Expect(a.Errors[0].Source).To(Equal(map[string]string{"parameter": name}))
	}
}
