package stripe

import (
	"slices"
	"strings"
)

const (
	lookupKeyMax  = 200
	lookupKeysMax = 10
)

var (
	intervals    = []string{"day", "month", "week", "year"}
	usageTypes   = []string{"licensed", "metered"}
	taxBehaviors = []string{"exclusive", "inclusive", "unspecified"}
)

var tierList = param{kind: list, item: &param{kind: hash, fields: schema{
	"flat_amount": amountParam, "flat_amount_decimal": {kind: decimal},
	"unit_amount": amountParam, "unit_amount_decimal": {kind: decimal},
	"up_to": {kind: text, required: true},
}}}

var amountParam = param{kind: integer, bounded: true}

var customAmount = param{kind: hash, fields: schema{
	"enabled": {kind: boolean, required: true}, "maximum": amountParam, "minimum": amountParam, "preset": amountParam,
}}

var currencyOptions = param{kind: mapping, item: &param{kind: hash, fields: schema{
	"custom_unit_amount": customAmount, "tax_behavior": {kind: text, enum: taxBehaviors}, "tiers": tierList,
	"unit_amount": amountParam, "unit_amount_decimal": {kind: decimal},
}}}

var recurringParam = param{kind: hash, fields: schema{
	"aggregate_usage":   {kind: text, enum: []string{"last_during_period", "last_ever", "max", "sum"}},
	"interval":          {kind: text, required: true, enum: intervals},
	"interval_count":    {kind: integer, bounded: true, min: 1},
	"trial_period_days": {kind: integer, bounded: true, min: 1},
	"usage_type":        {kind: text, enum: usageTypes},
}}

var defaultPriceData = schema{
	"currency": {kind: text, required: true}, "currency_options": currencyOptions, "recurring": recurringParam,
	"tax_behavior": {kind: text, enum: taxBehaviors}, "unit_amount": amountParam,
	"unit_amount_decimal": {kind: decimal},
}

var priceCreate = schema{
	"active":             {kind: boolean},
	"billing_scheme":     {kind: text, enum: []string{"per_unit", "tiered"}},
	"currency":           {kind: text, required: true},
	"currency_options":   currencyOptions,
	"custom_unit_amount": customAmount,
	"lookup_key":         {kind: text, max: lookupKeyMax},
	"metadata":           {kind: metadata, clearable: true},
	"nickname":           {kind: text},
	"product":            {kind: text},
	"product_data": {kind: hash, fields: schema{
		"active": {kind: boolean}, "id": {kind: text}, "metadata": {kind: metadata},
		"name": {kind: text, required: true}, "statement_descriptor": {kind: text, max: descriptorMax},
		"tax_code": {kind: text}, "unit_label": {kind: text, max: unitLabelMax},
	}},
	"recurring":           recurringParam,
	"tax_behavior":        {kind: text, enum: taxBehaviors},
	"tiers":               tierList,
	"tiers_mode":          {kind: text, enum: []string{"graduated", "volume"}},
	"transfer_lookup_key": {kind: boolean},
	"transform_quantity": {kind: hash, fields: schema{
		"divide_by": {kind: integer, required: true, bounded: true, min: 1},
		"round":     {kind: text, required: true, enum: []string{"down", "up"}},
	}},
	"unit_amount":         amountParam,
	"unit_amount_decimal": {kind: decimal},
}

// priceUpdate is all that can be changed. Amount, currency, interval, tiers and product never can.
var priceUpdate = schema{
	"active":              {kind: boolean},
	"currency_options":    clearable(currencyOptions),
	"lookup_key":          {kind: text, max: lookupKeyMax, clearable: true},
	"metadata":            {kind: metadata, clearable: true},
	"nickname":            {kind: text, clearable: true},
	"tax_behavior":        {kind: text, enum: taxBehaviors},
	"transfer_lookup_key": {kind: boolean},
}

var priceList = listing(schema{
	"active": {kind: boolean}, "created": {kind: moments}, "currency": {kind: text}, "product": {kind: text},
	"lookup_keys": {kind: list, max: lookupKeysMax, item: &param{kind: text}},
	"recurring": {kind: hash, fields: schema{
		"interval": {kind: text, enum: intervals}, "usage_type": {kind: text, enum: usageTypes},
	}},
	"type": {kind: text, enum: []string{"one_time", "recurring"}},
})

func clearable(p param) param {
	p.clearable = true
	return p
}

// longest is the largest interval_count of each interval: three years.
var longest = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

func readRecurring(in params, prefix string) (*Recurring, *apiError) {
	if in == nil {
		return nil, nil
	}
	r := &Recurring{
		Interval: in.text("interval"), IntervalCount: max(1, in.integer("interval_count")), UsageType: "licensed",
		AggregateUsage: in.optional("aggregate_usage"),
	}
	if in.has("usage_type") {
		r.UsageType = in.text("usage_type")
	}
	if in.has("trial_period_days") {
		days := in.integer("trial_period_days")
		r.TrialPeriodDays = &days
	}
	switch {
	case r.IntervalCount > longest[r.Interval]:
		return nil, invalid(nested(prefix, "interval_count"), "", "The maximum interval is three years: at most %d for "+
			"`interval=%s`.", longest[r.Interval], r.Interval)
	case r.AggregateUsage != nil && r.UsageType != "metered":
		return nil, invalid(nested(prefix, "aggregate_usage"), "",
			"`aggregate_usage` can only be set when `usage_type` is `metered`.")
	case r.UsageType == "metered" && r.AggregateUsage == nil:
		sum := "sum"
		r.AggregateUsage = &sum
	}
	return r, nil
}

func readCurrency(code, name string) (string, *apiError) {
	code = strings.ToLower(code)
	if !slices.Contains(currencies, code) {
		return "", invalid(name, "", "Invalid currency: %s. Stripe currently supports these currencies: %s", code,
			strings.Join(currencies, ", "))
	}
	return code, nil
}

// readAmount reads unit_amount and unit_amount_decimal, of which at most one may be given.
func readAmount(in params, field, currency, prefix string) (whole *int64, exact *string, err *apiError) {
	name, decimalName := nested(prefix, field), nested(prefix, field+"_decimal")
	if in.has(field) && in.has(field+"_decimal") {
		return nil, nil, invalid(name, "parameters_exclusive",
			"You may only specify one of these parameters: %s, %s.", name, decimalName)
	}
	var digits string
	switch {
	case in.has(field):
		digits = formatInt(in.integer(field))
	case in.has(field + "_decimal"):
		digits = trimDecimal(in.text(field + "_decimal"))
		if strings.HasPrefix(digits, "-") {
			return nil, nil, invalid(decimalName, "", "Invalid decimal: must be greater than or equal to 0.")
		}
	default:
		return nil, nil, nil
	}
	if !strings.Contains(digits, ".") {
		n := parseInt(digits)
		if err := chargeable(n, currency, name); err != nil {
			return nil, nil, err
		}
		whole = &n
	}
	return whole, &digits, nil
}

// chargeable refuses amounts that Stripe's currency rules never let through: ISK has two decimals that must be
// zero, and three-decimal currencies end in a zero.
func chargeable(amount int64, currency, name string) *apiError {
	switch currency {
	case "isk", "ugx":
		if amount%100 != 0 {
			return invalid(name, "invalid_charge_amount_no_decimal_compatible", "Invalid amount: %d %s must be a multiple "+
				"of 100.", amount, currency)
		}
	case "bhd", "jod", "kwd", "omr", "tnd":
		if amount%10 != 0 {
			return invalid(name, "parameter_invalid_integer", "Invalid amount: the last digit of an amount in %s must be 0.",
				currency)
		}
	}
	return nil
}

func readTiers(in params, currency, prefix string) ([]Tier, *apiError) {
	var tiers []Tier
	last := int64(0)
	elements := in.list("tiers")
	for i, element := range elements {
		t, name := element.(params), nested(nested(prefix, "tiers"), formatInt(int64(i)))
		var tier Tier
		var err *apiError
		if tier.UnitAmount, tier.UnitAmountDecimal, err = readAmount(t, "unit_amount", currency, name); err != nil {
			return nil, err
		}
		if tier.FlatAmount, tier.FlatAmountDecimal, err = readAmount(t, "flat_amount", currency, name); err != nil {
			return nil, err
		}
		if tier.UnitAmountDecimal == nil && tier.FlatAmountDecimal == nil {
			return nil, invalid(name, "", "An entry in the tiers array is missing an amount.")
		}
		if upTo := t.text("up_to"); upTo != "inf" {
			v, err := readLeaf(upTo, param{kind: integer}, nested(name, "up_to"))
			if err != nil {
				return nil, err
			}
			n := v.(int64)
			if n <= last || i == len(elements)-1 {
				return nil, invalid(nested(name, "up_to"), "",
					"The tiers must have rising `up_to` values, and the last one must be `inf`.")
			}
			last, tier.UpTo = n, &n
		} else if i != len(elements)-1 {
			return nil, invalid(nested(name, "up_to"), "", "Only the last tier can have `up_to=inf`.")
		}
		tiers = append(tiers, tier)
	}
	return tiers, nil
}

func readCustomAmount(in params) *CustomUnitAmount {
	if in == nil || !in.boolean("enabled") {
		return nil
	}
	pick := func(name string) *int64 {
		if !in.has(name) {
			return nil
		}
		v := in.integer(name)
		return &v
	}
	return &CustomUnitAmount{Maximum: pick("maximum"), Minimum: pick("minimum"), Preset: pick("preset")}
}
