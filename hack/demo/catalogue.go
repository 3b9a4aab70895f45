package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// preview shows a store at LemonSqueezy, and Plans that are sold, and previewed.
func preview(ctx context.Context, s *stage) error {
	heading("A store at LemonSqueezy beside the accounts, and a Plan that is only a preview")
	_, err := call(ctx, http.MethodPost, sandboxURL+"/_kassa/lemonsqueezy/stores", "", "application/json",
		[]byte(`{"id": 1, "name": "Shop", "currency": "USD"}`))
	if err != nil {
		return err
	}
	if err := s.kubectl(ctx, "", "apply", "-f", "config/samples/catalogue"); err != nil {
		return err
	}
	if err := s.awaitReady(ctx, &v1alpha1.PaymentProvider{}, "lemon"); err != nil {
		return err
	}
	for _, name := range []string{"team", "usage"} {
		if err := s.awaitReady(ctx, &v1alpha1.Plan{}, name); err != nil {
			return err
		}
	}
	if err := s.await(ctx, "the preview of Plan enterprise", s.previewed); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "", "get", "paymentproviders,plans", "-n", namespace); err != nil {
		return err
	}
	fmt.Println("  Nothing of Plan enterprise was written; this is what management: Enforce would do:")
	return s.kubectl(ctx, "", "get", "plan", "enterprise", "-n", namespace, "-o",
		`jsonpath={range .status.providers[*]}{.name}{"\n"}`+
			`{range .pending[*]}  {.operation}{"\t"}{.detail}{"\n"}{end}{end}`)
}

// enforce has the preview come true.
func enforce(ctx context.Context, s *stage) error {
	heading("The preview is as it should be: now it is carried out")
	err := s.kubectl(ctx, "", "patch", "plan", "enterprise", "-n", namespace, "--type=merge", "-p",
		`{"spec":{"management":"Enforce"}}`)
	if err != nil {
		return err
	}
	return s.awaitReady(ctx, &v1alpha1.Plan{}, "enterprise")
}

func (s *stage) previewed() (bool, error) {
	plan := &v1alpha1.Plan{}
	if err := s.get(context.Background(), plan, "enterprise"); err != nil {
		return false, err
	}
	c := meta.FindStatusCondition(plan.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.Reason == v1alpha1.ReasonPendingChanges, nil
}

// editElsewhere has somebody rename a product in the dashboard.
func editElsewhere(ctx context.Context, s *stage) error {
	heading("Somebody renames a product in Stripe's dashboard; Kassa's next look puts it right")
	plan := &v1alpha1.Plan{}
	if err := s.get(ctx, plan, "team"); err != nil {
		return err
	}
	product := sandboxURL + "/v1/products/" + plan.Status.Providers[0].ProductID
	name := func() (string, error) {
		var p struct{ Name string }
		body, err := call(ctx, http.MethodGet, product, asShop, "", nil)
		if err == nil {
			err = json.Unmarshal(body, &p)
		}
		return p.Name, err
	}
	if _, err := post(ctx, product, asShop, url.Values{"name": {"Team (50 % off!)"}}); err != nil {
		return err
	}
	there, err := name()
	if err != nil {
		return err
	}
	fmt.Printf("  the product is called %q now\n", there)
	err = s.kubectl(ctx, "", "annotate", "paymentprovider", "stripe", "-n", namespace, "--overwrite",
		v1alpha1.AnnotationReconcileAt+"="+time.Now().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	err = s.await(ctx, "the name that the Plan says", func() (bool, error) {
		there, err = name()
		return there == plan.Spec.DisplayName, err
	})
	if err == nil {
		fmt.Printf("  and %q again\n", there)
	}
	return err
}
