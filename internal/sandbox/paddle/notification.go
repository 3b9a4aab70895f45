package paddle

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// Notification is an event's way to one destination, on the wire.
type Notification struct {
	ID             string  `json:"id"`
	Type           string  `json:"type"`
	Status         string  `json:"status"` // not_attempted, needs_retry, delivered or failed
	Payload        payload `json:"payload"`
	OccurredAt     string  `json:"occurred_at"`
	DeliveredAt    *string `json:"delivered_at"`
	ReplayedAt     *string `json:"replayed_at"`
	Origin         string  `json:"origin"` // event or replay
	LastAttemptAt  *string `json:"last_attempt_at"`
	RetryAt        *string `json:"retry_at"`
	TimesAttempted int     `json:"times_attempted"`
	SettingID      string  `json:"notification_setting_id"`

	logs []*notificationLog
}

// notificationLog is one attempt on the wire.
type notificationLog struct {
	ID                  string  `json:"id"`
	ResponseCode        int     `json:"response_code"`
	ResponseContentType *string `json:"response_content_type"`
	ResponseBody        string  `json:"response_body"`
	AttemptedAt         string  `json:"attempted_at"`
}

const (
	originEvent  = "event"
	originReplay = "replay"

	notAttempted = "not_attempted"
	needsRetry   = "needs_retry"
	delivered    = "delivered"
	failed       = "failed"

	// logsKept is how many attempts a notification remembers; Paddle makes no more.
	logsKept = 60
)

func (n *Notification) key() string    { return n.ID }
func (l *notificationLog) key() string { return l.ID }

// notify sends an event to a destination. The account is locked.
func (a *account) notify(e *Event, to *Setting, origin string) *Notification {
	n := &Notification{
		ID: a.newID("ntf"), Type: e.EventType, Status: notAttempted, OccurredAt: stamp(a.clock()), Origin: origin,
		SettingID: to.ID,
	}
	n.Payload = payload{e.EventID, e.EventType, e.OccurredAt, n.ID, e.Data}
	a.notifications = trimmed(a.notifications, a.notificationByID)
	a.notifications, a.notificationByID[n.ID] = append(a.notifications, n), n
	if a.webhooks == nil {
		return n
	}
	body := plain(n.Payload)
	a.webhooks.Send(delivery.Job{
		Provider: "paddle", Type: e.EventType, Message: n.ID, Endpoint: to.ID, Retries: a.retries, Timeout: deliveryTime,
		ExactlyOK: true,
		Prepare: func(now time.Time) (string, http.Header, []byte, bool) {
			return a.request(body, to.ID, now)
		},
		Report: func(o delivery.Outcome) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.attempted(n, o)
		},
	})
	return n
}

// attempted writes down what became of an attempt.
func (a *account) attempted(n *Notification, o delivery.Outcome) {
	at := stamp(o.Time)
	switch {
	case o.Delivered:
		n.Status, n.DeliveredAt, n.RetryAt = delivered, &at, nil
	case o.Repeated: // what somebody asked for at the door changes nothing
	case o.Final():
		n.Status, n.RetryAt = failed, nil
	default:
		retry := stamp(o.Retry)
		n.Status, n.RetryAt = needsRetry, &retry
	}
	if o.Gone() {
		return
	}
	n.TimesAttempted++
	n.LastAttemptAt = &at
	log := &notificationLog{ID: a.newID("ntflog"), ResponseCode: o.Status, ResponseBody: o.Body, AttemptedAt: at}
	if o.ContentType != "" {
		log.ResponseContentType = &o.ContentType
	}
	n.logs = append(n.logs, log)
	n.logs = n.logs[max(0, len(n.logs)-logsKept):]
}

func (c *call) notification() (*Notification, *apiError) {
	n := c.notificationByID[c.id]
	if n == nil {
		return nil, notFound(c.id)
	}
	return n, nil
}

func (c *call) getNotification() (any, *apiError) { return c.notification() }

func (c *call) listNotificationLogs() (any, *apiError) {
	n, err := c.notification()
	if err != nil {
		return nil, err
	}
	byID := map[string]*notificationLog{}
	for _, l := range n.logs {
		byID[l.ID] = l
	}
	found, at, err := paged(c, n.logs, byID, byKey[*notificationLog](), defaultPage,
		func(*notificationLog) bool { return true })
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}

func (c *call) replayNotification() (any, *apiError) {
	old, err := c.notification()
	if err != nil {
		return nil, err
	}
	switch {
	case old.Origin != originEvent:
		return nil, settingError(http.StatusBadRequest, "notification_replay_invalid_origin_type",
			"Only notifications with the origin `event` can be replayed.")
	case old.Status != delivered && old.Status != failed:
		return nil, settingError(http.StatusBadRequest, "notification_cannot_replay",
			"Notification "+old.ID+" cannot be replayed because it's not `delivered` or `failed`.")
	}
	to := c.settingByID[old.SettingID]
	if to == nil {
		return nil, notFound(old.SettingID)
	}
	at := stamp(c.clock())
	old.ReplayedAt = &at
	e := &Event{old.Payload.EventID, old.Payload.EventType, old.Payload.OccurredAt, old.Payload.Data}
	return map[string]string{"notification_id": c.notify(e, to, originReplay).ID}, nil
}

func (c *call) listNotifications() (any, *apiError) {
	settings, err := c.filter("notification_setting_id", nil)
	if err != nil {
		return nil, err
	}
	states, err := c.filter("status", []string{delivered, failed, needsRetry, notAttempted})
	if err != nil {
		return nil, err
	}
	from, err := c.moment("from")
	if err != nil {
		return nil, err
	}
	to, err := c.moment("to")
	if err != nil {
		return nil, err
	}
	match := func(n *Notification) bool {
		search := c.query["search"]
		return settings.has(n.SettingID) && states.has(n.Status) &&
			strings.Contains(string(n.Payload.Data), c.query["filter"]) &&
			(strings.Contains(n.ID, search) || strings.Contains(n.Type, search)) && (from == "" || n.OccurredAt >= from) &&
			(to == "" || n.OccurredAt <= to)
	}
	found, at, err := paged(c, c.notifications, c.notificationByID, byKey[*Notification](), defaultPage, match)
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}

// moment reads a parameter that is a time, with or without a zone.
func (c *call) moment(name string) (string, *apiError) {
	given, ok := c.query[name]
	if !ok {
		return "", nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, given); err == nil {
			return stamp(t), nil
		}
	}
	return "", invalidFields(wrong(name, "must be an RFC 3339 date and time")...)
}

// forget drops the notifications of a destination, as its deletion does.
func (a *account) forget(setting string) {
	a.notifications = slices.DeleteFunc(a.notifications, func(n *Notification) bool {
		if n.SettingID == setting {
			delete(a.notificationByID, n.ID)
		}
		return n.SettingID == setting
	})
}

// Notifications are those that are kept, oldest first.
func (v View) Notifications() []Notification {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.notifications)
}
