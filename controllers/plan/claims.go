package plan

import (
	"context"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
)

// claims keeps two Plans that name one product from adopting it at the same moment: each would mark a part of it, and
// then refuse what carries the other's marks. Once it is marked, the marks decide. The zero value is ready.
type claims struct {
	mu sync.Mutex
	by map[string]claim // by account and product
}

type claim struct {
	uid  types.UID
	name types.NamespacedName
}

// claim refuses a product that another Plan is about to adopt, or has adopted, and still names.
func (s *sale) claim(ctx context.Context) error {
	if s.at.Adopt == nil {
		return nil
	}
	c := &s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	key := s.account.Identity + " " + s.at.Adopt.ProductID
	mine := claim{s.plan.UID, client.ObjectKeyFromObject(s.plan)}
	if held, ok := c.by[key]; ok && held.uid != mine.uid {
		holds, err := s.holds(ctx, held)
		if err != nil {
			return err
		}
		if holds {
			return &accounts.Error{
				Reason: v1alpha1.ReasonOwnedByAnother, Stalled: true,
				Message: fmt.Sprintf("%s is adopted by Plan %s as well, which was first", s.at.Adopt.ProductID, held.name),
			}
		}
	}
	if c.by == nil {
		c.by = map[string]claim{}
	}
	c.by[key] = mine
	return nil
}

// holds says whether a Plan still names the product.
func (s *sale) holds(ctx context.Context, held claim) (bool, error) {
	other := &v1alpha1.Plan{}
	if err := s.Client.Get(ctx, held.name, other); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("reading Plan %s: %w", held.name, err)
	}
	return other.UID == held.uid && other.DeletionTimestamp.IsZero() && !other.Spec.Suspend && enforced(other) &&
		slices.ContainsFunc(other.Spec.Providers, func(p v1alpha1.PlanProvider) bool {
			return p.Adopt != nil && p.Adopt.ProductID == s.at.Adopt.ProductID
		}), nil
}
