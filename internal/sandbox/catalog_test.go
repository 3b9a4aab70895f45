package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

func TestProductLifeCycle(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	in := &stripego.ProductParams{
		ID: stripego.String("kassa_1"), Name: stripego.String("Pro"), Description: stripego.String("All of it"),
		UnitLabel: stripego.String("seat"), TaxCode: stripego.String("txcd_10000000"),
		Images:   stripego.StringSlice([]string{"https://example.com/a.png"}),
		Features: []*stripego.ProductFeatureParams{{Name: stripego.String("Fast")}},
	}
	in.AddMetadata("owner", "a")
	in.AddMetadata("gone", "b")
	p, err := w.api.Products.New(in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.ID).To(Equal("kassa_1"))
	g.Expect(p.Livemode).To(BeFalse())
	g.Expect(p.Features[0].Name).To(Equal("Fast"))

	_, err = w.api.Products.New(in)
	e := stripeError(t, err)
	g.Expect(e.Code).To(Equal(stripego.ErrorCodeResourceAlreadyExists))
	g.Expect(e.HTTPStatusCode).To(Equal(http.StatusBadRequest))

	change := &stripego.ProductParams{Name: stripego.String("Pro 2"), Description: stripego.String("")}
	change.AddMetadata("gone", "")
	change.AddMetadata("new", "c")
	p, err = w.api.Products.Update("kassa_1", change)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Metadata).To(Equal(map[string]string{"owner": "a", "new": "c"}))
	g.Expect(p.Description).To(BeEmpty())

	g.Expect(w.eventTypes()).To(Equal([]string{"product.created", "product.updated"}))
	previous := map[string]any{}
	g.Expect(json.Unmarshal(w.Stripe().Account(testKey).Events()[1].Data.PreviousAttributes, &previous)).To(Succeed())
	g.Expect(previous).To(HaveKeyWithValue("name", "Pro"))
	g.Expect(previous).To(HaveKeyWithValue("description", "All of it"))
	g.Expect(previous).To(HaveKeyWithValue("metadata", map[string]any{"gone": "b", "new": nil}))

	_, err = w.api.Products.Del("kassa_1", nil)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.Products.Get("kassa_1", nil)
	e = stripeError(t, err)
	g.Expect(e.Code).To(Equal(stripego.ErrorCodeResourceMissing))
	g.Expect(e.HTTPStatusCode).To(Equal(http.StatusNotFound))
	g.Expect(e.Msg).To(Equal("No such product: 'kassa_1'"))
}

func TestDefaultPriceRules(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	pro, other := w.product("Pro"), w.product("Other")
	price, foreign := w.price(pro.ID, 2900, monthly), w.price(other.ID, 100)
	off := w.price(pro.ID, 1, func(in *stripego.PriceParams) { in.Active = stripego.Bool(false) })

	for name, id := range map[string]string{"missing": "price_no", "foreign": foreign.ID, "inactive": off.ID} {
		_, err := w.api.Products.Update(pro.ID, &stripego.ProductParams{DefaultPrice: &id})
		g.Expect(stripeError(t, err).Param).To(Equal("default_price"), name)
	}
	p, err := w.api.Products.Update(pro.ID, &stripego.ProductParams{DefaultPrice: &price.ID})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.DefaultPrice.ID).To(Equal(price.ID))

	archive := &stripego.PriceParams{Active: stripego.Bool(false)}
	_, err = w.api.Prices.Update(price.ID, archive)
	g.Expect(stripeError(t, err).Msg).To(ContainSubstring("default price of its product"))
	_, err = w.api.Products.Update(pro.ID, &stripego.ProductParams{DefaultPrice: stripego.String("")})
	g.Expect(err).NotTo(HaveOccurred())
	archived, err := w.api.Prices.Update(price.ID, archive)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(archived.Active).To(BeFalse())

	_, err = w.api.Products.Del(pro.ID, nil)
	g.Expect(stripeError(t, err).Msg).To(ContainSubstring("user-created prices"))

	expanded := &stripego.ProductParams{
		Name: stripego.String("With price"),
		DefaultPriceData: &stripego.ProductDefaultPriceDataParams{
			Currency: stripego.String("eur"), UnitAmount: stripego.Int64(700),
		},
	}
	expanded.AddExpand("default_price")
	p, err = w.api.Products.New(expanded)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.DefaultPrice.UnitAmount).To(Equal(int64(700)))
}

func TestLookupKeysAreUniqueAndMove(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	pro := w.product("Pro")
	first := w.price(pro.ID, 1000, keyed)
	_, err := w.api.Prices.New(priceParams(pro.ID, 2000, keyed))
	g.Expect(stripeError(t, err).Msg).To(Equal("A price (`" + first.ID + "`) already uses that lookup key."))

	_, err = w.api.Prices.Update(first.ID, &stripego.PriceParams{Active: stripego.Bool(false)})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.Prices.New(priceParams(pro.ID, 2000, keyed))
	g.Expect(err).To(HaveOccurred(), "an archived price keeps its key")

	second := w.price(pro.ID, 2000, keyed, func(in *stripego.PriceParams) {
		in.TransferLookupKey = stripego.Bool(true)
	})
	g.Expect(second.LookupKey).To(Equal("k"))
	old, err := w.api.Prices.Get(first.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(old.LookupKey).To(BeEmpty())
	g.Expect(w.eventTypes()).To(Equal([]string{
		"product.created", "price.created", "price.updated", "price.updated", "price.created",
	}))

	found := w.listPrices(&stripego.PriceListParams{LookupKeys: stripego.StringSlice([]string{"k", "none"})})
	g.Expect(found).To(Equal([]string{second.ID}))
	_, err = w.api.Prices.Update(second.ID, &stripego.PriceParams{LookupKey: stripego.String("")})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.Prices.Update(first.ID, &stripego.PriceParams{LookupKey: stripego.String("k")})
	g.Expect(err).NotTo(HaveOccurred(), "a key that was given up is free")
}

func (w *world) listPrices(in *stripego.PriceListParams) []string {
	w.t.Helper()
	ids := []string{}
	it := w.api.Prices.List(in)
	for it.Next() {
		ids = append(ids, it.Price().ID)
	}
	w.g.Expect(it.Err()).NotTo(HaveOccurred())
	return ids
}

func TestListsFilterAndPage(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	pro := w.product("Pro")
	var want []string
	for i := range 25 {
		want = append([]string{w.price(pro.ID, int64(i)).ID}, want...)
	}
	in := &stripego.PriceListParams{Product: &pro.ID}
	in.Limit = stripego.Int64(7)
	g.Expect(w.listPrices(in)).To(Equal(want), "newest first, over four pages")

	back := &stripego.PriceListParams{}
	back.EndingBefore, back.Limit, back.Single = &want[10], stripego.Int64(3), true
	g.Expect(w.listPrices(back)).To(Equal([]string{want[9], want[8], want[7]}), "the client turns such a page round")

	_, err := w.api.Prices.Update(want[0], &stripego.PriceParams{Active: stripego.Bool(false)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.listPrices(&stripego.PriceListParams{})).To(HaveLen(24), "active ones only, unless asked")
	g.Expect(w.listPrices(&stripego.PriceListParams{Active: stripego.Bool(false)})).To(Equal(want[:1]))

	_, err = w.api.Products.Update(pro.ID, &stripego.ProductParams{Active: stripego.Bool(false)})
	g.Expect(err).NotTo(HaveOccurred())
	it := w.api.Products.List(&stripego.ProductListParams{})
	g.Expect(it.Next()).To(BeTrue(), "products are listed whether active or not")

	status, _, body := w.raw("GET", "/v1/prices?limit=101", nil)
	g.Expect(status).To(Equal(http.StatusBadRequest))
	g.Expect(errorOf(body)["code"]).To(Equal("parameter_invalid_integer"))
	status, _, body = w.raw("GET", "/v1/prices?product=prod_no", nil)
	g.Expect(status).To(Equal(http.StatusBadRequest))
	g.Expect(errorOf(body)["code"]).To(Equal("resource_missing"))
}

func TestPriceShapes(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	pro := w.product("Pro")
	in := priceParams(pro.ID, 0, monthly)
	in.UnitAmount, in.BillingScheme, in.TiersMode = nil, stripego.String("tiered"), stripego.String("graduated")
	in.Tiers = []*stripego.PriceTierParams{
		{UpTo: stripego.Int64(10), UnitAmount: stripego.Int64(500)},
		{UpToInf: stripego.Bool(true), UnitAmountDecimal: stripego.Float64(12.5)},
	}
	in.AddExpand("tiers")
	tiered, err := w.api.Prices.New(in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tiered.Tiers).To(HaveLen(2))
	g.Expect(tiered.Tiers[1].UnitAmountDecimal).To(Equal(12.5))
	g.Expect(tiered.Tiers[0].UpTo).To(Equal(int64(10)))

	options := priceParams(pro.ID, 1000)
	options.CurrencyOptions = map[string]*stripego.PriceCurrencyOptionsParams{"eur": {UnitAmount: stripego.Int64(900)}}
	options.AddExpand("currency_options")
	options.AddExpand("product")
	multi, err := w.api.Prices.New(options)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(multi.CurrencyOptions["eur"].UnitAmount).To(Equal(int64(900)))
	g.Expect(multi.CurrencyOptions["usd"].UnitAmount).To(Equal(int64(1000)))
	g.Expect(multi.Product.Name).To(Equal("Pro"))

	_, err = w.api.Prices.Update(multi.ID, &stripego.PriceParams{TaxBehavior: stripego.String("inclusive")})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.Prices.Update(multi.ID, &stripego.PriceParams{TaxBehavior: stripego.String("exclusive")})
	g.Expect(stripeError(t, err).Param).To(Equal("tax_behavior"), "it can be set only once")
}

func TestBadParametersAreRefused(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	pro := w.product("Pro")
	price := w.price(pro.ID, 100)
	var keys strings.Builder
	for i := range 51 {
		fmt.Fprintf(&keys, "&metadata[k%d]=v", i)
	}
	manyKeys := "name=x" + keys.String()
	base := "currency=usd&product=" + pro.ID
	cases := []struct{ reason, path, form, param, code string }{
		{"a name is needed", "products", "id=x", "name", "parameter_missing"},
		{"a name can't be empty", "products", "name=", "name", "parameter_invalid_empty"},
		{"unknown parameter", "products", "name=x&color=red", "color", "parameter_unknown"},
		{"unit_label has 12 characters", "products", "name=x&unit_label=1234567890123", "unit_label", ""},
		{"metadata key has 40 characters", "products", "name=x&metadata[" + strings.Repeat("k", 41) + "]=v",
			"metadata[" + strings.Repeat("k", 41) + "]", ""},
		{"metadata value has 500 characters", "products", "name=x&metadata[k]=" + strings.Repeat("v", 501),
			"metadata[k]", ""},
		{"metadata has 50 keys", "products", manyKeys, "metadata", ""},
		{"tax code", "products", "name=x&tax_code=vat", "tax_code", "resource_missing"},
		{"image URL", "products", "name=x&images[0]=here", "images[0]", "url_invalid"},
		{"currency is needed", "prices", "product=" + pro.ID + "&unit_amount=1", "currency", "parameter_missing"},
		{"unknown currency", "prices", "currency=xxx&unit_amount=1&product=" + pro.ID, "currency", ""},
		{"product is needed", "prices", "currency=usd&unit_amount=1", "product", "parameter_missing"},
		{"no such product", "prices", "currency=usd&unit_amount=1&product=no", "product", "resource_missing"},
		{"amount is needed", "prices", base, "unit_amount", "parameter_missing"},
		{"amount is not negative", "prices", base + "&unit_amount=-1", "unit_amount", "parameter_invalid_integer"},
		{"amount is whole", "prices", base + "&unit_amount=1.5", "unit_amount", "parameter_invalid_integer"},
		{"one amount", "prices", base + "&unit_amount=1&unit_amount_decimal=1", "unit_amount", "parameters_exclusive"},
		{"ISK has no decimals", "prices", "currency=isk&unit_amount=150&product=" + pro.ID, "unit_amount",
			"invalid_charge_amount_no_decimal_compatible"},
		{"KWD ends in zero", "prices", "currency=kwd&unit_amount=5124&product=" + pro.ID, "unit_amount",
			"parameter_invalid_integer"},
		{"interval", "prices", base + "&unit_amount=1&recurring[interval]=hour", "recurring[interval]", ""},
		{"three years at most", "prices", base + "&unit_amount=1&recurring[interval]=month&recurring[interval_count]=37",
			"recurring[interval_count]", ""},
		{"unknown nested parameter", "prices", base + "&unit_amount=1&recurring[interval]=month&recurring[x]=1",
			"recurring[x]", "parameter_unknown"},
		{"tiers are recurring", "prices", base + "&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=inf&" +
			"tiers[0][unit_amount]=1", "interval", ""},
		{"last tier is open", "prices", base + "&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=5&" +
			"tiers[0][unit_amount]=1&recurring[interval]=month", "tiers[0][up_to]", ""},
		{"option of the own currency", "prices", base + "&unit_amount=1&currency_options[usd][unit_amount]=2",
			"currency_options[usd]", ""},
		{"the amount never changes", "prices/" + price.ID, "unit_amount=2", "unit_amount", "parameter_unknown"},
		{"the product never changes", "prices/" + price.ID, "product=" + pro.ID, "product", "parameter_unknown"},
		{"not a boolean", "prices/" + price.ID, "active=yes", "active", ""},
		{"event name", "webhook_endpoints", "url=https://a.example&enabled_events[]=no.such", "enabled_events[0]", ""},
		{"events are needed", "webhook_endpoints", "url=https://a.example", "enabled_events", "parameter_missing"},
		{"endpoint URL", "webhook_endpoints", "url=a.example&enabled_events[]=*", "url", "url_invalid"},
		{"no such price in a session", "checkout/sessions", "mode=payment&success_url=https://a.example&" +
			"line_items[0][price]=no&line_items[0][quantity]=1", "line_items[0][price]", "resource_missing"},
	}
	before := w.eventTypes()
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			form, err := url.ParseQuery(c.form)
			g.Expect(err).NotTo(HaveOccurred())
			status, _, body := w.raw("POST", "/v1/"+c.path, form)
			g.Expect(status).To(Equal(http.StatusBadRequest), "%v", body)
			e := errorOf(body)
			g.Expect(e["type"]).To(Equal("invalid_request_error"))
			g.Expect(e["param"]).To(Equal(c.param), "%v", e)
			if c.code != "" {
				g.Expect(e["code"]).To(Equal(c.code), "%v", e)
			}
		})
	}
	w.g.Expect(w.eventTypes()).To(Equal(before), "nothing was changed")
}
