package webhookserver

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/billing"
)

// sales counts what events tell of money, once for each event: when it is settled, whatever comes again or later. Its
// labels are words of Kassa's, of the provider's documentation, and currencies.
type sales struct {
	events   *prometheus.CounterVec
	payments *prometheus.CounterVec
	failures *prometheus.CounterVec
	revenue  *prometheus.CounterVec

	begun sync.Map // of account kinds
}

// accountKind is what all the counters are split by: an app that is tried out must not spoil the figures of one that
// earns money.
type accountKind struct{ provider, mode string }

func (s *settings) accountKind() accountKind {
	return accountKind{string(s.provider), strings.ToLower(string(s.mode))}
}

// Outcomes of a payment.
const (
	paymentSucceeded = "succeeded"
	paymentFailed    = "failed"
)

func newSales() *sales {
	return &sales{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_events_total",
			Help: "Events that were settled, each once, by their normalised type; native: without one.",
		}, []string{"provider", "mode", "type"}),
		payments: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_payments_total",
			Help: "Attempts to pay by outcome, succeeded or failed, however many events tell of them.",
		}, []string{"provider", "mode", "outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_payment_failures_total",
			Help: "Failed attempts to pay for which the provider told a code; other: one that Kassa does not know.",
		}, []string{"provider", "mode", "code"}),
		revenue: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_revenue_minor_units_total",
			Help: "What was paid, with taxes and before fees and refunds, in the currency's minor unit.",
		}, []string{"provider", "mode", "currency"}),
	}
}

func (s *sales) register(r prometheus.Registerer) {
	r.MustRegister(s.events, s.payments, s.failures, s.revenue)
}

// begin shows every counter as 0, so that Prometheus sees the first event as an increase. Currencies are too many.
func (s *sales) begin(at accountKind) {
	if _, done := s.begun.LoadOrStore(at, true); done {
		return
	}
	for _, t := range billing.EventTypes() {
		s.events.WithLabelValues(at.provider, at.mode, string(t))
	}
	s.events.WithLabelValues(at.provider, at.mode, typeNative)
	for _, outcome := range []string{paymentSucceeded, paymentFailed} {
		s.payments.WithLabelValues(at.provider, at.mode, outcome)
	}
	for _, code := range failureCodes[billing.Provider(at.provider)] {
		s.failures.WithLabelValues(at.provider, at.mode, code)
	}
}

// count takes note of an event that was settled just now. recurring says that an order's price is a subscription's.
func (s *sales) count(at accountKind, e *billing.Event, recurring func(priceID string) bool) {
	s.events.WithLabelValues(at.provider, at.mode, typeName(e)).Inc()
	p := e.Payment
	if p == nil {
		return
	}
	of := billing.Provider(at.provider)
	if p.FailureCode != "" && tellsFailureCode(e) {
		s.failures.WithLabelValues(at.provider, at.mode, knownFailureCode(of, p.FailureCode)).Inc()
	}
	if !tellsPayment(of, e, recurring) {
		return
	}
	switch p.Status {
	case billing.PaymentStatusSucceeded:
		s.payments.WithLabelValues(at.provider, at.mode, paymentSucceeded).Inc()
		s.revenue.WithLabelValues(at.provider, at.mode, string(p.Money.Currency)).Add(float64(max(p.Money.Minor, 0)))
	case billing.PaymentStatusFailed:
		s.payments.WithLabelValues(at.provider, at.mode, paymentFailed).Inc()
	}
}

// tellsPayment: of the events with a payment in them these tell each payment, and each failed attempt, once. A checkout
// is a payment where no other event tells it: at Paddle, and of LemonSqueezy's orders those that begin no subscription.
// LemonSqueezy tells a recovered payment as a succeeded one beside it.
func tellsPayment(of billing.Provider, e *billing.Event, recurring func(priceID string) bool) bool {
	switch e.Type {
	case billing.PaymentSucceeded, billing.PaymentFailed:
		return true
	case billing.PaymentRecovered:
		return of != billing.LemonSqueezy
	case billing.CheckoutCompleted, billing.CheckoutFailed:
		return of == billing.Paddle || of == billing.LemonSqueezy &&
			(e.Subscription == nil || !recurring(e.Subscription.PriceID))
	default:
		return false
	}
}

// tellsFailureCode: Stripe's charges tell less than their intents, card_declined and not why, and a payment that
// succeeded may still have the code of the attempt before it.
func tellsFailureCode(e *billing.Event) bool {
	return e.Payment.Status == billing.PaymentStatusFailed && e.Type != billing.PaymentPastDue &&
		!strings.HasPrefix(e.NativeType, "charge.")
}

const otherFailureCode = "other"

func knownFailureCode(of billing.Provider, code string) string {
	if slices.Contains(failureCodes[of], code) {
		return code
	}
	return otherFailureCode
}

// failureCodes are those that the providers document. LemonSqueezy tells none.
var failureCodes = map[billing.Provider][]string{
	billing.Stripe: {
		"approve_with_id", "authentication_required", "call_issuer", "card_declined", "card_not_supported",
		"card_velocity_exceeded", "currency_not_supported", "do_not_honor", "do_not_try_again",
		"duplicate_transaction", "expired_card", "fraudulent", "generic_decline", "incorrect_cvc", "incorrect_number",
		"incorrect_pin", "incorrect_zip", "insufficient_funds", "invalid_account", "invalid_amount", "invalid_cvc",
		"invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin", "issuer_not_available",
		"lost_card", "merchant_blacklist", "new_account_information_available", "no_action_taken", "not_permitted",
		"payment_intent_authentication_failure", "payment_intent_payment_attempt_failed", "pickup_card",
		"pin_try_exceeded", "processing_error", "reenter_transaction", "restricted_card",
		"revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
		"service_not_allowed", "stolen_card", "stop_payment_order", "testmode_decline", "transaction_not_allowed",
		"try_again_later", "withdrawal_count_limit_exceeded", otherFailureCode,
	},
	billing.Paddle: {
		"already_canceled", "already_refunded", "authentication_failed", "blocked_card", "canceled", "declined",
		"declined_not_retryable", "expired_card", "fraud", "invalid_amount", "invalid_payment_details",
		"issuer_unavailable", "not_enough_balance", "preferred_network_not_supported", "psp_error",
		"redacted_payment_method", "system_error", "transaction_not_permitted", "unknown", otherFailureCode,
	},
}
