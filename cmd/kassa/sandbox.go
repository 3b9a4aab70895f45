package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

// sandboxDrain is how long the sandbox may take to stop: open requests first, then webhooks.
const sandboxDrain = 10 * time.Second

// newSandboxCommand runs the stand-in providers until it is interrupted.
func newSandboxCommand() *cobra.Command {
	var listen string
	var opt sandbox.Options
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local stand-in of the payment providers, with a hosted test checkout and signed webhooks",
		Long: `Run a local, stateful stand-in of the payment providers' APIs. It needs no account and no network, keeps
everything in memory, and accepts any key that starts as a provider's keys do: sk_test_ or rk_test_
for Stripe, pdl_sdbx_apikey_ for Paddle, and any text for LemonSqueezy.

Stripe's API is at /v1 (and at /stripe/v1), Paddle's at /paddle, LemonSqueezy's at /lemonsqueezy, the hosted
checkout page at /pay, and the door for tests at /_kassa, where stores and variants of LemonSqueezy are made,
events of any type are sent, and the clock is advanced. The door has no protection: keep the sandbox on a
loopback address or in a test namespace.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.WebhookSpeed < 0 {
				return errors.New("--webhook-speed must not be negative")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", onHost(listen))
			if err != nil {
				return fmt.Errorf("listen on %s: %w", listen, err)
			}
			cmd.Printf("Sandbox is listening on http://%s\n", listener.Addr())
			return serveSandbox(ctx, listener, opt)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:12111", "address to listen on")
	flags.StringVar(&opt.PublicURL, "public-url", "",
		"URL at which buyers reach the sandbox (default: the host that the checkout session was created through)")
	flags.Float64Var(&opt.RateLimit, "rate-limit", 0,
		"reads and writes a second that each account, or at Paddle each address, may make; 0 is no limit")
	flags.Float64Var(&opt.WebhookSpeed, "webhook-speed", 0,
		"how many times shorter than at the providers the waits between a webhook's attempts are: 1 is as long, 60 makes "+
			"minutes of hours. 0 waits for a second, then twice as long each time up to a minute, for three days; "+
			"LemonSqueezy's own waits are that short")
	return cmd
}

func serveSandbox(ctx context.Context, listener net.Listener, opt sandbox.Options) error {
	sb := sandbox.New(opt)
	server := &http.Server{
		Handler:           sb.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), sb.Close(ctx))
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxDrain)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	if err := sb.Close(drain); err != nil {
		return fmt.Errorf("deliver the last webhooks: %w", err)
	}
	return nil
}
