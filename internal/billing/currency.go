package billing

import (
	"fmt"
	"slices"
	"strings"
)

// Currency is an ISO 4217 code, upper case.
type Currency string

// Digits is the number of decimals of the currency's minor unit by ISO 4217: 2 for USD, 0 for JPY, 3 for
// KWD. ok is false for a code that is not in use. Providers deviate (Stripe counts ISK with two decimals);
// their adapters translate.
func (c Currency) Digits() (digits int, ok bool) {
	i, found := slices.BinarySearch(currencyCodes, string(c))
	if !found {
		return 0, false
	}
	code := currencyCodes[i]
	switch {
	case strings.Contains(zeroDecimalCodes, code):
		return 0, true
	case strings.Contains(threeDecimalCodes, code):
		return 3, true
	default:
		return 2, true
	}
}

// Currencies lists every code that Digits knows, sorted.
func Currencies() []string { return slices.Clone(currencyCodes) }

// ParseCurrency takes a provider's spelling, which may be lower case.
func ParseCurrency(code string) (Currency, error) {
	if c, ok := lowerCase[code]; ok {
		return c, nil
	}
	c := Currency(strings.ToUpper(code))
	if _, ok := c.Digits(); !ok {
		return "", fmt.Errorf("%q is not an ISO 4217 code of a currency in use", code)
	}
	return c, nil
}

// lowerCase has the codes as Stripe spells them, so that an event's costs no allocation.
var lowerCase = func() map[string]Currency {
	m := make(map[string]Currency, len(currencyCodes))
	for _, code := range currencyCodes {
		m[strings.ToLower(code)] = Currency(code)
	}
	return m
}()

// The codes of ISO 4217 that are legal tender, without funds codes, metals and testing codes.
var currencyCodes = strings.Fields(`
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD UYI UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG`)

const (
	zeroDecimalCodes  = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	threeDecimalCodes = "BHD IQD JOD KWD LYD OMR TND"
)
