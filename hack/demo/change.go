package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

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

// others are users whom the samples' weights share out, eight to two.
var others = []string{"ada", "ben", "cem", "dia", "fay", "gus", "hal", "ida", "jon", "kim"}

// changeTheWeights moves new checkouts to Paddle, and nothing else.
func changeTheWeights(ctx context.Context, s *stage) error {
	heading("New checkouts move from Stripe to Paddle, live")
	if err := sharedOut(ctx); err != nil {
		return err
	}
	err := s.kubectl(ctx, "", "patch", "checkoutendpoint", "shop", "-n", namespace, "--type=merge",
		`-p={"spec":{"providers":[{"name":"stripe","weight":0},{"name":"paddle","weight":1}]}}`)
	if err != nil {
		return err
	}
	visitors, same := 0, 0
	err = s.await(ctx, "the new weights at every replica", func() (bool, error) {
		visitors++
		at, err := quietCheckout(ctx, fmt.Sprintf("visitor-%d", visitors))
		same++
		if err != nil || at != "Paddle" {
			same = 0 // a busy machine may be too slow for a provider's time limit
		}
		return same == inARow, nil
	})
	if err != nil {
		return err
	}
	if err := sharedOut(ctx); err != nil {
		return err
	}
	if err := buyAtPaddle(ctx, s); err != nil {
		return err
	}
	fmt.Println("  What was sold at Stripe stays there, and is managed there:")
	mine, err := subscriptions(ctx, buyer)
	if err != nil {
		return err
	}
	for _, sub := range mine {
		fmt.Println(" ", sub.words())
	}
	return nil
}

// sharedOut opens a checkout for each of the others and shows where.
func sharedOut(ctx context.Context) error {
	at, failed := make([]string, len(others)), make([]error, len(others))
	var wg sync.WaitGroup
	for i, user := range others {
		wg.Go(func() { at[i], failed[i] = quietCheckout(ctx, user) })
	}
	wg.Wait()
	users := map[string][]string{}
	for i, user := range others {
		if failed[i] != nil {
			return failed[i]
		}
		users[at[i]] = append(users[at[i]], user)
	}
	fmt.Printf("  ten users' checkouts: at Stripe %s; at Paddle %s\n", list(users["Stripe"]), list(users["Paddle"]))
	return nil
}

func list(users []string) string { return cmp.Or(strings.Join(users, ", "), "none") }

// quietCheckout opens a checkout and says where.
func quietCheckout(ctx context.Context, user string) (string, error) {
	var out checkout
	err := askQuietly(ctx, user, http.MethodPost, "/v1/checkouts", proMonthly, &out)
	return out.Provider, err
}

// buyAtPaddle pays where Paddle's script would lead a browser.
func buyAtPaddle(ctx context.Context, s *stage) error {
	const user = "ben"
	opened, err := openCheckout(ctx, user)
	if err != nil {
		return err
	}
	if _, err := call(ctx, http.MethodGet, opened.URL, "", "", nil); err != nil {
		return err
	}
	if _, err := pay(ctx, sandboxURL+"/paddle-checkout/"+opened.ID, user, goodCard); err != nil {
		return err
	}
	fmt.Println("  the card 4242 4242 4242 4242: paid")
	_, err = s.awaitEvent(ctx, "dev.kassa.checkout.completed", user)
	return err
}
