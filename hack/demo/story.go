package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// sandboxStory is the whole path, offline.
func sandboxStory(ctx context.Context, s *stage) error {
	heading("Installing Kassa: CRDs, the operator and its rights")
	if err := s.kubectl(ctx, "", "apply", "--server-side", "-k", "config/default"); err != nil {
		return err
	}
	heading("Applying the samples: a sandbox of Stripe, a PaymentProvider, two Plans, a WebhookReceiver, an application")
	if err := s.kubectl(ctx, "", "apply", "-f", "config/samples"); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *stage) error{
		plansBecomeReady, receiverBecomesReady, buy, eventArrives, changeAPrice, threeProviders,
	} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// plansBecomeReady shows the first flow: YAML becomes products and prices.
func plansBecomeReady(ctx context.Context, s *stage) error {
	heading("Flow 1: Plans become products and prices at Stripe")
	for _, name := range []string{"pro", "lifetime"} {
		plan := &v1alpha1.Plan{}
		if err := s.awaitReady(ctx, plan, name); err != nil {
			return err
		}
	}
	if err := s.kubectl(ctx, "", "get", "paymentproviders,plans", "-n", namespace); err != nil {
		return err
	}
	return s.kubectl(ctx, "", "get", "plan", "pro", "-n", namespace, "-o",
		`jsonpath={range .status.providers[0].prices[*]}{.name}{"\t"}{.id}{"\t"}{.state}{"\n"}{end}`)
}

func receiverBecomesReady(ctx context.Context, s *stage) error {
	heading("Flow 2: a receiver is deployed, and registered at Stripe")
	if err := s.awaitReady(ctx, &v1alpha1.WebhookReceiver{}, "stripe"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "", "get", "webhookreceivers,deployments,pods", "-n", namespace); err != nil {
		return err
	}
	return s.await(ctx, "the example application", func() (bool, error) {
		_, err := s.appEvents(ctx)
		return err == nil, nil
	})
}

// buy opens a checkout for the monthly price and pays with the test card.
func buy(ctx context.Context, s *stage) error {
	heading("A customer buys Pro, monthly")
	id, err := s.priceID(ctx, "pro", "monthly")
	if err != nil {
		return err
	}
	session, err := openCheckout(ctx, id)
	if err != nil {
		return err
	}
	fmt.Printf("  checkout %s is open at\n    %s\n", session.ID, session.URL)
	if err := pay(ctx, session.URL, "4000000000000002"); err == nil {
		return errors.New("the card 4000 0000 0000 0002 was not declined")
	}
	fmt.Println("  4000 0000 0000 0002 is declined, as it should be")
	if err := pay(ctx, session.URL, "4242424242424242"); err != nil {
		return err
	}
	fmt.Println("  4242 4242 4242 4242 pays 29.00 USD")
	return nil
}

// eventArrives follows the payment's event to the receiver's status and to the application.
func eventArrives(ctx context.Context, s *stage) error {
	heading("The signed event is verified, recorded in Kubernetes and delivered to the application")
	var paid *appEvent
	err := s.await(ctx, "dev.kassa.payment.succeeded at the application", func() (bool, error) {
		list, err := s.appEvents(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // the application may just be restarting
		}
		for i, e := range list.Events {
			if e.Type == "dev.kassa.payment.succeeded" {
				paid = &list.Events[i]
			}
		}
		return paid != nil, nil
	})
	if err != nil {
		return err
	}
	if p := paid.Data.Payment; p == nil || p.Amount != "29.00" || p.Currency != "USD" {
		return fmt.Errorf("the event does not say 29.00 USD: %+v", paid)
	}
	if sub := paid.Data.Subscription; sub == nil || sub.Plan != "pro" || sub.Price != "monthly" {
		return fmt.Errorf("the event does not name the plan: %+v", paid)
	}
	fmt.Printf("  %s: %s %s for plan %s, price %s\n", paid.Type, paid.Data.Payment.Amount, paid.Data.Payment.Currency,
		paid.Data.Subscription.Plan, paid.Data.Subscription.Price)
	receiver := &v1alpha1.WebhookReceiver{}
	err = s.await(ctx, "the event in the receiver's status", func() (bool, error) {
		if err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "stripe"}, receiver); err != nil {
			return false, err
		}
		for _, e := range receiver.Status.RecentEvents {
			if e.Type == "payment.succeeded" && e.Outcome == v1alpha1.OutcomeProcessed {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	return s.kubectl(ctx, "", "get", "webhookreceiver", "stripe", "-n", namespace, "-o",
		`jsonpath={range .status.recentEvents[*]}{.receivedAt}{"  "}{.outcome}{"  "}{.nativeType}{"\n"}{end}`)
}

// changeAPrice shows what makes a change of an amount safe.
func changeAPrice(ctx context.Context, s *stage) error {
	heading("The monthly price changes from 29 to 35: a new price, the key moved, the old one archived")
	before, err := s.priceID(ctx, "pro", "monthly")
	if err != nil {
		return err
	}
	err = s.kubectl(ctx, "", "patch", "plan", "pro", "-n", namespace, "--type=json",
		`-p=[{"op":"replace","path":"/spec/prices/0/amount","value":"35.00"}]`)
	if err != nil {
		return err
	}
	err = s.await(ctx, "the new price", func() (bool, error) {
		after, err := s.priceID(ctx, "pro", "monthly")
		return after != "" && after != before, err
	})
	if err != nil {
		return err
	}
	return s.kubectl(ctx, "", "get", "plan", "pro", "-n", namespace, "-o",
		`jsonpath={range .status.providers[0].prices[*]}active   {.name}{"\t"}{.id}{"\n"}{end}`+
			`{range .status.providers[0].retiredPrices[*]}retired  {.name}{"\t"}{.id}{"\t"}{.amount} {.currency}{"\n"}{end}`)
}

func (s *stage) awaitReady(ctx context.Context, object client.Object, name string) error {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1alpha1.")
	return s.await(ctx, kind+" "+name, func() (bool, error) {
		if err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, object); err != nil {
			return false, err
		}
		switch o := object.(type) {
		case *v1alpha1.Plan:
			return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady), nil
		case *v1alpha1.WebhookReceiver:
			return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady), nil
		default:
			return false, fmt.Errorf("%s has no conditions", kind)
		}
	})
}

// priceID is the provider's id of a Plan's current price, or "" while there is none.
func (s *stage) priceID(ctx context.Context, plan, price string) (string, error) {
	p := &v1alpha1.Plan{}
	if err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: plan}, p); err != nil {
		return "", err
	}
	for _, provider := range p.Status.Providers {
		for _, known := range provider.Prices {
			if known.Name == price {
				return known.ID, nil
			}
		}
	}
	return "", nil
}

type checkout struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// openCheckout does what an application's server does with a price's id.
func openCheckout(ctx context.Context, priceID string) (checkout, error) {
	form := url.Values{
		"mode": {"subscription"}, "line_items[0][price]": {priceID}, "line_items[0][quantity]": {"1"},
		"success_url":         {"https://shop.example/done?session={CHECKOUT_SESSION_ID}"},
		"cancel_url":          {"https://shop.example/pricing"},
		"client_reference_id": {"42"}, "metadata[user_id]": {"42"},
		"subscription_data[metadata][user_id]": {"42"},
	}
	var session checkout
	body, err := post(ctx, sandboxURL+"/v1/checkout/sessions", asShop, form)
	if err == nil {
		err = json.Unmarshal(body, &session)
	}
	return session, err
}

// pay fills in the hosted page. A declined card is an error.
func pay(ctx context.Context, page, card string) error {
	form := url.Values{
		"number": {card}, "exp": {"12/34"}, "cvc": {"123"}, "email": {"jane@example.com"},
	}
	_, err := post(ctx, page, "", form)
	return err
}

type appEvent struct {
	Type string `json:"type"`
	Data struct {
		Subscription *struct{ Status, Plan, Price string }      `json:"subscription"`
		Payment      *struct{ Amount, Currency, Status string } `json:"payment"`
	} `json:"data"`
}

type appEvents struct {
	Events []appEvent `json:"events"`
}

func (s *stage) appEvents(ctx context.Context) (appEvents, error) {
	var list appEvents
	body, err := call(ctx, http.MethodGet, appURL+"/events", "", "", nil)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	return list, err
}

// stripeStory is the same with Stripe's test mode. Stripe cannot reach this machine without a public address, so
// without one the receiver takes an event that the demo signs itself.
func stripeStory(ctx context.Context, s *stage, key string) error {
	public := os.Getenv("DEMO_PUBLIC_URL")
	heading("Installing Kassa: CRDs, the operator and its rights")
	if err := s.kubectl(ctx, "", "apply", "--server-side", "-k", "config/default"); err != nil {
		return err
	}
	heading("Applying a PaymentProvider for Stripe's test mode, two Plans, a WebhookReceiver, an application")
	for _, file := range []string{"00-namespace", "30-plans", "50-app"} {
		if err := s.kubectl(ctx, "", "apply", "-f", "config/samples/"+file+".yaml"); err != nil {
			return err
		}
	}
	// Through standard input: a key on a command line shows in the machine's list of processes.
	if err := s.kubectl(ctx, stripeManifests(key, public), "apply", "-f", "-"); err != nil {
		return err
	}
	if err := plansBecomeReady(ctx, s); err != nil {
		return err
	}
	if err := receiverBecomesReady(ctx, s); err != nil {
		return err
	}
	if public == "" {
		if err := sendSignedEvent(ctx, s); err != nil {
			return err
		}
	}
	return changeAPrice(ctx, s)
}
