package sdk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
)

// Kassa reads what happened, and does what dunning does, as LemonSqueezy's own library would.
func TestLemonSqueezyHistoryAndDunning(t *testing.T) {
	p := start(t, "lemonsqueezy")
	page := map[string]any{"number": 1, "size": 100}
	read := func(cursor string) func(context.Context, provider.Connection) error {
		return func(ctx context.Context, conn provider.Connection) error {
			_, err := conn.(provider.History).Events(ctx, provider.Span{From: time.Unix(0, 0)}, cursor)
			return err
		}
	}
	failed := &billing.Event{Native: []byte(`{"meta":{"event_name":"subscription_payment_failed","test_mode":true},` +
		`"data":{"type":"subscription-invoices","id":"5","attributes":{"store_id":77,"subscription_id":601}}}`)}
	for reason, c := range map[string]struct {
		question map[string]any
		run      func(context.Context, provider.Connection) error
	}{
		"orders":        {map[string]any{"ask": "orders", "page": page}, read("")},
		"subscriptions": {map[string]any{"ask": "subscriptions", "page": page}, read("subscriptions:1")},
		"invoices":      {map[string]any{"ask": "invoices", "page": page}, read("subscription-invoices:1")},
		"arrears": {
			map[string]any{"ask": "invoice", "id": "5"},
			func(ctx context.Context, conn provider.Connection) error {
				_, err := conn.(provider.Dunner).Dunning().Arrears(ctx, failed)
				return err
			},
		},
		"pause": {
			map[string]any{"ask": "change", "id": "601", "change": map[string]any{"pause": map[string]any{"mode": "void"}}},
			func(ctx context.Context, conn provider.Connection) error {
				_, err := conn.(provider.Dunner).Dunning().Pause(ctx, "601")
				return err
			},
		},
	} {
		t.Run(reason, func(t *testing.T) { sameRequest(t, p, "past_due", c.question, c.run) })
	}
}

// lemonObject is one as LemonSqueezy's API has it.
type lemonObject struct {
	Type, ID             string
	Attributes           map[string]any
	Relationships, Links map[string]any
}

// unsigned leaves out of links to the customer's pages until when they are good, which each answer says anew.
func (o lemonObject) unsigned() lemonObject {
	urls, _ := o.Attributes["urls"].(map[string]any)
	for name, link := range urls {
		if text, signed := link.(string); signed {
			urls[name], _, _ = strings.Cut(text, "?expires=")
		}
	}
	return o
}

// What Kassa makes events of is what LemonSqueezy's library lists.
func TestLemonSqueezyHistoryInSandbox(t *testing.T) {
	g := newLemonShop(t)
	for range 3 {
		var made found
		g.Expect(g.ask(&made, map[string]any{"ask": "sell", "variant": g.variants[0], "checkout": map[string]any{}})).
			To(Succeed())
		g.pay(made)
	}
	listed := map[string]lemonObject{}
	for _, question := range []string{"orders", "subscriptions", "invoices"} {
		for number := 1; number <= 2; number++ {
			var list struct{ Data []lemonObject }
			page := map[string]any{"number": number, "size": 2}
			g.Expect(g.ask(&list, map[string]any{"ask": question, "page": page})).To(Succeed())
			g.Expect(list.Data).To(HaveLen(3-number), question)
			for _, o := range list.Data {
				listed[o.Type+" "+o.ID] = o.unsigned()
			}
		}
	}
	g.Expect(listed).To(HaveLen(9))

	conn, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: lemonKey, StoreID: lemonStore, BaseURL: g.address, HTTP: http.DefaultClient,
	})
	g.Expect(err).NotTo(HaveOccurred())
	told, span := map[string]lemonObject{}, provider.Span{From: time.Now().Add(-time.Hour)}
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, err := conn.(provider.History).Events(t.Context(), span, cursor)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(page.Malformed).To(BeZero())
		for _, e := range page.Events {
			var native struct{ Data lemonObject }
			g.Expect(json.Unmarshal(e.Native, &native)).To(Succeed())
			told[native.Data.Type+" "+native.Data.ID] = native.Data.unsigned()
		}
		cursor = page.Next
	}
	g.Expect(told).To(Equal(listed))
	for name, o := range listed {
		if o.Type != "subscription-invoices" {
			continue
		}
		var invoice struct{ Data lemonObject }
		g.Expect(g.ask(&invoice, map[string]any{"ask": "invoice", "id": o.ID})).To(Succeed())
		g.Expect(invoice.Data.unsigned()).To(Equal(o), name)
	}
}
