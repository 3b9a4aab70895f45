package v1alpha1

// Interval is the unit of a billing period.
// +kubebuilder:validation:Enum=Day;Week;Month;Year
type Interval string

// Units of a billing period.
const (
	IntervalDay   Interval = "Day"
	IntervalWeek  Interval = "Week"
	IntervalMonth Interval = "Month"
	IntervalYear  Interval = "Year"
)

// TaxBehavior says whether an amount contains tax.
// +kubebuilder:validation:Enum=Exclusive;Inclusive;Unspecified
type TaxBehavior string

const (
	// TaxExclusive: tax is added to the amount.
	TaxExclusive TaxBehavior = "Exclusive"
	// TaxInclusive: the amount contains tax.
	TaxInclusive TaxBehavior = "Inclusive"
	// TaxUnspecified leaves it to the account's settings.
	TaxUnspecified TaxBehavior = "Unspecified"
)

// Recurring makes a price a subscription price.
// +kubebuilder:validation:XValidation:rule="!(self.interval == 'Year' && has(self.intervalCount) && self.intervalCount > 3) && !(self.interval == 'Month' && has(self.intervalCount) && self.intervalCount > 36) && !(self.interval == 'Week' && has(self.intervalCount) && self.intervalCount > 156)",message="a billing period is at most three years: 3 Year, 36 Month, 156 Week or 1095 Day"
type Recurring struct {
	// interval is the unit of the billing period.
	// +required
	Interval Interval `json:"interval,omitempty"`
	// intervalCount is the number of units in a period. Default: 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1095
	IntervalCount int32 `json:"intervalCount,omitempty"`
}

// Currency is an ISO 4217 code, upper case.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=3
// +kubebuilder:validation:XValidation:rule="self in ['AED','AFN','ALL','AMD','ANG','AOA','ARS','AUD','AWG','AZN','BAM','BBD','BDT','BGN','BHD','BIF','BMD','BND','BOB','BRL','BSD','BTN','BWP','BYN','BZD','CAD','CDF','CHF','CLP','CNY','COP','CRC','CUP','CVE','CZK','DJF','DKK','DOP','DZD','EGP','ERN','ETB','EUR','FJD','FKP','GBP','GEL','GHS','GIP','GMD','GNF','GTQ','GYD','HKD','HNL','HTG','HUF','IDR','ILS','INR','IQD','IRR','ISK','JMD','JOD','JPY','KES','KGS','KHR','KMF','KPW','KRW','KWD','KYD','KZT','LAK','LBP','LKR','LRD','LSL','LYD','MAD','MDL','MGA','MKD','MMK','MNT','MOP','MRU','MUR','MVR','MWK','MXN','MYR','MZN','NAD','NGN','NIO','NOK','NPR','NZD','OMR','PAB','PEN','PGK','PHP','PKR','PLN','PYG','QAR','RON','RSD','RUB','RWF','SAR','SBD','SCR','SDG','SEK','SGD','SHP','SLE','SOS','SRD','SSP','STN','SVC','SYP','SZL','THB','TJS','TMT','TND','TOP','TRY','TTD','TWD','TZS','UAH','UGX','USD','UYI','UYU','UZS','VES','VND','VUV','WST','XAF','XCD','XCG','XOF','XPF','YER','ZAR','ZMW','ZWG']",messageExpression="'currency ' + self + ' is not an ISO 4217 code of a currency in use; codes are upper case, such as USD or EUR'"
type Currency string

// Amount is a decimal in the currency's major unit, without sign, exponent or separators: "29.00". "0" is free.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:XValidation:rule="self.matches('^(0|[1-9][0-9]{0,8})([.][0-9]{1,6})?$')",message="amount is a decimal in major units, without sign, exponent or separators and below one thousand million, such as \"29.00\" or \"0\""
type Amount string

// TierMode says how a quantity meets tiers.
// +kubebuilder:validation:Enum=Graduated;Volume
type TierMode string

const (
	// TierGraduated charges each unit by the tier that it falls into.
	TierGraduated TierMode = "Graduated"
	// TierVolume charges every unit by the tier that the whole quantity falls into.
	TierVolume TierMode = "Volume"
)

// Tier is a range of quantities, from the end of the tier before it.
type Tier struct {
	// upTo is the last quantity of the tier. The last tier has none: it is without end.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000000
	UpTo int64 `json:"upTo,omitempty"`
	// unitAmount is charged for each unit; "0" where only the flat amount counts.
	// +required
	UnitAmount Amount `json:"unitAmount,omitempty"`
	// flatAmount is charged once when the tier is reached. Default: 0.
	// +optional
	FlatAmount Amount `json:"flatAmount,omitempty"`
}

// Tiers make the amount depend on the quantity.
// +kubebuilder:validation:XValidation:rule="!has(self.tiers[size(self.tiers) - 1].upTo) && self.tiers.filter(t, !has(t.upTo)).size() == 1",message="the last tier, and only that, has no upTo: it is without end"
// +kubebuilder:validation:XValidation:rule="self.tiers.filter(t, has(t.upTo)).map(t, t.upTo).isSorted() && self.tiers.all(t, !has(t.upTo) || self.tiers.exists_one(u, has(u.upTo) && u.upTo == t.upTo))",message="each tier's upTo is greater than that of the tier before it"
type Tiers struct {
	// mode says how a quantity meets the tiers.
	// +required
	Mode TierMode `json:"mode,omitempty"`
	// tiers in ascending order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Tiers []Tier `json:"tiers,omitempty"`
}

// TierAmount is what one tier costs in another currency.
type TierAmount struct {
	// unitAmount is charged for each unit; "0" where only the flat amount counts.
	// +required
	UnitAmount Amount `json:"unitAmount,omitempty"`
	// flatAmount is charged once when the tier is reached. Default: 0.
	// +optional
	FlatAmount Amount `json:"flatAmount,omitempty"`
}

// CurrencyOption is what a price costs in another currency than its own.
//
// +kubebuilder:validation:XValidation:rule="!has(self.amount) || self.amount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')",messageExpression="'amount ' + self.amount + ' has more decimals than ' + self.currency + ' allows (' + (self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '0, such as 29' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '3, such as 29.000' : '2, such as 29.00') + ')'",fieldPath=".amount"
// +kubebuilder:validation:XValidation:rule="!has(self.tiers) || self.tiers.all(t, (!has(t.unitAmount) || t.unitAmount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')) && (!has(t.flatAmount) || t.flatAmount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')))",messageExpression="'an amount of a tier has more decimals than ' + self.currency + ' allows (' + (self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '0, such as 29' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '3, such as 29.000' : '2, such as 29.00') + ')'",fieldPath=".tiers"
// +kubebuilder:validation:XValidation:rule="has(self.amount) != has(self.tiers)",message="set either amount, or tiers with the amounts of each of the price's tiers"
type CurrencyOption struct {
	// currency is an ISO 4217 code, upper case.
	// +required
	Currency Currency `json:"currency,omitempty"`
	// amount of one unit, as in the price.
	// +optional
	Amount Amount `json:"amount,omitempty"`
	// tiers are the amounts of the price's tiers, in the same order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Tiers []TierAmount `json:"tiers,omitempty"`
}

// UsageAggregate says how the usage that is reported during a period adds up to what is billed.
// +kubebuilder:validation:Enum=Sum;Max;Last
type UsageAggregate string

const (
	// UsageSum bills the sum of what was reported.
	UsageSum UsageAggregate = "Sum"
	// UsageMax bills the largest report.
	UsageMax UsageAggregate = "Max"
	// UsageLast bills the last report of the period.
	UsageLast UsageAggregate = "Last"
)

// Metered bills reported usage instead of a quantity that is bought.
type Metered struct {
	// aggregate says how reports add up.
	// +required
	Aggregate UsageAggregate `json:"aggregate,omitempty"`
}

// MissingPaymentMethod says what becomes of a subscription whose trial ends without a payment method.
// +kubebuilder:validation:Enum=Cancel;Pause;CreateInvoice
type MissingPaymentMethod string

const (
	// MissingCancel ends the subscription.
	MissingCancel MissingPaymentMethod = "Cancel"
	// MissingPause pauses it until there is a payment method.
	MissingPause MissingPaymentMethod = "Pause"
	// MissingCreateInvoice bills it all the same.
	MissingCreateInvoice MissingPaymentMethod = "CreateInvoice"
)

// Trial is a time before the first payment.
type Trial struct {
	// days of the trial.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=730
	Days int32 `json:"days,omitempty"`
	// onMissingPaymentMethod says what happens when the trial ends and the buyer gave no payment method, where the
	// provider lets a trial begin without one. Default: Cancel.
	// +optional
	OnMissingPaymentMethod MissingPaymentMethod `json:"onMissingPaymentMethod,omitempty"`
}

// Price is one way to buy the plan. A changed amount, currency, period, tier or tax behaviour becomes a new
// price at the provider, and the old one is archived; running subscriptions keep theirs.
//
// The two lists in the rules are ISO 4217's currencies with no and with three decimals; the currency table of
// internal/billing is tested to agree with them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.amount) || self.amount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')",messageExpression="'amount ' + self.amount + ' has more decimals than ' + self.currency + ' allows (' + (self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '0, such as 29' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '3, such as 29.000' : '2, such as 29.00') + ')'",fieldPath=".amount"
// +kubebuilder:validation:XValidation:rule="!has(self.tiers) || self.tiers.tiers.all(t, (!has(t.unitAmount) || t.unitAmount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')) && (!has(t.flatAmount) || t.flatAmount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')))",messageExpression="'an amount of a tier has more decimals than ' + self.currency + ' allows (' + (self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '0, such as 29' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '3, such as 29.000' : '2, such as 29.00') + ')'",fieldPath=".tiers"
// +kubebuilder:validation:XValidation:rule="has(self.amount) != has(self.tiers)",message="set either amount or tiers"
// +kubebuilder:validation:XValidation:rule="has(self.recurring) || !has(self.metered)",message="metered needs recurring: usage is billed at the end of each period",fieldPath=".metered"
// +kubebuilder:validation:XValidation:rule="has(self.recurring) || !has(self.trial)",message="trial needs recurring: only a subscription has a trial",fieldPath=".trial"
// +kubebuilder:validation:XValidation:rule="!has(self.currencyOptions) || self.currencyOptions.all(o, o.currency != self.currency)",message="currencyOptions are further currencies; the price's own amount is in amount",fieldPath=".currencyOptions"
// +kubebuilder:validation:XValidation:rule="!has(self.currencyOptions) || self.currencyOptions.all(o, has(self.tiers) ? has(o.tiers) && size(o.tiers) == size(self.tiers.tiers) : has(o.amount))",message="each of currencyOptions has an amount like the price, or as many tiers as the price has",fieldPath=".currencyOptions"
type Price struct {
	// name tells the prices of a plan apart. A new name is a new price.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="a price name has lower-case letters, digits and dashes, and starts and ends with a letter or digit, such as monthly"
	Name string `json:"name,omitempty"`
	// displayName is shown at the provider for the price. Default: the name; an adopted price that has none stays without.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	DisplayName string `json:"displayName,omitempty"`
	// amount is the price of one unit in the currency's major unit, as a decimal string with no more decimals than
	// the currency has: "29.00". "0" is a free price. Either amount or tiers is set.
	// +optional
	Amount Amount `json:"amount,omitempty"`
	// tiers make the amount depend on the quantity. Stripe sells them; at LemonSqueezy they are compared.
	// +optional
	Tiers *Tiers `json:"tiers,omitempty"`
	// currency is an ISO 4217 code, upper case.
	// +required
	Currency Currency `json:"currency,omitempty"`
	// currencyOptions are amounts in further currencies. At Paddle they are for the countries whose currency it is.
	// +optional
	// +listType=map
	// +listMapKey=currency
	// +kubebuilder:validation:MaxItems=32
	CurrencyOptions []CurrencyOption `json:"currencyOptions,omitempty"`
	// recurring makes this a subscription price; without it the price is paid once.
	// +optional
	Recurring *Recurring `json:"recurring,omitempty"`
	// metered bills reported usage instead of a quantity that is bought.
	// +optional
	Metered *Metered `json:"metered,omitempty"`
	// trial is a time before the first payment. Checkouts begin with it, and Paddle keeps it with the price. Changing
	// it concerns only those who have not bought yet.
	// +optional
	Trial *Trial `json:"trial,omitempty"`
	// taxBehavior says whether amount contains tax. Default: Unspecified.
	// +optional
	TaxBehavior TaxBehavior `json:"taxBehavior,omitempty"`
}
