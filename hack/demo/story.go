package main

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// act is one part of the story. It shows something, and fails if it is not so.
type act func(context.Context, *stage) error

// sandboxStory is the whole path, offline.
func sandboxStory(ctx context.Context, s *stage) error {
	return play(ctx, s, install, func(ctx context.Context, s *stage) error {
		heading("Applying the samples: a sandbox, accounts at Stripe and Paddle, Plans, receivers, a shop, an application")
		return s.kubectl(ctx, "", "apply", "-f", "config/samples")
	}, plansBecomeReady("pro", "lifetime"), receiversBecomeReady("stripe", "paddle"), shopOpens,
		buy, eventArrives, cancel, changeAPrice, costsMore, changeTheWeights, preview, enforce, editElsewhere, overview)
}

// stripeStory is the same with Stripe's test mode, up to the checkout that a person has to pay.
func stripeStory(key, public string) act {
	return func(ctx context.Context, s *stage) error {
		acts := []act{
			install, applyForStripe(key, public), plansBecomeReady("pro"), receiversBecomeReady("stripe"), shopOpens,
			openForPerson,
		}
		if public == "" {
			acts = append(acts, sendSignedEvent)
		}
		return play(ctx, s, append(acts, changeAPrice)...)
	}
}

func play(ctx context.Context, s *stage, acts ...act) error {
	for _, a := range acts {
		if err := a(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func install(ctx context.Context, s *stage) error {
	heading("Installing Kassa: CRDs, the operator and its rights")
	return s.kubectlCounted(ctx, "apply", "--server-side", "-k", "config/default")
}

// plansBecomeReady shows the first flow: YAML becomes products and prices.
func plansBecomeReady(names ...string) act {
	return func(ctx context.Context, s *stage) error {
		heading("Plans become products and prices at the providers")
		for _, name := range names {
			if err := s.awaitReady(ctx, &v1alpha1.Plan{}, name); err != nil {
				return err
			}
		}
		if err := s.kubectl(ctx, "", "get", "paymentproviders,plans", "-n", namespace); err != nil {
			return err
		}
		return s.kubectl(ctx, "", "get", "plan", names[0], "-n", namespace, "-o",
			`jsonpath={range .status.providers[*]}{.name}{"\n"}{range .prices[*]}  {.name}{"\t"}{.id}{"\n"}{end}{end}`)
	}
}

// receiversBecomeReady shows the second: servers for the providers' events.
func receiversBecomeReady(names ...string) act {
	return func(ctx context.Context, s *stage) error {
		heading("Receivers of events are deployed, and registered at the providers")
		for _, name := range names {
			if err := s.awaitReady(ctx, &v1alpha1.WebhookReceiver{}, name); err != nil {
				return err
			}
		}
		if err := s.kubectl(ctx, "", "get", "webhookreceivers", "-n", namespace); err != nil {
			return err
		}
		return s.await(ctx, "the example application", func() (bool, error) {
			_, err := appEvents(ctx)
			return err == nil, nil
		})
	}
}

// overview shows what the plugin of kubectl says of all of it. It fails where something is not as it should be.
func overview(ctx context.Context, s *stage) error {
	heading("How everything is, on one screen")
	return s.kubectl(ctx, "", "kassa", "status", "-n", namespace)
}

func (s *stage) awaitReady(ctx context.Context, object client.Object, name string) error {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1alpha1.")
	return s.await(ctx, kind+" "+name, func() (bool, error) {
		if err := s.get(ctx, object, name); err != nil {
			return false, err
		}
		var conditions []metav1.Condition
		switch o := object.(type) {
		case *v1alpha1.PaymentProvider:
			conditions = o.Status.Conditions
		case *v1alpha1.Plan:
			conditions = o.Status.Conditions
		case *v1alpha1.WebhookReceiver:
			conditions = o.Status.Conditions
		case *v1alpha1.CheckoutEndpoint:
			conditions = o.Status.Conditions
		}
		ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.GetGeneration(), nil
	})
}

func (s *stage) get(ctx context.Context, object client.Object, name string) error {
	return s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, object)
}
