package paddle

import (
	"slices"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

// countries are those that Paddle sells to, by the currency that is legal tender there. Only currencies that Paddle
// sells in are listed. A test holds both against Paddle's OpenAPI.
//
// A row is a part of what a price is: a price whose override is not for exactly these countries equals no Plan, and is
// replaced. A release that changes a row must go on taking the former one for the currency's own.
var countries = map[billing.Currency]string{
	"ARS": "AR",
	"AUD": "AU CC CX HM KI NF NR TV",
	"BRL": "BR",
	"CAD": "CA",
	"CHF": "CH LI",
	"CNY": "CN",
	"COP": "CO",
	"CZK": "CZ",
	"DKK": "DK FO GL",
	"EUR": "AD AT AX BE BG BL CY DE EE ES FI FR GF GP GR HR IE IT LT LU LV MC ME MF MQ MT NL PM PT RE SI SK SM TF VA " +
		"XK YT",
	"GBP": "GB GG GS IM JE",
	"HKD": "HK",
	"HUF": "HU",
	"ILS": "IL PS",
	"INR": "IN",
	"JPY": "JP",
	"KRW": "KR",
	"MXN": "MX",
	"NOK": "BV NO SJ",
	"NZD": "CK NU NZ PN TK",
	"PLN": "PL",
	"RUB": "",
	"SEK": "SE",
	"SGD": "SG",
	"THB": "TH",
	"TRY": "TR",
	"TWD": "TW",
	"UAH": "UA",
	"USD": "AS BQ EC FM GU IO MH MP PA PR PW SV TC TL UM US VG VI",
	"VND": "VN",
	"ZAR": "ZA",
}

// currencies are those that Paddle sells in, sorted.
var currencies = func() []billing.Currency {
	var out []billing.Currency
	for c := range countries {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}()

// countriesOf are the countries whose currency it is, sorted.
func countriesOf(c billing.Currency) []paddle.CountryCode {
	var out []paddle.CountryCode
	for code := range strings.FieldsSeq(countries[c]) {
		out = append(out, paddle.CountryCode(code))
	}
	return out
}
