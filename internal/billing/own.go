package billing

import "slices"

// Kassa's own events. No provider sends them; they tell what Kassa did because of what a provider sent.
const (
	DunningCanceled        EventType = "dunning.canceled"
	DunningCancelScheduled EventType = "dunning.cancel_scheduled"
	DunningPaused          EventType = "dunning.paused"
	DunningNotified        EventType = "dunning.notified"
)

// OwnEventTypes are Kassa's own events. They are not in EventTypes: no endpoint can subscribe to them.
func OwnEventTypes() []EventType {
	return []EventType{DunningCanceled, DunningCancelScheduled, DunningPaused, DunningNotified}
}

// IsOwn says that an event is Kassa's own.
func (t EventType) IsOwn() bool { return slices.Contains(OwnEventTypes(), t) }

// AdmitsOwn says whether a pattern of a spec admits one of Kassa's own events.
func AdmitsOwn(pattern string) bool {
	return slices.ContainsFunc(OwnEventTypes(), func(t EventType) bool { return MatchesEvent([]string{pattern}, t, "") })
}

// DunningAction is what is done about an invoice that was not paid. The values equal v1alpha1.DunningAction.
type DunningAction string

// Dunning's actions.
const (
	DunCancel            DunningAction = "Cancel"
	DunCancelAtPeriodEnd DunningAction = "CancelAtPeriodEnd"
	DunPause             DunningAction = "Pause"
	DunNotify            DunningAction = "Notify"
)

// Told is the event that tells of an action.
func (a DunningAction) Told() EventType {
	switch a {
	case DunCancel:
		return DunningCanceled
	case DunCancelAtPeriodEnd:
		return DunningCancelScheduled
	case DunPause:
		return DunningPaused
	default:
		return DunningNotified
	}
}

// EventDunning is what Kassa did about an invoice that was not paid.
type EventDunning struct {
	InvoiceID      string        `json:"invoiceID,omitempty"`
	FailedPayments int           `json:"failedPayments,omitempty"`
	Action         DunningAction `json:"action,omitempty"`
}
