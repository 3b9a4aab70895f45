package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

// completionTime is how long a shell waits for names from the cluster.
const completionTime = 3 * time.Second

// list reads the objects of the namespace that is meant, while a shell completes. Mistakes complete nothing.
func list(cmd *cobra.Command, o *kubectl.Options, into client.ObjectList) bool {
	c, err := o.Client()
	if err != nil {
		return false
	}
	namespace, err := o.Namespace()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	return c.List(ctx, into, client.InNamespace(namespace)) == nil
}

// receiverNames completes the name of a WebhookReceiver.
func receiverNames(cmd *cobra.Command, o *kubectl.Options, typed string) []cobra.Completion {
	var receivers v1alpha1.WebhookReceiverList
	if !list(cmd, o, &receivers) {
		return nil
	}
	var out []cobra.Completion
	for i := range receivers.Items {
		r := &receivers.Items[i]
		about := ""
		if p := r.Status.Provider; p != nil {
			about = string(p.Type) + ", " + string(p.Mode)
		}
		out = append(out, cobra.CompletionWithDesc(r.Name, about))
	}
	return starting(out, typed)
}

// planNames completes PLAN, and PLAN/PRICE once there is a slash.
func planNames(cmd *cobra.Command, o *kubectl.Options, typed string) []cobra.Completion {
	var plans v1alpha1.PlanList
	if !list(cmd, o, &plans) {
		return nil
	}
	var out []cobra.Completion
	for i := range plans.Items {
		p := &plans.Items[i]
		if !strings.Contains(typed, "/") {
			out = append(out, cobra.CompletionWithDesc(p.Name, p.Spec.DisplayName))
			continue
		}
		for _, price := range p.Spec.Prices {
			out = append(out, cobra.CompletionWithDesc(p.Name+"/"+price.Name, string(price.Amount)+" "+string(price.Currency)))
		}
	}
	return starting(out, typed)
}

func starting(all []cobra.Completion, typed string) []cobra.Completion {
	return slices.DeleteFunc(all, func(c cobra.Completion) bool { return !strings.HasPrefix(c, typed) })
}

// providerNames completes the name of a PaymentProvider.
func providerNames(cmd *cobra.Command, o *kubectl.Options, typed string) []cobra.Completion {
	var providers v1alpha1.PaymentProviderList
	if !list(cmd, o, &providers) {
		return nil
	}
	var out []cobra.Completion
	for i := range providers.Items {
		out = append(out, cobra.CompletionWithDesc(providers.Items[i].Name, string(providers.Items[i].Spec.Mode)))
	}
	return starting(out, typed)
}

// namespaceNames completes -n.
func namespaceNames(o *kubectl.Options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var out []cobra.Completion
		c, err := o.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		var namespaces corev1.NamespaceList
		if c.List(ctx, &namespaces) == nil {
			for i := range namespaces.Items {
				out = append(out, namespaces.Items[i].Name)
			}
		}
		return starting(out, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// planArgs completes any number of Plans.
func planArgs(o *kubectl.Options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		out := slices.DeleteFunc(planNames(cmd, o, typed), func(c cobra.Completion) bool {
			name, _, _ := strings.Cut(c, "\t")
			return slices.Contains(args, name) || strings.Contains(typed, "/")
		})
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// providerArgs completes one argument, a PaymentProvider.
func providerArgs(o *kubectl.Options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return providerNames(cmd, o, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// receiverArgs completes one argument, a WebhookReceiver.
func receiverArgs(o *kubectl.Options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return receiverNames(cmd, o, typed), cobra.ShellCompDirectiveNoFileComp
	}
}
