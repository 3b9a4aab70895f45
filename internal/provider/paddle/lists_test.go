package paddle_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
)

// page is a page of a list that says that more comes after the object of an id.
func page(after string, items ...string) string {
	next := "https://api.paddle.com/products"
	if after != "" {
		next += "?after=" + after
	}
	return fmt.Sprintf(`{"data":[%s],"meta":{"pagination":{"has_more":true,"next":%q}}}`, strings.Join(items, ","), next)
}

func productID(n int) string { return fmt.Sprintf("pro_%026d", n) }

func priceID(n int) string { return fmt.Sprintf("pri_%026d", n) }

func productJSON(n int) string {
	return fmt.Sprintf(`{"id":%q,"name":"Pro","status":"active"}`, productID(n))
}

func priceJSON(n, product int) string {
	return fmt.Sprintf(`{"id":%q,"product_id":%q,"status":"active","unit_price":{"amount":"1","currency_code":"USD"}}`,
		priceID(n), productID(product))
}

// transport answers requests without a network.
type transport func(*http.Request) (status int, body string)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	if status == 0 {
		return nil, errors.New(body)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func through(t *testing.T, rt http.RoundTripper) provider.Connection {
	t.Helper()
	c, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key("sdbx"), HTTP: &http.Client{Transport: rt},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A list that never ends is given up on, however well each of its pages leads on.
func TestAListThatDoesNotEnd(t *testing.T) {
	g, asked := NewWithT(t), 0
	conn := through(t, transport(func(*http.Request) (int, string) {
		asked++
		return http.StatusOK, page(productID(asked), productJSON(asked))
	}))
	_, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("the list does not end")))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	g.Expect(asked).To(Equal(10_000))
}

// A page that repeats is noticed at once.
func TestAPageThatRepeats(t *testing.T) {
	g, asked := NewWithT(t), 0
	conn := through(t, transport(func(*http.Request) (int, string) {
		asked++
		return http.StatusOK, page(productID(1), productJSON(1))
	}))
	_, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("not what was asked for")))
	g.Expect(asked).To(Equal(2))
}

// An empty page that says that more comes is not the list's end.
func TestAnEmptyPageWithinAList(t *testing.T) {
	g, asked := NewWithT(t), 0
	conn := through(t, transport(func(*http.Request) (int, string) {
		asked++
		return http.StatusOK, page(productID(asked), []string{productJSON(asked)}[:asked%2]...)
	}))
	_, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("not what was asked for")))
	g.Expect(asked).To(Equal(2))
}

// An answer about another object than the one that was asked for is none.
func TestAnswersAboutAnotherObject(t *testing.T) {
	wrote := 0
	conn := through(t, transport(func(r *http.Request) (int, string) {
		if r.Method != http.MethodGet {
			wrote++
		}
		if strings.HasPrefix(r.URL.Path, "/prices") {
			return http.StatusOK, `{"data":` + priceJSON(2, 1) + `}`
		}
		return http.StatusOK, `{"data":` + productJSON(2) + `}`
	}))
	yes, owner := true, billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
	for name, call := range map[string]func() error{
		"get product": func() error {
			_, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{ProductID: productID(1), Only: true})
			return err
		},
		"update product": func() error {
			_, err := conn.Catalog().UpdateProduct(t.Context(), productID(1), provider.ProductPatch{Active: &yes})
			return err
		},
		"mark product": func() error {
			_, err := conn.Catalog().UpdateProduct(t.Context(), productID(1), provider.ProductPatch{Owner: &owner})
			return err
		},
		"update price": func() error {
			_, err := conn.Catalog().UpdatePrice(t.Context(), priceID(1), provider.PricePatch{Active: &yes})
			return err
		},
		"mark price": func() error {
			_, err := conn.Catalog().UpdatePrice(t.Context(), priceID(1), provider.PricePatch{Owner: &owner})
			return err
		},
	} {
		wrote = 0
		g, err := NewWithT(t), call()
		g.Expect(err).To(HaveOccurred(), name)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), name)
		if strings.HasPrefix(name, "mark") {
			g.Expect(wrote).To(BeZero(), "%s: what is another object's custom_data was written", name)
		}
	}
}

// Known prices that the list lacks are read by their ids: one of another product is not the product's, one that is gone
// is left out, and any other answer is an error.
func TestKnownPricesThatTheListLacks(t *testing.T) {
	third := func() (int, string) { return http.StatusNotFound, `{"error":{"code":"not_found"}}` }
	conn := through(t, transport(func(r *http.Request) (int, string) {
		switch r.URL.Path {
		case "/products/" + productID(1):
			return http.StatusOK, `{"data":` + productJSON(1) + `}`
		case "/prices":
			return http.StatusOK, `{"data":[],"meta":{"pagination":{"has_more":false}}}`
		case "/prices/" + priceID(1):
			return http.StatusOK, `{"data":` + priceJSON(1, 1) + `}`
		case "/prices/" + priceID(2):
			return http.StatusOK, `{"data":` + priceJSON(2, 7) + `}`
		}
		return third()
	}))
	g := NewWithT(t)
	known := provider.Known{ProductID: productID(1), PriceIDs: []string{priceID(1), priceID(2), priceID(3)}}
	seen, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, known)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(seen.Prices).To(HaveLen(1))
	g.Expect(seen.Prices[0].ID).To(Equal(priceID(1)))
	third = func() (int, string) { return http.StatusInternalServerError, "" }
	_, err = conn.Catalog().Observe(t.Context(), billing.Owner{}, known)
	g.Expect(err).To(HaveOccurred())
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
}
