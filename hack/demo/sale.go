package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// buyer is whom the story is about. The weights of the samples lead her to Stripe.
const buyer = "jane"

const (
	goodCard     = "4242424242424242"
	declinedCard = "4000000000000002"
)

// buy opens a checkout for the monthly price, and pays as a person in a browser would.
func buy(ctx context.Context, _ *stage) error {
	heading("Jane buys Pro, monthly")
	opened, err := openCheckout(ctx, buyer)
	if err != nil {
		return err
	}
	_, err = pay(ctx, opened.URL, buyer, declinedCard)
	refused, ok := errors.AsType[*refusedError](err)
	if !ok || refused.status != http.StatusPaymentRequired {
		return fmt.Errorf("the card %s was not declined: %w", declinedCard, err)
	}
	fmt.Printf("  the card 4000 0000 0000 0002: HTTP %d, %s\n", refused.status, refused.message)
	next, err := pay(ctx, opened.URL, buyer, goodCard)
	if err != nil {
		return err
	}
	thanks, err := call(ctx, http.MethodGet, next, "", "", nil)
	if err != nil {
		return err
	}
	if !strings.Contains(string(thanks), "Thank you") {
		return fmt.Errorf("the buyer was led to %s, which does not thank", next)
	}
	fmt.Printf("  the card 4242 4242 4242 4242: paid, and on to %s/done, which says thank you\n", appURL)
	return nil
}

// pay fills in the hosted page, and returns where it leads to. A declined card is a refusedError.
func pay(ctx context.Context, page, user, card string) (next string, err error) {
	body, err := post(ctx, page, "", url.Values{
		"number": {card}, "exp": {"12/34"}, "cvc": {"123"}, "email": {user + "@example.com"},
	})
	if err != nil {
		return "", err
	}
	var out struct{ Status, Redirect string }
	if err := json.Unmarshal(body, &out); err != nil {
		return "", err
	}
	if out.Status != "complete" {
		return "", fmt.Errorf("the checkout is %q after the payment", out.Status)
	}
	return out.Redirect, nil
}

// eventArrives follows the payment's event to the application and to the receiver's status.
func eventArrives(ctx context.Context, s *stage) error {
	heading("The signed event is verified, recorded in Kubernetes and delivered to the application")
	paid, err := s.awaitEvent(ctx, "dev.kassa.payment.succeeded", buyer)
	if err != nil {
		return err
	}
	if p := paid.Data.Payment; p == nil || p.Amount != "29.00" || p.Currency != "USD" {
		return fmt.Errorf("the event does not say 29.00 USD: %+v", paid)
	}
	if sub := paid.Data.Subscription; sub == nil || sub.Plan != "pro" || sub.Price != "monthly" {
		return fmt.Errorf("the event does not name the plan: %+v", paid)
	}
	receiver := &v1alpha1.WebhookReceiver{}
	err = s.await(ctx, "the event in the receiver's status", func() (bool, error) {
		if err := s.get(ctx, receiver, "stripe"); err != nil {
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

// openForPerson opens a checkout that a person has to pay: Stripe's page takes no card from programs.
func openForPerson(ctx context.Context, _ *stage) error {
	heading("Jane wants to buy Pro, monthly")
	if _, err := openCheckout(ctx, buyer); err != nil {
		return err
	}
	fmt.Println("  open it in a browser, and pay with the card 4242 4242 4242 4242")
	return nil
}
