package run

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"
)

// checkout is one that was opened in the shop.
type checkout struct{ ID, URL, Provider string }

// buysAt has a user whom the weights of the samples lead to the provider buy Pro, monthly, and pay.
func (w *world) buysAt(provider, user, card string) (name string) {
	w.t.Helper()
	for n := 1; ; n++ {
		c := w.opens(user)
		page := c.URL
		if c.Provider == "Paddle" {
			page = "http://127.0.0.1:30111/paddle-checkout/" + c.ID
		}
		if c.Provider == provider {
			w.run("curl -H 'Accept: application/json' -d number=%s -d exp=12/34 -d cvc=123 -d email=%s@example.com '%s'",
				card, user, page)
			return user
		}
		w.Expect(n).To(BeNumerically("<", 100), provider)
		user = strings.TrimRight(user, "0123456789") + strconv.Itoa(n)
	}
}

// opens is a checkout of Pro, monthly.
func (w *world) opens(user string) checkout {
	w.t.Helper()
	var c checkout
	opened := w.run("curl -H 'Authorization: Bearer sandbox-token' -H 'Kassa-User-Id: %s' "+
		`--json '{"plan":"pro","price":"monthly"}' http://127.0.0.1:30090/v1/checkouts`, user)
	w.Expect(json.Unmarshal([]byte(opened), &c)).To(Succeed(), opened)
	return c
}

// asked is what the checkout server says to a user.
func (w *world) asked(user, method, path string) string {
	w.t.Helper()
	return w.run(`curl -X %s -H 'Authorization: Bearer sandbox-token' -H 'Kassa-User-Id: %s' http://127.0.0.1:30090%s`,
		method, user, path)
}

// subscription is the id of a user's only one, once the provider has it.
func (w *world) subscription(user string) string {
	w.t.Helper()
	var list struct{ Subscriptions []struct{ ID string } }
	w.Eventually(func(g Gomega) {
		g.Expect(json.Unmarshal([]byte(w.asked(user, "GET", "/v1/subscriptions")), &list)).To(Succeed())
		g.Expect(list.Subscriptions).To(HaveLen(1))
	}).WithPolling(2 * time.Second).Should(Succeed()) // the server has a limit for each client
	return list.Subscriptions[0].ID
}

// taken waits until the application has an event of a user, and returns its id.
func (w *world) taken(kind, user string) string {
	w.t.Helper()
	type event struct {
		ID, Type string
		Data     struct{ Customer *struct{ UserID string } }
	}
	var id string
	w.Eventually(func(g Gomega) {
		var list struct{ Events []event }
		g.Expect(json.Unmarshal([]byte(w.run("curl http://127.0.0.1:30080/events")), &list)).To(Succeed())
		for _, e := range list.Events {
			if e.Type == "dev.kassa."+kind && e.Data.Customer != nil && e.Data.Customer.UserID == user {
				id = e.ID
			}
		}
		g.Expect(id).NotTo(BeEmpty(), "%s of %s", kind, user)
	}).Should(Succeed())
	return id
}

// atProvider is the part of a CloudEvent's id that the provider gave.
func atProvider(id string) string { return id[strings.LastIndex(id, ":")+1:] }

// field is a value of an object in the shop.
func (w *world) field(object, path string) string {
	w.t.Helper()
	return w.run("kubectl -n shop get %s -o jsonpath='{%s}'", object, path)
}

// receiver waits until a value of the shop's receiver looks like that.
func (w *world) receiver(path, pattern string) {
	w.t.Helper()
	w.says(fmt.Sprintf("kubectl -n shop get webhookreceiver stripe -o jsonpath='{%s}'", path), pattern)
}
