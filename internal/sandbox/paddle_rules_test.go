package sandbox_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

func TestPaddleProductRules(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	w.Paddle().Account(paddleKey).SetTaxCategories("standard", "saas")
	long := func(n int) string { return strings.Repeat("é", n) }
	for name, c := range map[string]struct{ body, verdict string }{
		"all":             {`"name":"` + long(200) + `","description":"` + long(2048) + `","type":"custom"`, ""},
		"nulls":           {`"name":"n","description":null,"image_url":null,"custom_data":null`, ""},
		"empty image":     {`"name":"n","image_url":""`, ""},
		"no name":         {`"type":"standard"`, "invalid_field name"},
		"empty name":      {`"name":""`, "invalid_field name"},
		"null name":       {`"name":null`, "invalid_field name"},
		"long name":       {`"name":"` + long(201) + `"`, "invalid_field name"},
		"number as name":  {`"name":1`, "invalid_field name"},
		"long text":       {`"name":"n","description":"` + long(2049) + `"`, "invalid_field description"},
		"image":           {`"name":"n","image_url":"a.png"`, "invalid_field image_url"},
		"unknown type":    {`"name":"n","type":"other"`, "invalid_field type"},
		"status":          {`"name":"n","status":"active"`, "invalid_field status"},
		"id":              {`"name":"n","id":"pro_1"`, "invalid_field id"},
		"custom data":     {`"name":"n","custom_data":[]`, "invalid_field custom_data"},
		"several":         {`"colour":1,"name":"","image_url":3`, "invalid_field colour image_url name"},
		"unknown tax":     {`"name":"n","tax_category":"food"`, "invalid_field tax_category"},
		"unapproved tax":  {`"name":"n","tax_category":"ebooks"`, "product_tax_category_not_approved"},
		"tax of no value": {`"name":"n","tax_category":null`, "invalid_field tax_category"},
	} {
		body := "{" + c.body + `,"tax_category":"saas"}`
		if strings.Contains(c.body, "tax_category") {
			body = "{" + c.body + "}"
		}
		w.g.Expect(w.send("POST", "/paddle/products", body).verdict()).To(Equal(c.verdict), name)
	}
	w.g.Expect(w.send("POST", "/paddle/products", "").verdict()).To(Equal("invalid_field name tax_category"))
	w.g.Expect(w.send("POST", "/paddle/products", "[]").verdict()).To(Equal("invalid_json"))
	w.g.Expect(w.Paddle().Account(paddleKey).Products()).To(HaveLen(3))
}

func TestPaddlePriceRules(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	product := w.product("Pro")
	money := func(amount, currency string) string {
		return fmt.Sprintf(`"unit_price":{"amount":%s,"currency_code":%s}`, amount, currency)
	}
	cycle := func(name, interval, frequency string) string {
		return fmt.Sprintf(`%q:{"interval":%q,"frequency":%s}`, name, interval, frequency)
	}
	override := func(countries string) string {
		return `{"country_codes":[` + countries + `],` + money(`"1"`, `"EUR"`) + `}`
	}
	many := strings.TrimSuffix(strings.Repeat(override(`"DE"`)+",", 251), ",")
	for name, c := range map[string]struct{ field, verdict string }{
		"short description":  {`"description":"x"`, "invalid_field description"},
		"blank description":  {`"description":"  "`, "invalid_field description"},
		"description of 500": {`"description":"` + strings.Repeat("x", 500) + `"`, ""},
		"long description":   {`"description":"` + strings.Repeat("x", 501) + `"`, "invalid_field description"},
		"empty name":         {`"name":""`, "invalid_field name"},
		"no name":            {`"name":null`, ""},
		"long name":          {`"name":"` + strings.Repeat("x", 151) + `"`, "invalid_field name"},
		"amount":             {money("100", `"USD"`), "invalid_field unit_price.amount"},
		"decimal amount":     {money(`"1.00"`, `"USD"`), "invalid_field unit_price.amount"},
		"negative amount":    {money(`"-1"`, `"USD"`), "invalid_field unit_price.amount"},
		"free":               {money(`"0"`, `"USD"`), ""},
		"lower case":         {money(`"1"`, `"usd"`), "invalid_field unit_price.currency_code"},
		"other currency":     {money(`"1"`, `"BTC"`), "invalid_field unit_price.currency_code"},
		"no currency":        {`"unit_price":{"amount":"1"}`, "invalid_field unit_price.currency_code"},
		"week":               {cycle("billing_cycle", "week", "2"), ""},
		"other unit":         {cycle("billing_cycle", "decade", "1"), "invalid_field billing_cycle.interval"},
		"no unit":            {`"billing_cycle":{"frequency":1}`, "invalid_field billing_cycle.interval"},
		"text":               {cycle("billing_cycle", "day", `"1"`), "invalid_field billing_cycle.frequency"},
		"no units":           {cycle("billing_cycle", "day", "0"), "price_billing_cycle_frequency_below_1"},
		"many units":         {cycle("billing_cycle", "day", "1000"), "price_billing_cycle_frequency_greater_than_maximum"},
		"trial only":         {cycle("trial_period", "day", "1"), "price_trial_period_requires_billing_cycle"},
		"trial": {
			cycle("trial_period", "day", "14") + "," + cycle("billing_cycle", "year", "1"), "",
		},
		"empty trial": {
			cycle("trial_period", "day", "0") + "," + cycle("billing_cycle", "year", "1"),
			"price_trial_period_frequency_below_1",
		},
		"tax mode":      {`"tax_mode":"inclusive"`, "invalid_field tax_mode"},
		"overrides":     {`"unit_price_overrides":[` + override(`"DE","AT"`) + `,` + override(`"FR"`) + `]`, ""},
		"251 overrides": {`"unit_price_overrides":[` + many + `]`, "invalid_field unit_price_overrides"},
		"no country": {
			`"unit_price_overrides":[` + override("") + `]`, "invalid_field unit_price_overrides[0].country_codes",
		},
		"other country": {
			`"unit_price_overrides":[` + override(`"DE","RU"`) + `]`,
			"invalid_field unit_price_overrides[0].country_codes[1]",
		},
		"country twice": {
			`"unit_price_overrides":[` + override(`"DE"`) + `,` + override(`"DE"`) + `]`,
			"price_duplicate_currency_override_for_country",
		},
		"half a quantity": {`"quantity":{"minimum":2}`, "invalid_field quantity.maximum"},
		"no quantity":     {`"quantity":{"minimum":0,"maximum":1}`, "invalid_field quantity.minimum"},
		"upside down":     {`"quantity":{"minimum":3,"maximum":2}`, "invalid_field quantity.maximum"},
		"largest":         {`"quantity":{"minimum":1,"maximum":999999999}`, ""},
		"unknown product": {`"product_id":"pro_01gsz97mq9pa4fkyy0wqenepkz"`, "not_found"},
		"no product id":   {`"product_id":"prod_1"`, "invalid_field product_id"},
	} {
		// Of a field that comes twice the last one counts.
		a := w.send("POST", "/paddle/prices", priceBody(product, ","+c.field))
		w.g.Expect(a.verdict()).To(Equal(c.verdict), name)
	}
	w.g.Expect(w.send("POST", "/paddle/prices", "{}").verdict()).
		To(Equal("invalid_field description product_id unit_price"))
}

func TestPaddleLists(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g := w.g
	pro, plus := w.product("Pro"), w.product("Plus")
	custom := w.make("/paddle/products", `{"name":"Zap","tax_category":"ebooks","type":"custom"}`)
	once := w.price(pro, "")
	monthly := w.price(pro, `,"billing_cycle":{"interval":"month","frequency":1},"unit_price":{"amount":"20",
		"currency_code":"EUR"}`)
	other := w.price(plus, "")
	g.Expect(w.send("PATCH", "/paddle/prices/"+once, `{"status":"archived"}`).status).To(Equal(200))
	for query, want := range map[string][]string{
		"products":                                                       {plus, pro},
		"products?type=custom":                                           {custom},
		"products?type=custom,standard":                                  {custom, plus, pro},
		"products?tax_category=ebooks":                                   {},
		"products?type=custom&tax_category=saas,ebooks":                  {custom},
		"products?order_by=name[DESC]":                                   {pro, plus},
		"products?order_by=name[ASC]":                                    {plus, pro},
		"products?order_by=id[ASC]&after=" + pro:                         {plus},
		"products?after=" + pro:                                          {},
		"products?id=" + pro + "," + once:                                {pro},
		"prices":                                                         {other, monthly},
		"prices?status=archived":                                         {once},
		"prices?status=active,archived":                                  {other, monthly, once},
		"prices?status=active,archived&product_id=" + pro:                {monthly, once},
		"prices?product_id=" + pro + "," + plus:                          {other, monthly},
		"prices?recurring=true":                                          {monthly},
		"prices?recurring=false":                                         {other},
		"prices?order_by=unit_price.amount[ASC]":                         {monthly, other},
		"prices?order_by=unit_price.amount[DESC]&status=active,archived": {other, once, monthly},
		"prices?order_by=billing_cycle.interval[DESC]&after=" + monthly:  {other},
	} {
		a := w.send("GET", "/paddle/"+query, "")
		g.Expect(a.ids()).To(Equal(want), "%s: %s", query, a.verdict())
	}
	for query, want := range map[string]string{
		"products?status=active&status=archived":   "invalid_field status",
		"products?status=deleted":                  "invalid_field status",
		"products?status=":                         "invalid_field status",
		"products?include=product":                 "invalid_field include",
		"products?per_page=0":                      "invalid_field per_page",
		"products?per_page=x":                      "invalid_field per_page",
		"products?order_by=name":                   "invalid_field order_by",
		"products?order_by=unit_price.amount[ASC]": "invalid_field order_by",
		"products?after=pro_x":                     "invalid_field after",
		"products?colour=red":                      "invalid_field colour",
		"products/" + pro + "?status=active":       "invalid_field status",
		"products/" + once:                         "not_found",
		"prices?recurring=1":                       "invalid_field recurring",
		"prices/" + once + "/":                     "invalid_url",
	} {
		g.Expect(w.send("GET", "/paddle/"+query, "").verdict()).To(Equal(want), query)
	}
	g.Expect(string(w.send("GET", "/paddle/products/"+pro+"?include=prices", "").Data)).
		To(And(ContainSubstring(monthly), Not(ContainSubstring(once))))
	g.Expect(string(w.send("GET", "/paddle/prices?include=product", "").Data)).
		To(ContainSubstring(`"product":{"id":"` + pro))
}

func TestPaddlePages(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g := w.g
	var want []string
	for i := range 205 {
		want = append(want, w.product(strconv.Itoa(i)))
	}
	a := w.send("GET", "/paddle/products", "")
	g.Expect([]any{len(a.ids()), a.Meta.Pagination.PerPage, a.Meta.Pagination.EstimatedTotal}).
		To(Equal([]any{50, 50, 205}))
	a = w.send("GET", "/paddle/products?per_page=1000&order_by=id[ASC]&status=active,archived", "")
	g.Expect(a.Meta.Pagination.PerPage).To(Equal(200), "the most, instead of an error")
	g.Expect(a.Meta.Pagination.HasMore).To(BeTrue())
	g.Expect(a.Meta.Pagination.Next).To(HavePrefix(w.url + "/paddle/products?after=" + want[199]))
	got := a.ids()
	a = w.send("GET", a.Meta.Pagination.Next, "")
	g.Expect(a.Meta.Pagination.HasMore).To(BeFalse())
	g.Expect(append(got, a.ids()...)).To(Equal(want))
	g.Expect(a.Meta.Pagination.Next).To(ContainSubstring("after="+want[204]), "there is always a next page's address")
	a = w.send("GET", a.Meta.Pagination.Next, "")
	g.Expect(a.ids()).To(BeEmpty())
	g.Expect(string(a.Data)).To(Equal("[]"))
	a = w.send("GET", "/paddle/products?order_by=id[ASC]&per_page=5&after="+want[199], "")
	g.Expect(a.ids()).To(Equal(want[200:]))
	g.Expect(a.Meta.Pagination.HasMore).To(BeFalse(), "the last page is full")
	g.Expect(a.Meta.Pagination.EstimatedTotal).To(Equal(205), "of all pages")
}

func TestPaddleWorksForManyAtOnce(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	product := w.product("Pro")
	account := w.Paddle().Account(paddleKey)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				price := w.price(product, "")
				w.send("PATCH", "/paddle/prices/"+price, fmt.Sprintf(`{"custom_data":{"n":%d}}`, i))
				w.send("GET", "/paddle/products?include=prices", "")
				_ = account.EditProduct(product, func(p *paddle.Product) { p.CustomData = map[string]any{"n": i} })
				account.State()
			}
		})
	}
	all.Wait()
	ids := map[string]bool{}
	for _, p := range account.Prices() {
		ids[p.ID] = true
	}
	w.g.Expect(ids).To(HaveLen(40))
}

func TestPaddleListsLag(t *testing.T) {
	now := time.Now()
	w := newPaddleWorld(t, sandbox.Options{PaddleListLag: time.Minute, Now: func() time.Time { return now }})
	g := w.g
	product := w.product("Pro")
	price := w.price(product, "")
	listed := func() []int {
		return []int{
			len(w.send("GET", "/paddle/products", "").ids()), len(w.send("GET", "/paddle/prices?product_id="+product, "").ids()),
			strings.Count(string(w.send("GET", "/paddle/products/"+product+"?include=prices", "").Data), price),
		}
	}
	g.Expect(listed()).To(Equal([]int{0, 0, 0}))
	g.Expect(w.send("GET", "/paddle/prices/"+price, "").status).To(Equal(200), "by its id it is found")
	now = now.Add(59 * time.Second)
	g.Expect(listed()).To(Equal([]int{0, 0, 0}))
	now = now.Add(2 * time.Second)
	g.Expect(listed()).To(Equal([]int{1, 1, 1}))
	w.door("POST", "/_kassa/paddle/list-lag", `{"ms":3600000}`)
	g.Expect(listed()).To(Equal([]int{0, 0, 0}))
	w.Paddle().SetListLag(0)
	g.Expect(listed()).To(Equal([]int{1, 1, 1}))
}
