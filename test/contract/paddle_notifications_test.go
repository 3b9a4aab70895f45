package contract_test

import (
	"errors"
	"testing"

	paddlesdk "github.com/PaddleHQ/paddle-go-sdk/v4"
	"github.com/PaddleHQ/paddle-go-sdk/v4/pkg/paddleerr"
	"github.com/google/go-cmp/cmp"
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
