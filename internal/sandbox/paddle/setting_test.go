package paddle_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// setting is the body that makes a notification setting; more begins with a comma.
func setting(destination, more string) string {
	return fmt.Sprintf(`{"description":"d","type":"url","destination":%q,"subscribed_events":["price.updated"]%s}`,
		destination, more)
}

func settingIn(t *testing.T, a answer) paddle.Setting {
	t.Helper()
	g := NewWithT(t)
	g.Expect(a.status).To(BeNumerically("<", 300), a.Error.Code)
	var out paddle.Setting
	g.Expect(json.Unmarshal(a.Data, &out)).To(Succeed())
	return out
}

// Every answer about a notification setting tells its secret, and its events as objects.
func TestSettings(t *testing.T) {
	g, s := NewWithT(t), paddle.New(paddle.Options{})
	first := settingIn(t, send(t, s, "POST", "/notification-settings", setting("https://a.example", "")))
	g.Expect(first.ID).To(MatchRegexp(`^ntfset_[a-z\d]{26}$`))
	g.Expect(first.Secret).To(MatchRegexp(`^pdl_ntfset_[a-z\d]{26}_[a-zA-Z\d]{32}$`))
	g.Expect([]any{first.Active, first.APIVersion, first.IncludeSensitiveFields, first.TrafficSource}).
		To(Equal([]any{true, 1, false, "platform"}))
	g.Expect(first.SubscribedEvents).To(HaveLen(1))
	g.Expect(first.SubscribedEvents[0].Name).To(Equal("price.updated"))
	g.Expect(first.SubscribedEvents[0].Group).To(Equal("Price"))
	at := "/notification-settings/" + first.ID
	g.Expect(settingIn(t, send(t, s, "GET", at, ""))).To(Equal(first))

	changed := settingIn(t, send(t, s, "PATCH", at,
		`{"subscribed_events":["product.created","product.created"],"active":false,"traffic_source":"all"}`))
	g.Expect(changed.SubscribedEvents).To(HaveLen(1), "the list replaces, and has each event once")
	g.Expect([]any{changed.SubscribedEvents[0].Name, changed.Active, changed.TrafficSource, changed.Secret}).
		To(Equal([]any{"product.created", false, "all", first.Secret}))

	second := settingIn(t, send(t, s, "POST", "/notification-settings", setting("https://a.example?2", "")))
	for query, want := range map[string][]string{
		"":                                    {second.ID, first.ID},
		"?active=true":                        {second.ID},
		"?active=false":                       {first.ID},
		"?traffic_source=all":                 {first.ID},
		"?order_by=id[ASC]&per_page=1":        {first.ID},
		"?order_by=id[ASC]&after=" + first.ID: {second.ID},
	} {
		var rows []paddle.Setting
		g.Expect(json.Unmarshal(send(t, s, "GET", "/notification-settings"+query, "").Data, &rows)).To(Succeed())
		var got []string
		for _, r := range rows {
			got = append(got, r.ID)
			g.Expect(r.Secret).NotTo(BeEmpty())
		}
		g.Expect(got).To(Equal(want), query)
	}
	text, err := json.Marshal(s.Account(testKey).State())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(And(ContainSubstring(first.ID), Not(ContainSubstring("pdl_ntfset"))))

	g.Expect(remove(s, at)).To(Equal(http.StatusNoContent))
	g.Expect(send(t, s, "GET", at, "").Error.Code).To(Equal("not_found"))
	g.Expect(s.Account(testKey).Settings()).To(HaveLen(1))
}

func TestSettingsAreValidated(t *testing.T) {
	g, s := NewWithT(t), paddle.New(paddle.Options{})
	id := settingIn(t, send(t, s, "POST", "/notification-settings", setting("https://a.example", ""))).ID
	for _, c := range []struct {
		why, method, body string
		status            int
		code              string
	}{
		{"nothing", "POST", `{}`, 400, "invalid_field"},
		{"an event that Paddle does not have", "POST",
			strings.Replace(setting("https://b.example", ""), "price.updated", "price.deleted", 1), 400, "invalid_field"},
		{"no event", "POST", strings.Replace(setting("https://b.example", ""), `"price.updated"`, "", 1), 400,
			"invalid_field"},
		{"only a change can have it", "POST", setting("https://b.example", `,"active":true`), 400, "invalid_field"},
		{"no version of the API", "POST", setting("https://b.example", `,"api_version":2`), 400, "invalid_field"},
		{"no URL", "POST", setting("b.example", ""), 400, "url_notification_setting_incorrect"},
		{"no address", "POST", strings.Replace(setting("b", ""), `"url"`, `"email"`, 1), 400,
			"email_notification_setting_incorrect"},
		{"the destination is taken", "POST", setting("https://a.example", `,"traffic_source":"all"`), 409,
			"notification_setting_cannot_be_duplicate"},
		{"its own destination", "PATCH", `{"destination":"https://a.example"}`, 200, ""},
		{"the type stays", "PATCH", `{"type":"email"}`, 400, "invalid_field"},
	} {
		at := "/notification-settings"
		if c.method == "PATCH" {
			at += "/" + id
		}
		a := send(t, s, c.method, at, c.body)
		g.Expect([]any{a.status, a.Error.Code}).To(Equal([]any{c.status, c.code}), c.why)
	}
}

// Ten settings can be active, and any number inactive.
func TestActiveSettingsAreLimited(t *testing.T) {
	g, s := NewWithT(t), paddle.New(paddle.Options{})
	var last string
	for i := range 10 {
		last = made(t, send(t, s, "POST", "/notification-settings", setting(fmt.Sprintf("https://%d.example", i), "")))
	}
	const full = "notification_maximum_active_settings_reached"
	g.Expect(send(t, s, "POST", "/notification-settings", setting("https://x.example", "")).Error.Code).To(Equal(full))
	at := "/notification-settings/" + last
	g.Expect(send(t, s, "PATCH", at, `{"description":"one of ten"}`).status).To(Equal(200))
	g.Expect(send(t, s, "PATCH", at, `{"active":false}`).status).To(Equal(200))
	made(t, send(t, s, "POST", "/notification-settings", setting("https://x.example", "")))
	g.Expect(send(t, s, "PATCH", at, `{"active":true}`).Error.Code).To(Equal(full))
}
