package paddle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
)

var receiver = billing.Owner{Cluster: "7f0c-1", Namespace: "shop", Name: "hooks", UID: "0b4c-9"}

func wanted() provider.EndpointSpec {
	return provider.EndpointSpec{
		Owner: receiver, URL: "https://hooks.example.com/a", Events: []string{"adjustment.created", "transaction.completed"},
	}
}

const sentence = "Kept by Kassa for a WebhookReceiver. Kassa knows it by these marks: " +
	"kassa_receiver=shop/hooks kassa_uid=0b4c-9 kassa_cluster=7f0c-1"

func settingID(n int) string { return fmt.Sprintf("ntfset_%026d", n) }

func settingJSON(n int, description, kind, destination string, active bool) string {
	return fmt.Sprintf(`{"id":%q,"description":%q,"type":%q,"destination":%q,"active":%t,"api_version":1,`+
		`"include_sensitive_fields":false,"traffic_source":"all","subscribed_events":[{"name":"transaction.completed",`+
		`"group":"Transaction","available_versions":[1]},{"name":"adjustment.created"}],"endpoint_secret_key":"s-%d"}`,
		settingID(n), description, kind, destination, active, n)
}

func one(n int) string {
	return `{"data":` + settingJSON(n, sentence, "url", "https://hooks.example.com/a", true) + `}`
}

// sent is a request as it was on the wire.
type sent struct {
	method, path, query string
	body                map[string]any
}

// recorded gives every request one answer, and keeps it.
func recorded(t *testing.T, mode billing.Mode, status int, body string) (provider.Endpoints, *[]sent) {
	t.Helper()
	all := &[]sent{}
	prefix := map[billing.Mode]string{billing.Test: "sdbx", billing.Live: "live"}[mode]
	conn, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: mode, APIKey: key(prefix), HTTP: &http.Client{Transport: transport(func(r *http.Request) (int, string) {
			s := sent{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery}
			if text, err := io.ReadAll(r.Body); err == nil && len(text) > 0 {
				if err := json.Unmarshal(text, &s.body); err != nil {
					t.Error(err)
				}
			}
			*all = append(*all, s)
			return status, body
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn.Endpoints(), all
}

func TestEndpointRequests(t *testing.T) {
	g := NewWithT(t)
	fields := func(traffic string) map[string]any {
		return map[string]any{
			"description": sentence, "destination": "https://hooks.example.com/a", "api_version": 1.0,
			"include_sensitive_fields": false, "traffic_source": traffic,
			"subscribed_events": []any{"adjustment.created", "transaction.completed"},
		}
	}
	want := provider.Endpoint{
		ID: settingID(1), URL: "https://hooks.example.com/a", Owner: receiver, Active: true, Secret: "s-1",
		Events: []string{"adjustment.created", "transaction.completed"},
	}
	for mode, traffic := range map[billing.Mode]string{billing.Test: "all", billing.Live: "platform"} {
		want.Mode = mode
		endpoints, all := recorded(t, mode, http.StatusCreated, one(1))
		made, err := endpoints.Create(t.Context(), wanted())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(made).To(Equal(want))
		body := fields(traffic)
		body["type"] = "url"
		g.Expect(*all).To(Equal([]sent{{method: http.MethodPost, path: "/notification-settings", body: body}}))

		endpoints, all = recorded(t, mode, http.StatusOK, one(1))
		updated, err := endpoints.Update(t.Context(), settingID(1), wanted())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(updated).To(Equal(want))
		body = fields(traffic)
		body["active"] = true
		path := "/notification-settings/" + settingID(1)
		g.Expect(*all).To(Equal([]sent{{method: http.MethodPatch, path: path, body: body}}))
	}

	endpoints, all := recorded(t, billing.Test, http.StatusNoContent, "")
	g.Expect(endpoints.Delete(t.Context(), settingID(1))).To(Succeed())
	g.Expect(*all).To(Equal([]sent{{method: http.MethodDelete, path: "/notification-settings/" + settingID(1)}}))
}

// All pages are read, active or not. What sends mail is no endpoint, and its address is nobody's business.
func TestListEndpoints(t *testing.T) {
	g, pages := NewWithT(t), []string{}
	conn := through(t, transport(func(r *http.Request) (int, string) {
		pages = append(pages, r.URL.RawQuery)
		last := r.URL.Query().Get("after") != ""
		items := []string{
			settingJSON(1, sentence, "url", "https://hooks.example.com/a", true),
			settingJSON(2, "mail for finance", "email", "jane@example.com", true),
		}
		if last {
			items = []string{settingJSON(3, "by hand", "url", "https://hooks.example.com/b", false)}
		}
		return http.StatusOK, fmt.Sprintf(`{"data":[%s],"meta":{"pagination":{"per_page":200,"has_more":%t,"next":%q}}}`,
			strings.Join(items, ","), !last, "https://api.paddle.com/notification-settings?per_page=200&after="+settingID(2))
	}))
	list, err := conn.Endpoints().List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pages).To(Equal([]string{"order_by=id%5BASC%5D&per_page=200", "after=" + settingID(2) + "&per_page=200"}))
	events := []string{"adjustment.created", "transaction.completed"}
	g.Expect(list).To(Equal([]provider.Endpoint{
		{ID: settingID(1), URL: "https://hooks.example.com/a", Owner: receiver, Events: events, Active: true,
			Mode: billing.Test, Secret: "s-1"},
		{ID: settingID(3), URL: "https://hooks.example.com/b", Events: events, Mode: billing.Test, Secret: "s-3"},
	}))
}

// A refusal that a person has to do something about says what, and is told from the others by its error.
func TestEndpointRefusals(t *testing.T) {
	refused := func(status int, code string) (int, string) {
		return status, `{"error":{"type":"request_error","code":"` + code + `","detail":"Paddle's words."},` +
			`"meta":{"request_id":"req-1"}}`
	}
	for _, c := range []struct {
		code   string
		status int
		class  provider.Class
		is     error
		text   string
	}{
		{"notification_maximum_active_settings_reached", http.StatusBadRequest, provider.ClassTerminal,
			provider.ErrEndpointLimit, "Paddle's words. At most ten notification destinations"},
		{"notification_maximum_active_settings_reached", http.StatusConflict, provider.ClassTerminal,
			provider.ErrEndpointLimit, "deactivate or delete one"},
		{"notification_setting_cannot_be_duplicate", http.StatusConflict, provider.ClassConflict,
			provider.ErrEndpointExists, "adopt it with registration.managed.adopt"},
		{"url_notification_setting_incorrect", http.StatusBadRequest, provider.ClassTerminal, nil,
			"Paddle's words. (request"},
		{"forbidden", http.StatusForbidden, provider.ClassCredentials, nil, "Paddle's words. (request"},
	} {
		g := NewWithT(t)
		status, body := refused(c.status, c.code)
		endpoints, _ := recorded(t, billing.Test, status, body)
		_, created := endpoints.Create(t.Context(), wanted())
		_, updated := endpoints.Update(t.Context(), settingID(1), wanted())
		for _, err := range []error{created, updated} {
			g.Expect(provider.ClassOf(err)).To(Equal(c.class), c.code)
			g.Expect(err).To(MatchError(ContainSubstring(c.text)))
			for _, sentinel := range []error{provider.ErrEndpointLimit, provider.ErrEndpointExists} {
				g.Expect(errors.Is(err, sentinel)).To(Equal(errors.Is(c.is, sentinel)), c.code)
			}
		}
	}

	g := NewWithT(t)
	status, body := refused(http.StatusNotFound, "not_found")
	endpoints, _ := recorded(t, billing.Test, status, body)
	g.Expect(endpoints.Delete(t.Context(), settingID(1))).To(Succeed(), "gone already")
	_, err := endpoints.Update(t.Context(), settingID(1), wanted())
	g.Expect(provider.IsNotFound(err)).To(BeTrue())
	endpoints, _ = recorded(t, billing.Test, http.StatusNotFound, "<html>")
	g.Expect(endpoints.Delete(t.Context(), settingID(1))).NotTo(Succeed(), "a proxy knows nothing of it")
	endpoints, _ = recorded(t, billing.Test, http.StatusOK, `{"data":{}}`)
	g.Expect(endpoints.Delete(t.Context(), settingID(1))).NotTo(Succeed(), "Paddle does not answer like this")
}

// Of two destinations with one URL the second is refused, as is the eleventh that is active.
func TestEndpointsThatPaddleRefuses(t *testing.T) {
	g := NewWithT(t)
	conn, _ := inSandbox(t)
	endpoints, in := conn.Endpoints(), wanted()
	_, err := endpoints.Create(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = endpoints.Create(t.Context(), in)
	g.Expect(err).To(MatchError(provider.ErrEndpointExists))
	var last provider.Endpoint
	for n := range 9 {
		in.URL = fmt.Sprintf("https://hooks.example.com/a?n=%d", n)
		last, err = endpoints.Create(t.Context(), in)
		g.Expect(err).NotTo(HaveOccurred())
	}
	in.URL = "https://hooks.example.com/b"
	_, err = endpoints.Create(t.Context(), in)
	g.Expect(err).To(MatchError(provider.ErrEndpointLimit))
	g.Expect(endpoints.Delete(t.Context(), last.ID)).To(Succeed())
	_, err = endpoints.Create(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
}

// What Paddle would refuse, or what cannot be one of its ids, is not sent.
func TestEndpointsThatAreNotSent(t *testing.T) {
	g := NewWithT(t)
	endpoints, all := recorded(t, billing.Test, http.StatusOK, one(1))
	for reason, change := range map[string]func(*provider.EndpointSpec){
		"no events":                 func(s *provider.EndpointSpec) { s.Events = nil },
		`has no event "payments.x"`: func(s *provider.EndpointSpec) { s.Events = []string{"payments.x"} },
		"the URL is not":            func(s *provider.EndpointSpec) { s.URL = "hooks.example.com" },
		"at most 2048 bytes":        func(s *provider.EndpointSpec) { s.URL += strings.Repeat("x", 2048) },
		"too long for":              func(s *provider.EndpointSpec) { s.Owner.Name = strings.Repeat("x", 400) },
	} {
		in := wanted()
		change(&in)
		_, err := endpoints.Create(t.Context(), in)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), reason)
		if reason != "no events" {
			g.Expect(err).To(MatchError(ContainSubstring(reason)))
		}
		_, err = endpoints.Update(t.Context(), settingID(1), in)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), reason)
	}
	for _, id := range []string{"", "we_1", "ntfset_1", settingID(1) + "/x", "../products"} {
		g.Expect(endpoints.Delete(t.Context(), id)).To(Succeed())
		_, err := endpoints.Update(t.Context(), id, wanted())
		g.Expect(provider.IsNotFound(err)).To(BeTrue(), id)
	}
	g.Expect(*all).To(BeEmpty())
}

// An answer that is not the endpoint asked for says nothing about what was done.
func TestAnswersThatAreNoEndpoint(t *testing.T) {
	page := func(items string) string {
		return `{"data":[` + items + `],"meta":{"pagination":{"has_more":false,"next":""}}}`
	}
	for reason, body := range map[string]string{
		"nothing":            "",
		"no JSON":            "<html>secret",
		"no object":          `{"data":null}`,
		"another object":     `{"data":{"id":"pro_1"}}`,
		"no destination":     `{"data":{"id":"` + settingID(1) + `","type":"url"}}`,
		"mail":               `{"data":` + settingJSON(1, "x", "email", "jane@example.com", true) + `}`,
		"a list of null":     page("null"),
		"a list of numbers":  page("1"),
		"a list of products": page(productJSON(1)),
		"another endpoint":   one(2),
	} {
		g := NewWithT(t)
		endpoints, _ := recorded(t, billing.Test, http.StatusOK, body)
		calls := map[string]func() error{
			"list":   func() error { _, err := endpoints.List(t.Context()); return err },
			"update": func() error { _, err := endpoints.Update(t.Context(), settingID(1), wanted()); return err },
			"create": func() error { _, err := endpoints.Create(t.Context(), wanted()); return err },
		}
		if reason == "another endpoint" {
			delete(calls, "create") // there is no other
		}
		for name, call := range calls {
			err := call()
			g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), "%s: %s: %v", name, reason, err)
			g.Expect(err.Error()).NotTo(Or(ContainSubstring("secret"), ContainSubstring("jane")))
		}
	}
}

// Marks survive what people do to a description in Paddle's dashboard.
func TestMarksInADescription(t *testing.T) {
	for _, c := range []struct {
		reason, description string
		want                billing.Owner
	}{
		{"as it was written", sentence, receiver},
		{"nothing", "", billing.Owner{}},
		{"somebody else's", "Slack notifications", billing.Owner{}},
		{"in another order, among other words",
			"PROD hooks!\n(kassa_cluster=7f0c-1; kassa_uid=0b4c-9, \"kassa_receiver=shop/hooks\"). Ask Jane.", receiver},
		{"at the ends of sentences", "kassa_receiver=shop/hooks. kassa_uid=0b4c-9. kassa_cluster=7f0c-1.", receiver},
		{"twice", sentence + " kassa_receiver=other/other kassa_uid=x kassa_cluster=y", receiver},
		{"the name is gone; who it is counts", "kassa_uid=0b4c-9 kassa_cluster=7f0c-1",
			billing.Owner{Cluster: "7f0c-1", UID: "0b4c-9"}},
		{"the UID is gone", "kassa_receiver=shop/hooks kassa_cluster=7f0c-1",
			billing.Owner{Cluster: "7f0c-1", Namespace: "shop", Name: "hooks"}},
		{"a mark without a value", "kassa_uid= kassa_cluster=", billing.Owner{}},
	} {
		g := NewWithT(t)
		endpoints, _ := recorded(t, billing.Test, http.StatusOK, `{"data":[`+
			settingJSON(1, c.description, "url", "https://x.example.com", true)+
			`],"meta":{"pagination":{"has_more":false,"next":""}}}`)
		list, err := endpoints.List(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(list[0].Owner).To(Equal(c.want), c.reason)
	}
	g := NewWithT(t)
	long := wanted()
	long.Owner = billing.Owner{
		Cluster: strings.Repeat("c", 36), UID: strings.Repeat("u", 36), Namespace: strings.Repeat("n", 63),
		Name: strings.Repeat("r", 253),
	}
	endpoints, all := recorded(t, billing.Test, http.StatusCreated, one(1))
	_, err := endpoints.Create(t.Context(), long)
	g.Expect(err).NotTo(HaveOccurred(), "the longest names that Kubernetes has")
	text, _ := (*all)[0].body["description"].(string)
	g.Expect(len(text)).To(BeNumerically("<=", 500))
}
