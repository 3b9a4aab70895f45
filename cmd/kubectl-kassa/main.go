// Command kubectl-kassa is a plugin of kubectl: kubectl kassa.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // a minimal machine has no certificates
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// version is set by the linker.
var version = "dev"

// patience is how long a command may take to end after an interrupt. One that waits for the standard input, or for an
// API server that does not answer, does not see it.
const patience = time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		time.AfterFunc(patience, func() { os.Exit(kubectl.ExitFailed) })
	})
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	err := newCommand(streams).ExecuteContext(ctx)
	if err != nil && !errors.Is(err, kubectl.ErrFound) && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "error:", kubectl.Shown(kubectl.Explained(err).Error()))
	}
	os.Exit(kubectl.ExitCode(err))
}

func newCommand(streams genericiooptions.IOStreams) *cobra.Command {
	registry := provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{})
	o := kubectl.NewOptions(streams, registry)
	root := &cobra.Command{
		Use:   "kubectl-kassa",
		Short: "Look after a company's payments in Kubernetes",
		// Completion and help speak of the command as people type it.
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl kassa"},
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	o.AddFlags(root.PersistentFlags())
	_ = root.RegisterFlagCompletionFunc("namespace", namespaceNames(o))
	root.AddCommand(commands(o)...)
	return root
}

// commands are in the order of their names.
func commands(o *kubectl.Options) []*cobra.Command {
	return []*cobra.Command{
		diffCommand(o),
		eventsCommand(o),
		importCommand(o),
		statusCommand(o),
		triggerCommand(o),
		validateCommand(o),
	}
}
