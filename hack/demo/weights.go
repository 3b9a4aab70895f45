package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// others are users whom the samples' weights share out, eight to two.
var others = []string{"ada", "ben", "cem", "dia", "fay", "gus", "hal", "ida", "jon", "kim"}

// changeTheWeights moves new checkouts to Paddle, and nothing else.
func changeTheWeights(ctx context.Context, s *stage) error {
	heading("New checkouts move from Stripe to Paddle, live")
	if err := sharedOut(ctx, "Stripe", "Paddle"); err != nil {
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
	if err := sharedOut(ctx, "Paddle"); err != nil {
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
	if len(mine) != 1 || mine[0].Provider != "Stripe" {
		return fmt.Errorf("%s has %+v, not one subscription at Stripe", buyer, mine)
	}
	fmt.Println(" ", mine[0].words())
	return nil
}

// sharedOut opens a checkout for each of the others and shows where: at all of these providers, and no other.
func sharedOut(ctx context.Context, at ...string) error {
	opened, failed := make([]string, len(others)), make([]error, len(others))
	var wg sync.WaitGroup
	for i, user := range others {
		wg.Go(func() { opened[i], failed[i] = quietCheckout(ctx, user) })
	}
	wg.Wait()
	users := map[string][]string{}
	for i, user := range others {
		if failed[i] != nil {
			return failed[i]
		}
		users[opened[i]] = append(users[opened[i]], user)
	}
	fmt.Printf("  ten users' checkouts: at Stripe %s; at Paddle %s\n", list(users["Stripe"]), list(users["Paddle"]))
	if got := slices.Sorted(maps.Keys(users)); !slices.Equal(got, slices.Sorted(slices.Values(at))) {
		return fmt.Errorf("checkouts were opened at %v, not at %v", got, at)
	}
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
