package stripe

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// desk sends forms to a sandbox of its own.
type desk struct {
	*testing.T
	server *Server
}

func (d desk) send(method, path, form string) (status int, body object) {
	d.Helper()
	target := "/v1/" + path
	if method == http.MethodGet {
		target += "?" + form
		form = ""
	}
	r := httptest.NewRequestWithContext(d.Context(), method, target, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer sk_test_desk")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		d.Fatalf("%s %s: %v", method, target, err)
	}
	return w.Code, body
}

func (d desk) made(path, form string) string {
	d.Helper()
	status, body := d.send(http.MethodPost, path, form)
	if status != http.StatusOK {
		d.Fatalf("%s: %v", path, body)
	}
	return body.text("id")
}

const (
	base   = "currency=usd&product=p&recurring[interval]=month"
	seats  = base + "&billing_scheme=tiered&tiers_mode=volume&"
	tiers  = "tiers[0][up_to]=10&tiers[0][unit_amount]=5&tiers[1][up_to]=inf&tiers[1][unit_amount]=4"
	eurs   = "&currency_options[eur][tiers][0][up_to]=10&currency_options[eur][tiers][0][unit_amount]=6"
	andEUR = eurs + "&currency_options[eur][tiers][1][up_to]=inf&currency_options[eur][tiers][1][flat_amount]=7"
)

// TestPriceRules: what Stripe refuses of tiers, usage and currencies, with the parameter that it names.
func TestPriceRules(t *testing.T) {
	d := desk{t, New(Options{})}
	d.made("products", "id=p&name=Pro")
	amount := base + "&unit_amount=5"
	for _, c := range []struct{ reason, form, param string }{
		{"tiers", seats + tiers, ""},
		{"tiers in two currencies", seats + tiers + andEUR, ""},
		{"a tier that is free", seats + "tiers[0][up_to]=inf&tiers[0][unit_amount]=0", ""},
		{"a tier without an amount", seats + "tiers[0][up_to]=inf", "tiers[0]"},
		{"a tier without an end", seats + "tiers[0][unit_amount]=1", "tiers[0][up_to]"},
		{"tiers that do not grow", seats + "tiers[0][up_to]=5&tiers[0][unit_amount]=1&tiers[1][up_to]=5&" +
			"tiers[1][unit_amount]=1&tiers[2][up_to]=inf&tiers[2][unit_amount]=1", "tiers[1][up_to]"},
		{"no tiers", seats, "tiers"},
		{"tiers and an amount", seats + tiers + "&unit_amount=5", "unit_amount"},
		{"tiers of no scheme", amount + "&tiers_mode=volume&" + tiers, "tiers"},
		{"an option without tiers", seats + tiers + "&currency_options[eur][unit_amount]=5", "currency_options[eur]"},
		{"an option with tiers of its own", amount + andEUR, "currency_options[eur]"},
		{"an option with fewer tiers", seats + tiers + strings.ReplaceAll(eurs, "=10", "=inf"),
			"currency_options[eur][tiers]"},
		{"an option with other ends", seats + tiers + strings.ReplaceAll(andEUR, "=10", "=11"),
			"currency_options[eur][tiers]"},
		{"an option", amount + "&currency_options[eur][unit_amount]=4", ""},
		{"an option without an amount", amount + "&currency_options[eur][tax_behavior]=exclusive",
			"currency_options[eur][unit_amount]"},
		{"an option of no currency", amount + "&currency_options[xyz][unit_amount]=4", "currency_options[xyz]"},
		{"an option with a tenth of a krona", amount + "&currency_options[isk][unit_amount]=410",
			"currency_options[isk][unit_amount]"},
		{"usage", amount + "&recurring[usage_type]=metered&recurring[aggregate_usage]=last_during_period", ""},
		{"usage in tiers", seats + tiers + "&recurring[usage_type]=metered&recurring[aggregate_usage]=max", ""},
		{"an aggregate of no usage", amount + "&recurring[aggregate_usage]=max", "recurring[aggregate_usage]"},
		{"usage of no period", "currency=usd&product=p&unit_amount=5&recurring[usage_type]=metered",
			"recurring[interval]"},
	} {
		status, body := d.send(http.MethodPost, "prices", c.form)
		g := NewWithT(t)
		if c.param == "" {
			g.Expect(status).To(Equal(http.StatusOK), "%s: %v", c.reason, body)
			continue
		}
		g.Expect(status).To(Equal(http.StatusBadRequest), c.reason)
		g.Expect(body["error"]).To(HaveKeyWithValue("param", c.param), c.reason)
	}
}

// TestExpandedPrices: tiers and currency options are shown only to who asks, and the tiers of an option only to who
// names its currency.
func TestExpandedPrices(t *testing.T) {
	d := desk{t, New(Options{})}
	d.made("products", "id=p&name=Pro")
	id := d.made("prices", seats+tiers+andEUR)
	cases := []struct {
		expand                            []string
		tiers, options, ownTiers, eurTier bool
		refused                           bool
	}{
		{expand: nil},
		{expand: []string{"tiers"}, tiers: true},
		{expand: []string{"currency_options"}, options: true},
		{expand: []string{"currency_options.eur.tiers"}, options: true, eurTier: true},
		{expand: []string{"currency_options.eur.tiers", "currency_options"}, options: true, eurTier: true},
		{expand: []string{"currency_options.usd.tiers", "tiers", "currency_options.eur.tiers"}, options: true, tiers: true,
			ownTiers: true, eurTier: true},
		{expand: []string{"currency_options.jpy.tiers"}, options: true},
		{expand: []string{"currency_options.eur"}, refused: true},
		{expand: []string{"currency_options.eur.unit_amount"}, refused: true},
	}
	for _, c := range cases {
		for path, prefix := range map[string]string{"prices/" + id: "", "prices": "data."} {
			g := NewWithT(t)
			var form strings.Builder
			for _, e := range c.expand {
				form.WriteString("&expand[]=" + prefix + e)
			}
			status, body := d.send(http.MethodGet, path, form.String())
			if c.refused {
				g.Expect(status).To(Equal(http.StatusBadRequest), form.String())
				continue
			}
			g.Expect(status).To(Equal(http.StatusOK), form.String())
			if prefix != "" {
				body = body["data"].([]any)[0].(map[string]any)
			}
			g.Expect(body["tiers"] != nil).To(Equal(c.tiers), "%s: tiers", &form)
			options, _ := body["currency_options"].(map[string]any)
			g.Expect(options != nil).To(Equal(c.options), "%s: options", &form)
			if c.options {
				g.Expect(options).To(HaveLen(2), "the price's own currency is among them")
				g.Expect(options["usd"].(map[string]any)["tiers"] != nil).To(Equal(c.ownTiers), "%s: its own tiers", &form)
				g.Expect(options["eur"].(map[string]any)["tiers"] != nil).To(Equal(c.eurTier), "%s: the option's", &form)
			}
		}
	}
}

// TestOptionsOfAPriceCanChange, unlike its own amount: an option is replaced, added, or only its tax behaviour set.
func TestOptionsOfAPriceCanChange(t *testing.T) {
	g := NewWithT(t)
	d := desk{t, New(Options{})}
	d.made("products", "id=p&name=Pro")
	id := d.made("prices", base+"&unit_amount=5&currency_options[eur][unit_amount]=4")
	options := func(change string) map[string]any {
		status, body := d.send(http.MethodPost, "prices/"+id, change+"&expand[]=currency_options")
		g.Expect(status).To(Equal(http.StatusOK), "%v", body)
		out := map[string]any{}
		for code, o := range body["currency_options"].(map[string]any) {
			out[code+" "+o.(map[string]any)["tax_behavior"].(string)] = o.(map[string]any)["unit_amount"]
		}
		return out
	}
	g.Expect(options("currency_options[gbp][unit_amount]=3")).To(Equal(map[string]any{
		"usd unspecified": 5.0, "eur unspecified": 4.0, "gbp unspecified": 3.0}))
	g.Expect(options("currency_options[eur][unit_amount]=6")).To(HaveKeyWithValue("eur unspecified", 6.0))
	g.Expect(options("currency_options[eur][tax_behavior]=inclusive")).To(Equal(map[string]any{
		"usd unspecified": 5.0, "eur inclusive": 6.0, "gbp unspecified": 3.0}))
}
