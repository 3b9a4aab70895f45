package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// inARow is how often an answer has to be the new one until both replicas have given it.
const inARow = 4

// changeAPrice shows what makes a change of an amount safe, and that the shop follows it.
func changeAPrice(ctx context.Context, s *stage) error {
	heading("The monthly price changes from 29 to 35: a new price, the old one archived, live at the shop")
	before, err := s.pods(ctx)
	if err != nil {
		return err
	}
	err = s.kubectl(ctx, "", "patch", "plan", "pro", "-n", namespace, "--type=json",
		`-p=[{"op":"replace","path":"/spec/prices/0/amount","value":"35.00"}]`)
	if err != nil {
		return err
	}
	same := 0
	err = s.await(ctx, "35.00 USD at every replica of the shop", func() (bool, error) {
		plans, err := forSale(ctx)
		if err != nil {
			return false, err
		}
		same++
		if !strings.Contains(plans[0].words(), "monthly 35.00 USD") {
			same = 0
		}
		return same == inARow, nil
	})
	if err != nil {
		return err
	}
	after, err := s.pods(ctx)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the shop's pods were %s and are %s", before, after)
	}
	fmt.Println("  by the same pods:", after)
	return s.kubectl(ctx, "", "get", "plan", "pro", "-n", namespace, "-o",
		`jsonpath={range .status.providers[*]}{.name}{"\n"}`+
			`{range .prices[?(@.name=="monthly")]}  active   {.id}{"\n"}{end}`+
			`{range .retiredPrices[*]}  retired  {.id}  {.amount} {.currency}{"\n"}{end}{end}`)
}

// pods are the shop's, by name, and how often they restarted.
func (s *stage) pods(ctx context.Context) (string, error) {
	out, err := s.kubectlOutput(ctx, "", "get", "pods", "-n", namespace, "-l", v1alpha1.LabelCheckoutEndpoint+"=shop",
		"-o", `jsonpath={range .items[*]}{.metadata.name} ({.status.containerStatuses[0].restartCount} restarts) {end}`)
	return strings.TrimSpace(out), err
}

// costsMore opens a checkout and looks at what the provider's page asks for.
func costsMore(ctx context.Context, _ *stage) error {
	opened, err := openCheckout(ctx, buyer)
	if err != nil {
		return err
	}
	body, err := call(ctx, http.MethodGet, opened.URL, "", "", nil)
	if err != nil {
		return err
	}
	var page struct {
		AmountTotal int64 `json:"amount_total"`
		Currency    string
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return err
	}
	fmt.Printf("  the new checkout asks for %s\n", money(page.AmountTotal, strings.ToUpper(page.Currency)))
	if page.AmountTotal != 3500 {
		return errors.New("the new checkout does not ask for 35.00 USD")
	}
	return nil
}
