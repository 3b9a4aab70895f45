// Command kassa is every server of Kassa: the operator, the receivers and checkout servers that it deploys, and the
// sandbox; and what an administrator does by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of its own

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "kassa:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "kassa",
		Short:         "Run a company's payments from YAML",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newOperatorCommand(), newReceiverCommand(adapters(0)), newCheckoutCommand(adapters(0)),
		newEraseCommand(), newReplayCommand(), newSandboxCommand())
	return root
}

// adapters are those of this build. listSettle is how long the outcome of an unanswered create is awaited at a provider
// without idempotency keys; 0 leaves it to the adapter.
func adapters(listSettle time.Duration) provider.Registry {
	return provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{ListSettle: listSettle}, lemonsqueezy.Adapter{})
}

// onHost puts the host of KASSA_BIND_ADDRESS, if there is one, in front of an address that names only a port. Several
// pods share a machine where each has an address but no network namespace of its own.
func onHost(address string) string {
	if host := os.Getenv("KASSA_BIND_ADDRESS"); host != "" && strings.HasPrefix(address, ":") {
		return net.JoinHostPort(host, address[1:])
	}
	return address
}
