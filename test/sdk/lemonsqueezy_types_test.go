package sdk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

// newer are attributes that LemonSqueezy sends and the types of its library lack.
var newer = map[string]bool{"payment_processor": true}

// withoutNewer is JSON without them, however deep.
func withoutNewer(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutNewer(v[i])
		}
	case map[string]any:
		for name := range v {
			if v[name] = withoutNewer(v[name]); newer[name] {
				delete(v, name)
			}
		}
	}
	return v
}

// What the sandbox answers has the types that LemonSqueezy's library declares: nothing is missing, and nothing more.
func TestLemonSqueezyTypes(t *testing.T) {
	g := newLemonShop(t)
	judge := start(t, "types")
	for range 2 {
		var made found
		g.Expect(g.ask(&made, map[string]any{"ask": "sell", "variant": g.variants[0], "checkout": map[string]any{}})).
			To(Succeed())
		g.pay(made)
	}
	wrong := func(kind string, answer any) (problems []string) {
		g.Expect(judge.ask(map[string]any{"ask": "judge", "type": kind, "answer": answer}, &problems)).To(Succeed())
		return problems
	}
	for path, kind := range map[string]string{
		"orders": "Order", "subscriptions": "Subscription", "subscription-invoices": "SubscriptionInvoice",
	} {
		list := g.read("/v1/" + path + "?filter[store_id]=" + lemonStore)
		g.Expect(wrong("List"+kind+"s", list)).To(BeEmpty(), path)
		objects := list["data"].([]any)
		g.Expect(objects).To(HaveLen(2))
		one := g.read(fmt.Sprintf("/v1/%s/%s", path, objects[0].(map[string]any)["id"]))
		g.Expect(wrong(kind, one)).To(BeEmpty(), path)

		// The judge can say no.
		objects[0].(map[string]any)["attributes"].(map[string]any)["colour"] = "red"
		g.Expect(wrong("List"+kind+"s", list)).To(ConsistOf(ContainSubstring("colour")))
		delete(one["data"].(map[string]any)["attributes"].(map[string]any), "status")
		g.Expect(wrong(kind, one)).To(ConsistOf(ContainSubstring("status")))
	}
}

// Neither has what a pause and an end lead to.
func TestLemonSqueezyTypesOfChanges(t *testing.T) {
	g := newLemonShop(t)
	judge := start(t, "types")
	var made found
	g.Expect(g.ask(&made, map[string]any{"ask": "sell", "variant": g.variants[0], "checkout": map[string]any{}})).
		To(Succeed())
	g.pay(made)
	id := g.read("/v1/subscriptions")["data"].([]any)[0].(map[string]any)["id"]
	for _, c := range []struct {
		question map[string]any
		status   string
	}{
		{map[string]any{"ask": "change", "change": map[string]any{"pause": map[string]any{"mode": "void"}}}, "paused"},
		{map[string]any{"ask": "change", "change": map[string]any{"pause": nil}}, "active"},
		{map[string]any{"ask": "cancel"}, "cancelled"},
	} {
		c.question["id"] = id
		var answer map[string]any
		var problems []string
		g.Expect(g.ask(&answer, c.question)).To(Succeed())
		g.Expect(answer).To(HaveKeyWithValue("data", HaveKeyWithValue("attributes", HaveKeyWithValue("status", c.status))))
		g.Expect(judge.ask(map[string]any{
			"ask": "judge", "type": "Subscription", "answer": withoutNewer(answer),
		}, &problems)).To(Succeed())
		g.Expect(problems).To(BeEmpty(), c.status)
	}
}

// read is an answer of the sandbox.
func (s *lemonShop) read(path string) (answer map[string]any) {
	req, err := http.NewRequest(http.MethodGet, s.address+path, http.NoBody)
	s.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+lemonKey)
	req.Header.Set("Accept", "application/vnd.api+json")
	req.Header.Set("Content-Type", "application/vnd.api+json")
	res, err := http.DefaultClient.Do(req)
	s.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	s.Expect(json.NewDecoder(res.Body).Decode(&answer)).To(Succeed())
	return withoutNewer(answer).(map[string]any)
}
