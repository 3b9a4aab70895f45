package contract_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	paddlesdk "github.com/PaddleHQ/paddle-go-sdk/v4"
	"github.com/PaddleHQ/paddle-go-sdk/v4/pkg/paddleerr"
	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/test/contract"
)

func TestPaddlesSDKKeepsNotificationSettings(t *testing.T) {
	r := newPaddleRig(t)
	ctx := t.Context()
	types, err := r.sdk.ListEventTypes(ctx, &paddlesdk.ListEventTypesRequest{})
	r.must(err)
	completed := false
	r.must(types.Iter(ctx, func(e *paddlesdk.EventType) (bool, error) {
		completed = completed || e.Name == paddlesdk.EventTypeNameTransactionCompleted
		return true, nil
	}))
	if !completed {
		t.Error("transaction.completed is no event type")
	}
	create := func(destination string) (*paddlesdk.NotificationSetting, error) {
		return r.sdk.CreateNotificationSetting(ctx, &paddlesdk.CreateNotificationSettingRequest{
			Description: "Kassa", Destination: destination, Type: paddlesdk.NotificationSettingTypeURL,
			SubscribedEvents: []paddlesdk.EventTypeName{paddlesdk.EventTypeNameTransactionCompleted, "price.updated"},
			APIVersion:       paddlesdk.PtrTo(1), TrafficSource: paddlesdk.PtrTo(paddlesdk.TrafficSourceAll),
		})
	}
	made, err := create("https://hooks.example.com/a")
	r.must(err)
	var refused *paddleerr.Error
	_, err = create("https://hooks.example.com/a")
	if !errors.As(err, &refused) || refused.Code != "notification_setting_cannot_be_duplicate" {
		t.Errorf("a second setting for one destination is answered %v", err)
	}
	_, err = create("https://hooks.example.com/b")
	r.must(err)
	got, err := r.sdk.GetNotificationSetting(ctx, &paddlesdk.GetNotificationSettingRequest{
		NotificationSettingID: made.ID,
	})
	r.must(err)
	if diff := cmp.Diff(made, got); diff != "" || got.EndpointSecretKey == "" || len(got.SubscribedEvents) != 2 {
		t.Errorf("what was made is read as (-made +read):\n%s", diff)
	}
	changed, err := r.sdk.UpdateNotificationSetting(ctx, &paddlesdk.UpdateNotificationSettingRequest{
		NotificationSettingID: made.ID, Active: paddlesdk.NewPatchField(false),
		SubscribedEvents: paddlesdk.NewPatchField([]paddlesdk.EventTypeName{"report.created"}),
	})
	r.must(err)
	if changed.Active || len(changed.SubscribedEvents) != 1 || changed.EndpointSecretKey != made.EndpointSecretKey {
		t.Errorf("the changed setting is %+v", changed)
	}
	list, err := r.sdk.ListNotificationSettings(ctx, &paddlesdk.ListNotificationSettingsRequest{
		PerPage: paddlesdk.PtrTo(1), Active: paddlesdk.PtrTo(true),
	})
	r.must(err)
	if list.EstimatedTotal() != 1 || list.PerPage() != 1 {
		t.Errorf("%d settings are active", list.EstimatedTotal())
	}
	r.must(r.sdk.DeleteNotificationSetting(ctx, &paddlesdk.DeleteNotificationSettingRequest{
		NotificationSettingID: made.ID,
	}))
	r.accepted()
	wantSeen := []string{
		"DELETE /notification-settings/{notification_setting_id}: 204", "GET /event-types: 200",
		"GET /notification-settings/{notification_setting_id}: 200", "GET /notification-settings: 200",
		"PATCH /notification-settings/{notification_setting_id}: 200", "POST /notification-settings: 201",
		"POST /notification-settings: 409",
	}
	if diff := cmp.Diff(wantSeen, r.judge.Seen()); diff != "" {
		t.Errorf("other requests were judged (-want +got):\n%s", diff)
	}
}

// Whatever event the sandbox makes up is as Paddle's OpenAPI says, with every property, and so are the answers about
// events and notifications.
func TestPaddlesSDKReadsNotifications(t *testing.T) {
	r := newPaddleRig(t)
	ctx := t.Context()
	bodies := make(chan []byte, 100)
	inbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			bodies <- body
		}
		w.Header().Set("Content-Type", "text/plain")
	}))
	t.Cleanup(inbox.Close)
	types, err := r.sdk.ListEventTypes(ctx, &paddlesdk.ListEventTypesRequest{})
	r.must(err)
	var names []paddlesdk.EventTypeName
	r.must(types.Iter(ctx, func(e *paddlesdk.EventType) (bool, error) {
		names = append(names, e.Name)
		return true, nil
	}))
	_, err = r.sdk.CreateNotificationSetting(ctx, &paddlesdk.CreateNotificationSettingRequest{
		Description: "Kassa", Destination: inbox.URL, Type: paddlesdk.NotificationSettingTypeURL, SubscribedEvents: names,
	})
	r.must(err)
	schemas, err := contract.Paddle()
	r.must(err)
	account := r.sb.Paddle().Account(paddleKey)
	for _, name := range names {
		_, err := account.Emit(string(name), nil)
		r.must(err)
		var event struct {
			ID   string `json:"notification_id"`
			Type string `json:"event_type"`
		}
		body := <-bodies
		r.must(json.Unmarshal(body, &event))
		if event.Type != string(name) {
			t.Fatalf("%s is sent as %s", name, event.Type)
		}
		if err := schemas.Event(string(name), body); err != nil {
			t.Errorf("%s: %v\n%s", name, err, body)
		}
		if lacking := schemas.Lacking(string(name), body); len(lacking) > 0 {
			t.Errorf("%s lacks %v", name, lacking)
		}
		for status := paddlesdk.NotificationStatusNotAttempted; status != paddlesdk.NotificationStatusDelivered; {
			n, err := r.sdk.GetNotification(ctx, &paddlesdk.GetNotificationRequest{NotificationID: event.ID})
			r.must(err)
			status = n.Status // the attempt is written down soon after it was made
		}
	}
	events, err := r.sdk.ListEvents(ctx, &paddlesdk.ListEventsRequest{PerPage: paddlesdk.PtrTo(20)})
	r.must(err)
	if events.EstimatedTotal() != len(names) || !events.HasMore() {
		t.Errorf("%d events are listed", events.EstimatedTotal())
	}
	list, err := r.sdk.ListNotifications(ctx, &paddlesdk.ListNotificationsRequest{Status: []string{"delivered,failed"}})
	r.must(err)
	n := list.Next(ctx).Value()
	if err = r.sdk.ReplayNotification(ctx, &paddlesdk.ReplayNotificationRequest{NotificationID: n.ID}); err != nil {
		t.Errorf("a notification that is %s cannot be replayed: %v", n.Status, err)
	}
	logs, err := r.sdk.ListNotificationLogs(ctx, &paddlesdk.ListNotificationLogsRequest{NotificationID: n.ID})
	r.must(err)
	if logs.EstimatedTotal() != 1 {
		t.Errorf("%d attempts are logged", logs.EstimatedTotal())
	}
	r.accepted()
}
