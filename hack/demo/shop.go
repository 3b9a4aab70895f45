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

const (
	// shopURL is that of the CheckoutEndpoint in config/samples/60-shop.yaml.
	shopURL = "http://127.0.0.1:30090"
	// shopToken is the one in config/samples/50-app.yaml, which makes whoever has it the application's own server.
	shopToken = "sandbox-token"
)

// shopOpens shows the third flow: a server that sells the Plans.
func shopOpens(ctx context.Context, s *stage) error {
	heading("A CheckoutEndpoint sells the Plans")
	if err := s.awaitReady(ctx, &v1alpha1.CheckoutEndpoint{}, "shop"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "", "get", "checkoutendpoints,deployments", "-n", namespace); err != nil {
		return err
	}
	fmt.Printf("$ SHOP=%s TOKEN='Authorization: Bearer %s'\n", shopURL, shopToken)
	sold, err := forSale(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("$ curl $SHOP/v1/plans\n")
	for _, p := range sold {
		fmt.Printf("  %-9s %s\n", p.Name, p.words())
	}
	page, err := call(ctx, http.MethodGet, shopURL+"/", "", "", nil)
	if err != nil {
		return err
	}
	if !strings.Contains(string(page), sold[0].DisplayName) {
		return errors.New("the page of prices does not show the plan")
	}
	fmt.Printf("  The page of prices is at %s/\n", shopURL)
	return nil
}

// plan is one of GET /v1/plans.
type plan struct {
	Name, DisplayName string
	Prices            []struct {
		Name    string
		Amounts []struct {
			Currency string
			Minor    int64
		}
	}
}

func (p plan) words() string {
	var out []string
	for _, price := range p.Prices {
		for _, a := range price.Amounts {
			out = append(out, fmt.Sprintf("%s %s", price.Name, money(a.Minor, a.Currency)))
		}
	}
	return strings.Join(out, ", ")
}

// money writes an amount of a currency with two decimals, as those of the samples are.
func money(minor int64, currency string) string {
	return fmt.Sprintf("%d.%02d %s", minor/100, minor%100, currency)
}

func forSale(ctx context.Context) ([]plan, error) {
	var list struct{ Plans []plan }
	body, err := call(ctx, http.MethodGet, shopURL+"/v1/plans", "", "", nil)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err == nil && len(list.Plans) == 0 {
		err = errors.New("the CheckoutEndpoint has nothing to sell")
	}
	return list.Plans, err
}

// checkout is the answer to POST /v1/checkouts.
type checkout struct{ ID, URL, Provider string }

// proMonthly is what is bought: a name of a price, and no amount.
var proMonthly = map[string]string{"plan": "pro", "price": "monthly"}

// openCheckout does what an application's server does for a user.
func openCheckout(ctx context.Context, user string) (checkout, error) {
	var out checkout
	if err := ask(ctx, user, http.MethodPost, "/v1/checkouts", proMonthly, &out); err != nil {
		return out, err
	}
	fmt.Printf("  at %s: %s\n", out.Provider, out.URL)
	return out, nil
}

// ask shows a request as a line for the shell, and sends it.
func ask(ctx context.Context, user, method, path string, in, into any) error {
	line := fmt.Sprintf(`$ curl -H "$TOKEN" -H 'Kassa-User-Id: %s'`, user)
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		line += fmt.Sprintf(` --json '%s'`, body)
	}
	fmt.Printf("%s $SHOP%s\n", line, path)
	return askQuietly(ctx, user, method, path, in, into)
}

func askQuietly(ctx context.Context, user, method, path string, in, into any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{
		"Authorization": {"Bearer " + shopToken}, "Kassa-User-Id": {user}, "Content-Type": {"application/json"},
	}
	if in == nil {
		body = nil
	}
	answer, err := send(ctx, method, shopURL+path, header, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}
