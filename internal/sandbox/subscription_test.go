package sandbox_test

import (
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"
)

func found(w *world, query string) []string {
	w.t.Helper()
	it := w.api.Subscriptions.Search(&stripego.SubscriptionSearchParams{
		SearchParams: stripego.SearchParams{Query: query, Limit: stripego.Int64(1)},
	})
	ids := []string{}
	for it.Next() {
		ids = append(ids, it.Subscription().ID)
	}
	w.g.Expect(it.Err()).NotTo(HaveOccurred(), query)
	return ids
}

func ofUser(id string) sessionChange {
	return func(in *stripego.CheckoutSessionParams) {
		in.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"user_id": id}}
	}
}

func TestSearch(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	a, b := w.subscribed("4242424242424242", ofUser("o'neil")), w.subscribed("4242424242424242", ofUser(`b\`))
	_, err := w.api.Subscriptions.Cancel(a.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	for query, want := range map[string][]string{
		`metadata['user_id']:'o\'neil'`:                            {a.ID},
		`metadata["user_id"]:"O'Neil"`:                             {a.ID},
		`metadata['user_id']:'b\\'`:                                {b.ID},
		`metadata['user_id']:'x\' OR status:\'active'`:             {},
		`metadata['user_id']:'x' OR status:'active'`:               {b.ID},
		`-metadata['user_id']:'x' AND status:'canceled'`:           {a.ID},
		`metadata['user_id']~'ne'`:                                 {a.ID},
		`created>0`:                                                {b.ID, a.ID},
		`status:'active' metadata['user_id']:'b\\' created<=1e300`: {},
	} {
		g.Expect(found(w, query)).To(Equal(want), query)
	}
	for _, wrong := range []string{
		`metadata['user_id']:'`, `colour:'red'`, `status:'a' AND status:'b' OR status:'c'`, `'`,
	} {
		status, _, _ := w.raw("GET", "/v1/subscriptions/search?query="+url.QueryEscape(wrong), nil)
		g.Expect(status).To(Equal(400), wrong)
	}
}

func TestListSubscriptions(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	a, b := w.subscribed("4242424242424242"), w.subscribed("4242424242424242")
	_, err := w.api.Subscriptions.Cancel(a.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	for _, c := range []struct {
		in   *stripego.SubscriptionListParams
		want []string
	}{
		{&stripego.SubscriptionListParams{}, []string{b.ID}},
		{&stripego.SubscriptionListParams{Status: stripego.String("all")}, []string{b.ID, a.ID}},
		{&stripego.SubscriptionListParams{Status: stripego.String("ended")}, []string{a.ID}},
		{&stripego.SubscriptionListParams{Customer: &b.Customer.ID}, []string{b.ID}},
		{&stripego.SubscriptionListParams{Price: &a.Items.Data[0].Price.ID}, []string{}},
	} {
		ids, it := []string{}, w.api.Subscriptions.List(c.in)
		for it.Next() {
			ids = append(ids, it.Subscription().ID)
		}
		g.Expect(it.Err()).NotTo(HaveOccurred())
		g.Expect(ids).To(Equal(c.want))
	}
}

// change is what moves the first item to a price.
func change(sub *stripego.Subscription, price, proration string) *stripego.SubscriptionParams {
	return &stripego.SubscriptionParams{
		Items:             []*stripego.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &price}},
		ProrationBehavior: &proration, PaymentBehavior: stripego.String("error_if_incomplete"),
	}
}

func TestChangeOfPlan(t *testing.T) {
	billed := append([]string{"invoiceitem.created", "invoiceitem.created", "invoice.created"}, charged...)
	yearly := func(in *stripego.PriceParams) {
		in.Recurring = &stripego.PriceRecurringParams{Interval: stripego.String("year")}
	}
	for reason, c := range map[string]struct {
		proration string
		amount    int64
		price     func(*stripego.PriceParams)
		events    []string
		due, next int64 // now, and with the next renewal
	}{
		"dearer, at once":  {"always_invoice", 5900, monthly, billed, 3000, 11800},
		"dearer, later":    {"create_prorations", 5900, monthly, billed[:2], 0, 14800},
		"dearer, for free": {"none", 5900, monthly, nil, 0, 11800},
		"cheaper, at once": {"always_invoice", 1900, monthly, append([]string{
			"invoiceitem.created", "invoiceitem.created", "invoice.created", "customer.updated", "invoice.finalized",
		}, charged[4:]...), 0, 2800},
		"each year": {"always_invoice", 29000, yearly, append([]string{"invoiceitem.created", "invoice.created"},
			charged...), 55100, 58000},
	} {
		t.Run(reason, func(t *testing.T) {
			w := newYearWorld(t)
			g := w.g
			sub := w.subscribed("4242424242424242")
			w.advance(31 * day / 2) // half of the month
			price := w.price(w.product("Team").ID, c.amount, c.price)
			n := len(w.eventTypes())
			is, err := w.api.Subscriptions.Update(sub.ID, change(sub, price.ID, c.proration))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.since(n)).To(Equal(append(append([]string{}, c.events...), "customer.subscription.updated")))
			g.Expect(is.Items.Data).To(HaveLen(1))
			g.Expect(is.Items.Data[0].ID).To(Equal(sub.Items.Data[0].ID))
			g.Expect(is.Items.Data[0].Price.ID).To(Equal(price.ID))
			g.Expect(is.Items.Data[0].Quantity).To(Equal(int64(2)))
			if latest := w.subscription(sub.ID).LatestInvoice; latest.ID != sub.LatestInvoice.ID {
				g.Expect(latest.AmountPaid).To(Equal(c.due))
			}
			w.advance(366 * day)
			it := w.api.Events.List(&stripego.EventListParams{Type: stripego.String("invoice.paid")})
			var paid []int64
			for it.Next() {
				paid = append(paid, int64(it.Event().Data.Object["amount_paid"].(float64)))
			}
			first := len(paid) - 2
			if c.due != 0 || reason == "cheaper, at once" {
				first--
			}
			g.Expect(paid[first]).To(Equal(c.next))
		})
	}
}

func TestAChangeThatCanNotBePaidFor(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4000000000000341")
	w.advance(31 * day / 2)
	dear := w.price(w.product("Team").ID, 5900, monthly)
	n := len(w.eventTypes())
	in := change(sub, dear.ID, "always_invoice")
	_, err := w.api.Subscriptions.Update(sub.ID, in)
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(402))
	g.Expect(stripeError(t, err).Code).To(Equal(stripego.ErrorCodeCardDeclined))
	g.Expect(w.since(n)).To(BeEmpty())
	g.Expect(w.subscription(sub.ID).Items.Data[0].Price.ID).To(Equal(sub.Items.Data[0].Price.ID))

	in.PaymentBehavior = stripego.String("allow_incomplete")
	is, err := w.api.Subscriptions.Update(sub.ID, in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusPastDue), "had, though not paid for")
	g.Expect(is.Items.Data[0].Price.ID).To(Equal(dear.ID))
}

func TestItemsOfAnUpdate(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4242424242424242")
	more, once := w.price(w.product("More").ID, 100, monthly), w.price(w.product("Once").ID, 100)
	item := func(in stripego.SubscriptionItemsParams) *stripego.SubscriptionParams {
		return &stripego.SubscriptionParams{Items: []*stripego.SubscriptionItemsParams{&in}}
	}
	is, err := w.api.Subscriptions.Update(sub.ID, item(stripego.SubscriptionItemsParams{Price: &more.ID}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Items.Data).To(HaveLen(2), "without its id it is another")
	is, err = w.api.Subscriptions.Update(sub.ID, item(stripego.SubscriptionItemsParams{
		ID: &is.Items.Data[1].ID, Deleted: stripego.Bool(true),
	}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Items.Data).To(HaveLen(1))
	for _, wrong := range []stripego.SubscriptionItemsParams{
		{ID: stripego.String("si_no"), Price: &more.ID}, {Price: &once.ID}, {Price: stripego.String("price_no")},
		{ID: &is.Items.Data[0].ID, Deleted: stripego.Bool(true)},
	} {
		_, err = w.api.Subscriptions.Update(sub.ID, item(wrong))
		g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(400))
	}
	g.Expect(w.subscription(sub.ID).Items.Data).To(HaveLen(1))
}

// A metered price has no quantity: whoever sends one, though the item had one before, is refused.
func TestAMeteredItemHasNoQuantity(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4242424242424242")
	usage := w.price(w.product("Calls").ID, 5, func(in *stripego.PriceParams) {
		in.Recurring = &stripego.PriceRecurringParams{
			Interval: stripego.String("month"), UsageType: stripego.String("metered"),
		}
	})
	in := change(sub, usage.ID, "none")
	in.Items[0].Quantity = stripego.Int64(2)
	_, err := w.api.Subscriptions.Update(sub.ID, in)
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(400))
	g.Expect(stripeError(t, err).Param).To(Equal("items[0][quantity]"))
	is, err := w.api.Subscriptions.Update(sub.ID, change(sub, usage.ID, "none"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Items.Data[0].Price.ID).To(Equal(usage.ID))
	g.Expect(is.Items.Data[0].Quantity).To(BeZero())
	is, err = w.api.Subscriptions.Update(sub.ID, change(sub, sub.Items.Data[0].Price.ID, "none"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Items.Data[0].Quantity).To(Equal(int64(1)))
}
