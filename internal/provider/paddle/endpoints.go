package paddle

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// EndpointTraits of Paddle. A notification setting tells its secret in every answer and has its marks in the
// description. One with the destination and the configuration of another is refused; what counts as configuration is
// documented nowhere, so no two share a destination. Any number may exist, ten may be active. The quiet event is of
// reports, which are made by hand.
func (Adapter) EndpointTraits() provider.EndpointTraits {
	return provider.EndpointTraits{
		Secrets: provider.SecretTold, Marks: true, UniqueURL: true, QuietEvent: "report.created", MaxActive: 10,
	}
}

// maxDestination is of a destination, in bytes.
const maxDestination = 2048

var settingIDs = regexp.MustCompile(`^ntfset_[a-z0-9]{26}$`)

// endpoints are the notification settings that call a URL. Those that send mail are nobody's endpoints.
type endpoints struct{ *connection }

// List reads every endpoint of the account, active or not.
func (e *endpoints) List(ctx context.Context) ([]provider.Endpoint, error) {
	const op = "list notification settings"
	ctx, _ = withCall(ctx, op)
	list, err := e.sdk.ListNotificationSettings(ctx, &paddle.ListNotificationSettingsRequest{
		OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(pageSize),
	})
	if err != nil {
		return nil, asError(op, err)
	}
	var out []provider.Endpoint
	err = list.IterErr(ctx, func(s *paddle.NotificationSetting) error {
		switch {
		case !isSetting(s):
			return errUnexpected
		case s.Type == paddle.NotificationSettingTypeURL:
			out = append(out, e.endpointOf(s))
		}
		return nil
	})
	if err != nil {
		return nil, asError(op, err)
	}
	return out, nil
}

// Create registers an endpoint whose events have the shape of API version 1. It sends one request; nothing keeps a
// second one from making another.
func (e *endpoints) Create(ctx context.Context, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "create notification setting"
	s, err := e.setting(op, in)
	if err != nil {
		return provider.Endpoint{}, err
	}
	ctx, _ = withCall(ctx, op)
	return e.endpoint(op, "")(e.sdk.CreateNotificationSetting(ctx, &paddle.CreateNotificationSettingRequest{
		Type: paddle.NotificationSettingTypeURL, Destination: s.Destination, Description: s.Description,
		SubscribedEvents: s.events, APIVersion: &s.APIVersion, IncludeSensitiveFields: &s.IncludeSensitiveFields,
		TrafficSource: &s.TrafficSource,
	}))
}

// Update makes the endpoint what Create would have made, and active. Its secret stays.
func (e *endpoints) Update(ctx context.Context, id string, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "update notification setting"
	s, err := e.setting(op, in)
	if err != nil {
		return provider.Endpoint{}, err
	}
	if !settingIDs.MatchString(id) {
		return provider.Endpoint{}, e.notFound(op, id)
	}
	ctx, _ = withCall(ctx, op)
	return e.endpoint(op, id)(e.sdk.UpdateNotificationSetting(ctx, &paddle.UpdateNotificationSettingRequest{
		NotificationSettingID:  id,
		Description:            paddle.NewPatchField(s.Description),
		Destination:            paddle.NewPatchField(s.Destination),
		Active:                 paddle.NewPatchField(true),
		APIVersion:             paddle.NewPatchField(s.APIVersion),
		IncludeSensitiveFields: paddle.NewPatchField(s.IncludeSensitiveFields),
		SubscribedEvents:       paddle.NewPatchField(s.events),
		TrafficSource:          paddle.NewPatchField(s.TrafficSource),
	}))
}

// Delete removes an endpoint, and Paddle's log of what it was sent. One that is gone already is no error.
func (e *endpoints) Delete(ctx context.Context, id string) error {
	const op = "delete notification setting"
	if !settingIDs.MatchString(id) {
		return nil
	}
	ctx, _ = withCall(ctx, op)
	err := e.sdk.DeleteNotificationSetting(ctx, &paddle.DeleteNotificationSettingRequest{NotificationSettingID: id})
	if err == nil || provider.IsNotFound(err) {
		return nil
	}
	return asError(op, err)
}

// setting is what a create and an update say.
type setting struct {
	paddle.NotificationSetting
	events []paddle.EventTypeName
}

// setting refuses what Paddle would. In Test mode the endpoint also takes what Paddle's simulator sends; in Live mode
// it does not, because a simulated payment looks like one that was made.
func (e *endpoints) setting(op string, in provider.EndpointSpec) (setting, error) {
	fail := func(format string, args ...any) (setting, error) {
		return setting{}, &provider.Error{
			Class: provider.ClassTerminal, Provider: name, Operation: op, Message: fmt.Sprintf(format, args...),
		}
	}
	out := setting{NotificationSetting: paddle.NotificationSetting{
		Destination: in.URL, Description: describeOwner(in.Owner), APIVersion: 1, TrafficSource: paddle.TrafficSourceAll,
	}}
	if e.mode == billing.Live {
		out.TrafficSource = paddle.TrafficSourcePlatform
	}
	u, err := url.Parse(in.URL)
	switch {
	case err != nil || u.Host == "" || len(in.URL) > maxDestination:
		return fail("the URL is not an absolute one of at most %d bytes", maxDestination)
	case len(in.Events) == 0:
		return fail("a notification setting needs at least one event")
	case out.Description == "":
		return fail("the receiver's name is too long for a notification setting's description")
	}
	for _, n := range in.Events {
		if !isNative(n) {
			return fail("API version %s of Paddle has no event %q", apiVersion, n)
		}
		out.events = append(out.events, paddle.EventTypeName(n))
	}
	return out, nil
}

// endpoint checks what the SDK returned; id is what it must have, if that is known.
func (e *endpoints) endpoint(
	op, id string,
) func(*paddle.NotificationSetting, error) (provider.Endpoint, error) {
	return func(s *paddle.NotificationSetting, err error) (provider.Endpoint, error) {
		if err == nil && (!isSetting(s) || s.Type != paddle.NotificationSettingTypeURL || id != "" && s.ID != id) {
			err = errUnexpected
		}
		if err != nil {
			return provider.Endpoint{}, asError(op, err)
		}
		return e.endpointOf(s), nil
	}
}

func isSetting(s *paddle.NotificationSetting) bool {
	return s != nil && settingIDs.MatchString(s.ID) && s.Destination != "" && s.Type != ""
}

// endpointOf has the connection's mode: a key reaches only the settings of its own.
func (e *endpoints) endpointOf(s *paddle.NotificationSetting) provider.Endpoint {
	out := provider.Endpoint{
		ID: s.ID, URL: s.Destination, Owner: ownerIn(s.Description), Active: s.Active, Mode: e.mode,
		Secret: s.EndpointSecretKey,
	}
	for _, t := range s.SubscribedEvents {
		out.Events = append(out.Events, string(t.Name))
	}
	slices.Sort(out.Events)
	return out
}
