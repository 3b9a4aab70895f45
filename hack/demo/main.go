// Command demo shows Kassa's main job on this machine: a real API server, the operator with the rights that it ships
// with, a sandbox of the providers, the deployed shop and receivers, and an application that sells through the one and
// gets the events of the others. `make demo` runs it.
//
// DEMO_ONCE=1 ends with a verdict instead of staying up. STRIPE_API_KEY=sk_test_… uses Stripe's test mode instead of
// the sandbox; DEMO_PUBLIC_URL is then the public https address of the receiver, if there is one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

func main() {
	ctrllog.SetLogger(logr.Discard()) // what goes wrong is returned
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	once := os.Getenv("DEMO_ONCE") != ""
	if err := run(ctx, once); err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		if once {
			fmt.Println("verdict: FAILED")
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, once bool) error {
	started := time.Now()
	key := os.Getenv("STRIPE_API_KEY")
	if key != "" && !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "rk_test_") {
		return errors.New("STRIPE_API_KEY must be a test key (sk_test_… or rk_test_…): the demo touches no real money")
	}
	s, err := newStage(ctx, key != "")
	if err != nil {
		return err
	}
	defer s.close()
	story := sandboxStory
	if key != "" {
		story = stripeStory(key, os.Getenv("DEMO_PUBLIC_URL"))
	}
	if err := story(ctx, s); err != nil {
		s.tellWhatFailed(ctx)
		return err
	}
	if once {
		fmt.Printf("\nverdict: OK (%d s)\n", int(time.Since(started).Seconds()))
		return nil
	}
	s.tellHowToGoOn(key == "")
	<-ctx.Done()
	fmt.Println("\nstopping, which takes a few seconds")
	return nil
}
